"""Exactness, on files of every awkward kind that carry their frame numbers."""

import bisect
import dataclasses
import itertools
import pathlib
from collections.abc import Callable

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from input_pipeline import video, video_frames
from input_pipeline.encode_video import Encoding
from input_pipeline.pixels import Resize
from vtg_jax.errors import BadInput
from vtg_jax.testing.frame_number import read_number
from vtg_jax.testing.numbered_video import cut_video, write_numbered_video

VARIABLE_TIMES_S = list(
  itertools.accumulate([0.02, 0.3, 0.05, 1.0, 0.1] * 6, initial=0.0)
)


@dataclasses.dataclass(frozen=True)
class Clip:
  """A file to write, and the number of the frame on display at a time."""

  name: str
  write: Callable[[pathlib.Path], None]
  n_frames: int
  duration_s: float
  number_at: Callable[[float], int]


def constant(name, n_frames, encoding, *, fps=10.0, first=0, **size) -> Clip:
  return Clip(
    name,
    lambda path: write_numbered_video(path, n_frames, encoding, **size),
    n_frames,
    pytest.approx(n_frames / fps),
    lambda time_s: first + int(time_s * fps),
  )


def write_cut(path: pathlib.Path) -> None:
  whole = path.with_stem('whole')
  write_numbered_video(whole, 40)
  cut_video(whole, path, 1.5)


def write_transport_stream_from_its_middle(path: pathlib.Path) -> None:
  whole = path.with_stem('whole')
  write_numbered_video(whole, 60)
  packets = whole.read_bytes()
  half = len(packets) // 188 // 2 * 188
  path.write_bytes(packets[half:])


def write_variable(path: pathlib.Path) -> None:
  write_numbered_video(path, len(VARIABLE_TIMES_S), times_s=VARIABLE_TIMES_S)


def variable(name: str) -> Clip:
  return Clip(
    name,
    write_variable,
    len(VARIABLE_TIMES_S),
    pytest.approx(VARIABLE_TIMES_S[-1] + 0.1, abs=1.1),
    lambda time_s: bisect.bisect_right(VARIABLE_TIMES_S, time_s) - 1,
  )


LONG_GOP = Encoding(fps=25, gop=250, b_frames=3)
CLIPS = [
  constant('constant.mp4', 40, Encoding()),
  constant('constant.mkv', 40, Encoding()),
  constant('constant.ts', 40, Encoding()),
  constant('constant.avi', 40, Encoding()),
  constant('no_b_frames.avi', 40, Encoding(b_frames=0)),
  constant('raw.h264', 40, Encoding(), fps=25.0),
  constant('ntsc.mp4', 60, Encoding(fps=29.97), fps=30000 / 1001),
  constant('long_gop.mp4', 300, LONG_GOP, fps=25),
  constant('long_gop.mkv', 300, LONG_GOP, fps=25),
  constant('every_frame_a_keyframe.mp4', 30, Encoding(gop=1, b_frames=0)),
  constant('two_frames_a_group.mp4', 30, Encoding(gop=2, b_frames=1)),
  constant(
    'open_gop.mp4', 60, Encoding(codec_options={'x264-params': 'open-gop=1'})
  ),
  constant(
    'open_gop.ts', 60, Encoding(codec_options={'x264-params': 'open-gop=1'})
  ),
  constant(
    'no_keyframes.mkv', 40, Encoding(codec_options={'intra-refresh': '1'})
  ),
  constant('late_start.ts', 60, Encoding(start_s=1000)),
  constant('late_start.mkv', 60, Encoding(start_s=7)),
  constant('late_start.mp4', 60, Encoding(start_s=7)),
  constant('no_duration.mkv', 30, Encoding(container_options={'live': '1'})),
  constant(
    'fragmented.mp4',
    40,
    Encoding(container_options={'movflags': 'frag_keyframe+empty_moov'}),
  ),
  constant('one_frame.mp4', 1, Encoding()),
  constant('one_frame.mkv', 1, Encoding()),
  constant('one_frame.ts', 1, Encoding(fps=25), fps=25),
  constant('short.mp4', 3, Encoding()),
  constant(
    'odd.mp4', 12, Encoding(pixel_format='yuv444p'), width=97, height=65
  ),
  constant('ten_bits.mp4', 12, Encoding(pixel_format='yuv420p10le')),
  Clip('edit_list.mp4', write_cut, 25, 2.5, lambda t: 15 + int(t * 10)),
  Clip('cut.mkv', write_cut, 28, 2.8, lambda t: 12 + int(t * 10)),
  Clip(
    'cut.ts',
    write_transport_stream_from_its_middle,
    24,
    2.4,
    lambda t: 36 + int(t * 10),
  ),
  variable('variable.mp4'),
  variable('variable.mkv'),
]


@pytest.fixture(scope='module')
def path_of(tmp_path_factory):
  """Writes a clip on first use and gives its path."""
  paths = {}

  def path_of(clip: Clip) -> pathlib.Path:
    if clip.name not in paths:
      path = tmp_path_factory.mktemp('clip') / clip.name
      clip.write(path)
      paths[clip.name] = path
    return paths[clip.name]

  return path_of


