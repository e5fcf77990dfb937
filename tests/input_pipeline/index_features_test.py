"""Every row of an index is what the encoder says of the frame on display."""

import numpy as np
import pytest
from PIL import Image

from input_pipeline.encode_video import Encoding
from input_pipeline.feature_index import (
  index_path,
  open_index,
  read_index,
)
from input_pipeline.feature_layout import Made
from input_pipeline.index_features import index_features
from input_pipeline.video import Resize, open_video
from vtg_jax.errors import BadInput
from vtg_jax.testing.numbered_video import write_numbered_video

BATCH = 4


class Encoder:
  """Mean colours of frames; counts the frames, and may be interrupted."""

  def __init__(self, stop_after=None):
    self.batches = []
    self._stop_after = stop_after

  def __call__(self, frames):
    if len(self.batches) == self._stop_after:
      raise KeyboardInterrupt
    self.batches.append(len(frames))
    return means(frames)


def means(frames):
  return frames.reshape(len(frames), -1, 3).mean(1, dtype=np.float32)


@pytest.fixture
def video(tmp_path):
  path = tmp_path / 'a.mp4'
  write_numbered_video(path, 60, Encoding(fps=10))
  return path


def index(path, encoder, *, fps=5.0, **options):
  store = open_video(path, resize=Resize(size=16))
  made = Made(model='means', fingerprint='m', resize='pil', fps=fps)
  index_features(
    store, index_path(path), made, encoder, width=3, batch=BATCH, **options
  )
  return store


@pytest.mark.parametrize('fps', [0.1, 5.0, 7.3, 25.0])
def test_rows_are_the_frames_on_display(video, fps):
  encoder, told = Encoder(), []
  index(video, encoder, fps=fps, on_progress=lambda *now: told.append(now))
  got = open_index(video, fps=fps)
  store = open_video(video, resize=Resize(size=16))
  ids = store.frame_at(np.arange(len(got.features)) / fps)
  assert len(got.features) == np.ceil(6 * fps)
  np.testing.assert_array_equal(got.features, means(store.get(ids)))
  np.testing.assert_array_equal(got.times_s, store.times_s[ids])
  # Each frame is encoded once, however often it is shown.
  assert sum(encoder.batches) == len(set(ids))
  assert max(encoder.batches) <= BATCH
  assert told[-1] == (len(ids), len(ids))


def test_frames_at_uneven_times(tmp_path):
  path = tmp_path / 'a.mkv'
  times_s = [0, 0.1, 0.2, 1.5, 1.6, 3.0]
  write_numbered_video(path, 6, Encoding(), times_s=times_s)
  index(path, Encoder(), fps=2.0)
  got = read_index(index_path(path))
  want = [0, 0.2, 0.2, 1.5, 1.6, 1.6, 3.0]
  np.testing.assert_allclose(got.times_s[:7], want, atol=1e-3)


@pytest.mark.parametrize('fps', [5.0, 25.0])
def test_an_interrupted_run_goes_on_and_ends_the_same(video, fps):
  index(video, Encoder(), fps=fps)
  path = index_path(video)
  whole = path.read_bytes()
  path.unlink()
  with pytest.raises(KeyboardInterrupt):
    index(video, Encoder(stop_after=3), fps=fps)
  assert not path.exists()
  encoder = Encoder()
  store = index(video, encoder, fps=fps)
  n_frames = min(60, round(6 * fps))
  # What was encoded last is not yet written when the next one begins.
  assert sum(encoder.batches) == n_frames - 2 * BATCH
  assert path.read_bytes() == whole
  assert store.count.passes == 1


def test_a_part_can_be_begun_anew(video):
  with pytest.raises(KeyboardInterrupt):
    index(video, Encoder(stop_after=3))
  encoder = Encoder()
  index(video, encoder, anew=True)
  assert sum(encoder.batches) == 30


def test_a_damaged_video_keeps_what_came_before_the_damage(video):
  data = bytearray(video.read_bytes())
  start = data.index(b'mdat') + len(data) // 2
  data[start : start + 2000] = bytes(2000)
  video.write_bytes(data)
  with pytest.raises(BadInput, match='is damaged'):
    index(video, Encoder())
  assert not index_path(video).exists()


def test_a_folder_of_frames_is_a_video(tmp_path):
  folder = tmp_path / 'frames'
  folder.mkdir()
  for i in range(6):
    image = np.full((20, 24, 3), 40 * i, np.uint8)
    Image.fromarray(image).save(folder / f'{i}.png')
  index(folder, Encoder(), fps=3.0)
  got = open_index(folder)
  np.testing.assert_allclose(got.features[:, 0], 40 * np.arange(6))
  Image.fromarray(image[:10]).save(folder / '6.png')
  with pytest.raises(BadInput, match='before it changed'):
    open_index(folder)
