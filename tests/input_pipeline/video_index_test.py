"""Files that are not a video, or not a whole one, are told in one sentence."""

import os

import av
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline import video
from input_pipeline.encode_video import Encoding, encode_video
from vtg_jax.errors import BadInput
from vtg_jax.testing.numbered_video import write_audio, write_numbered_video


def refusal(path) -> str:
  """What index_video says of a file that it refuses."""
  with pytest.raises(BadInput) as caught:
    video.index_video(path)
  message = str(caught.value)
  assert str(path) in message
  assert '\n' not in message
  assert ';' in message  # the remedy follows
  return message


@pytest.fixture(scope='module')
def damaged_folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('damaged')
  for name in ('a.mp4', 'a.mkv', 'a.ts', 'a.avi'):
    write_numbered_video(folder / name, 20)
  return folder


def test_missing_file_is_bad_input(tmp_path):
  assert 'there is no file' in refusal(tmp_path / 'nowhere.mp4')


def test_folder_is_not_a_video_file(tmp_path):
  assert 'folder' in refusal(tmp_path)


def test_empty_file_is_bad_input(tmp_path):
  (tmp_path / 'empty.mp4').touch()
  assert 'empty file' in refusal(tmp_path / 'empty.mp4')


@pytest.mark.parametrize(
  'name', ['noise.mp4', 'noise.mkv', 'noise.ts', 'noise']
)
def test_noise_is_not_a_video(tmp_path, name):
  path = tmp_path / name
  path.write_bytes(np.random.default_rng(0).bytes(20_000))
  refusal(path)


@pytest.mark.parametrize('name', ['words.txt', 'words.mp4'])
def test_text_is_not_a_video(tmp_path, name):
  path = tmp_path / name
  path.write_text('when does the dog jump? ' * 100)
  refusal(path)


def test_audio_alone_is_not_a_video(tmp_path):
  path = tmp_path / 'song.m4a'
  write_audio(path)
  assert 'no video stream' in refusal(path)


def test_audio_with_a_cover_picture_is_not_a_video(tmp_path):
  path = tmp_path / 'song.mp3'
  with av.open(str(path), 'w') as container:
    audio = container.add_stream('mp3', rate=16_000)
    cover = container.add_stream('mjpeg', rate=1)
    cover.width, cover.height, cover.pix_fmt = 64, 48, 'yuvj420p'
    cover.disposition = av.stream.Disposition.attached_pic
    picture = av.VideoFrame.from_ndarray(
      np.zeros((48, 64, 3), np.uint8), format='rgb24'
    ).reformat(format='yuvj420p')
    container.mux(cover.encode(picture))
    container.mux(cover.encode(None))
    silence = np.zeros((1, 1152), np.float32)
    for i in range(10):
      frame = av.AudioFrame.from_ndarray(silence, format='fltp', layout='mono')
      frame.sample_rate, frame.pts = 16_000, i * 1152
      container.mux(audio.encode(frame))
    container.mux(audio.encode(None))
  assert 'no video stream' in refusal(path)


def test_file_without_frames_is_bad_input(tmp_path):
  path = tmp_path / 'no_frames.mkv'
  with av.open(str(path), 'w') as container:
    stream = container.add_stream('libx264', rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
    container.start_encoding()
  refusal(path)


def test_frames_that_cannot_be_decoded_are_bad_input(tmp_path):
  path = tmp_path / 'undecodable.mp4'
  write_numbered_video(path, 5, Encoding(b_frames=0))
  content = bytearray(path.read_bytes())
  with av.open(str(path)) as container:
    for entry in container.streams.video[0].index_entries:
      content[entry.pos : entry.pos + entry.size] = b'\xff' * entry.size
  path.write_bytes(content)
  assert 'no frame that can be decoded' in refusal(path)


@pytest.mark.parametrize(
  ('name', 'options'),
  [
    ('index_at_end.mp4', {}),
    ('index_at_start.mp4', {'movflags': 'faststart'}),
    ('fragmented.mp4', {'movflags': 'frag_keyframe+empty_moov'}),
    ('truncated.mkv', {}),
  ],
)
@pytest.mark.parametrize('share', [0.3, 0.6])
def test_truncated_file_is_bad_input(tmp_path, name, options, share):
  path = tmp_path / name
  write_numbered_video(path, 60, Encoding(container_options=options))
  os.truncate(path, int(path.stat().st_size * share))
  refusal(path)


def test_an_unknown_encoding_is_bad_input(tmp_path):
  path = tmp_path / 'odd.mp4'
  write_numbered_video(path, 5)
  path.write_bytes(path.read_bytes().replace(b'avc1', b'zzzz'))
  with pytest.raises(BadInput, match='encoded in a way that FFmpeg does not'):
    video.index_video(path)


@hypothesis.given(
  data=st.data(), name=st.sampled_from(['a.mp4', 'a.mkv', 'a.ts', 'a.avi'])
)
@hypothesis.settings(max_examples=40, deadline=None)
def test_a_damaged_file_is_read_or_bad_input(damaged_folder, data, name):
  whole = bytearray((damaged_folder / name).read_bytes())
  for at in data.draw(
    st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=30)
  ):
    whole[at] = data.draw(st.integers(0, 255))
  path = damaged_folder / f'damaged_{name}'
  path.write_bytes(whole)
  try:
    store = video.open_video(path, resize=None)
    assert len(store.get([0, store.n_frames - 1])) == 2
  except BadInput:
    pass