def decode_all(path: pathlib.Path) -> list[np.ndarray]:
  """Every picture of a file in order, without any of our code."""
  with av.open(str(path)) as container:
    return [
      picture.to_ndarray(format='rgb24')
      for picture in container.decode(video=0)
    ]


@pytest.mark.parametrize('clip', CLIPS, ids=lambda clip: clip.name)
def test_frame_on_display_is_the_one_that_was_encoded(clip, path_of):
  store = video.open_video(path_of(clip), resize=None)
  assert store.n_frames == clip.n_frames
  assert store.duration_s == clip.duration_s
  times_s = np.concatenate(
    [
      store.times_s,
      store.times_s + 0.01,
      np.linspace(0, store.duration_s, 24, endpoint=False) + 1e-4,
    ]
  )
  np.random.default_rng(0).shuffle(times_s)
  numbers = [read_number(f) for f in store.get(store.frame_at(times_s))]
  # A time a little late, since int() of a product may fall short of it.
  assert numbers == [clip.number_at(time_s + 1e-5) for time_s in times_s]


@pytest.mark.parametrize('clip', CLIPS, ids=lambda clip: clip.name)
def test_single_frame_read_by_seeking_is_the_one_that_was_encoded(
  clip, path_of
):
  path = path_of(clip)
  index = video.index_video(path)
  for frame_id in {0, index.n_frames // 2, index.n_frames - 1}:
    (frame,) = video.read_frames(index, [frame_id])
    expected = clip.number_at(float(index.times_s[frame_id]) + 1e-5)
    assert read_number(frame) == expected


@pytest.mark.parametrize('clip', CLIPS, ids=lambda clip: clip.name)
def test_declared_rate_and_times_agree(clip, path_of):
  store = video.open_video(path_of(clip), resize=None)
  assert store.times_s[0] == 0
  assert np.all(np.diff(store.times_s) > 0)
  assert store.times_s[-1] < store.duration_s
  assert store.fps == pytest.approx(store.n_frames / store.duration_s, rel=0.05)


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_any_choice_of_frames_equals_sequential_decoding(path_of, data):
  clip = data.draw(
    st.sampled_from(
      [c for c in CLIPS if c.name.startswith(('open', 'long', 'two'))]
    )
  )
  path = path_of(clip)
  index = video.index_video(path)
  frame_ids = data.draw(
    st.lists(st.integers(0, index.n_frames - 1), min_size=1, max_size=8)
  )
  sequential = decode_all(path)
  for frame, frame_id in zip(
    video.read_frames(index, frame_ids), frame_ids, strict=True
  ):
    np.testing.assert_array_equal(frame, sequential[frame_id])


@pytest.mark.parametrize(
  ('rotation', 'turns'), [(90, 1), (180, 2), (270, 3), (-90, 3)]
)
@pytest.mark.parametrize('resize', [None, 'pil', 'swscale'])
def test_rotated_frames_come_upright(tmp_path, rotation, turns, resize):
  path = tmp_path / 'rotated.mp4'
  write_numbered_video(path, 3, Encoding(rotation=rotation))
  plain = tmp_path / 'plain.mp4'
  write_numbered_video(plain, 3)
  choice = None if resize is None else Resize(size=48, method=resize)
  store = video.open_video(path, resize=choice)
  frames = store.get([0, 1, 2])
  stored = decode_all(path)
  upright = [np.rot90(frame, turns) for frame in stored]
  size = (store.index.height, store.index.width)
  assert size == upright[0].shape[:2]
  if resize is None:
    np.testing.assert_array_equal(frames, upright)
    assert [read_number(np.rot90(f, -turns)) for f in frames] == [0, 1, 2]
  else:
    unrotated = video.open_video(plain, resize=choice).get([0, 1, 2])
    expected = np.stack([np.rot90(frame, turns) for frame in unrotated])
    difference = np.abs(frames.astype(int) - expected)
    assert frames.shape == expected.shape
    assert difference.mean() < 1


def test_frames_that_seeking_does_not_find_come_from_the_whole_file(
  path_of, monkeypatch
):
  path = path_of(CLIPS[2])
  monkeypatch.setattr(
    video_frames, '_packets_from_keyframe', lambda *_: iter(())
  )
  store = video.open_video(path, resize=None)
  assert [read_number(f) for f in store.get([31, 7])] == [31, 7]
  assert store.count.passes == 2


def test_damaged_frame_is_bad_input_that_counts_what_can_be_read(tmp_path):
  path = tmp_path / 'damaged.mp4'
  write_numbered_video(path, 40, Encoding(b_frames=0))
  with av.open(str(path)) as container:
    entry = container.streams.video[0].index_entries[20]
    start, size = entry.pos, entry.size
  content = bytearray(path.read_bytes())
  content[start : start + size] = b'\xff' * size
  path.write_bytes(content)
  store = video.open_video(path, resize=None)
  assert read_number(store.get([5])[0]) == 5
  with pytest.raises(BadInput, match='2 of 3 wanted frames'):
    store.get([6, 20, 30])


def test_frames_between_wanted_ones_are_not_all_decoded(path_of):
  store = video.open_video(path_of(CLIPS[0]), resize=None)
  store.get([13])
  assert store.count.pictures < 10