def test_a_stream_that_begins_late_is_passed_over(tmp_path):
  path = tmp_path / 'a.ts'
  write_numbered_video(path, 60)
  data = bytearray(path.read_bytes())
  begins_frame = [
    at
    for at in range(0, len(data), 188)
    if data[at + 1] == 0x41 and data[at + 2] == 0x00
  ]
  assert len(begins_frame) == 60
  data[begins_frame[50] + 2] = 0x23  # another stream's number
  path.write_bytes(data)
  assert video.index_video(path).n_frames == 59


def test_truncated_file_says_how_many_frames_are_there(tmp_path):
  path = tmp_path / 'truncated.mp4'
  options = {'movflags': 'faststart'}
  write_numbered_video(path, 40, Encoding(container_options=options))
  os.truncate(path, path.stat().st_size * 3 // 4)
  assert ' of 40 frames are there' in refusal(path)


def test_pipe_is_refused_and_not_waited_for(tmp_path):
  path = tmp_path / 'pipe.mp4'
  os.mkfifo(path)
  assert 'not a regular file' in refusal(path)


def test_playlist_does_not_reach_for_the_network(tmp_path):
  path = tmp_path / 'list.m3u8'
  path.write_text(
    '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n'
    'http://localhost:9/segment.ts\n#EXT-X-ENDLIST\n'
  )
  refusal(path)


def test_name_with_a_colon_is_a_file_name(tmp_path):
  path = tmp_path / 'tcp:1 part two.mp4'
  write_numbered_video(path.with_name('plain.mp4'), 3)
  path.with_name('plain.mp4').rename(path)
  assert video.index_video(path).n_frames == 3


def test_audio_beside_the_picture_is_ignored(tmp_path):
  path = tmp_path / 'sound.mkv'
  sound = tmp_path / 'sound.m4a'
  write_numbered_video(tmp_path / 'silent.mp4', 10)
  write_audio(sound, duration_s=5)
  with (
    av.open(str(path), 'w') as target,
    av.open(str(sound)) as audio,
    av.open(str(tmp_path / 'silent.mp4')) as picture,
  ):
    for source in (audio, picture):
      target.add_stream_from_template(source.streams[0])
    for i, source in enumerate((audio, picture)):
      for packet in source.demux():
        if packet.size:
          packet.stream = target.streams[i]
          target.mux(packet)
  index = video.index_video(path)
  assert index.n_frames == 10
  assert index.duration_s == pytest.approx(1.0)


def test_size_and_rate_are_those_that_were_encoded(tmp_path):
  path = tmp_path / 'plain.mkv'
  frames = [np.zeros((32, 48, 3), np.uint8)] * 5
  encode_video(path, frames, Encoding(fps=5))
  index = video.index_video(path)
  assert (index.height, index.width) == (32, 48)
  assert index.average_fps == 5


@pytest.mark.parametrize(
  ('name', 'text'),
  [
    ('list.mp4', 'ffconcat version 1.0\nfile a.ts\n'),
    (
      'list.m3u8',
      '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\na.ts\n#EXT-X-ENDLIST\n',
    ),
  ],
)
def test_a_playlist_is_refused_before_what_it_names_is_opened(
  tmp_path, name, text
):
  os.mkfifo(tmp_path / 'a.ts')  # to open it would wait for ever
  (tmp_path / name).write_text(text)
  with pytest.raises(BadInput, match='cannot be read as a video'):
    video.index_video(tmp_path / name)
