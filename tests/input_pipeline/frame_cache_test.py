"""Decoded frames on disk are the video's, or are made anew."""

import os

import numpy as np
import pytest

from input_pipeline import frame_cache, pixels
from input_pipeline.encode_video import Encoding
from input_pipeline.frame_cache import CacheOptions, cached_video
from input_pipeline.video import open_video
from vtg_jax.errors import BadInput
from vtg_jax.testing.numbered_video import write_numbered_video


@pytest.fixture
def video(tmp_path):
  path = tmp_path / 'a.mp4'
  write_numbered_video(path, 30, Encoding(fps=10))
  return str(path)


class Opening:
  """Opens a video and counts how often."""

  def __init__(self, path):
    self.path = path
    self.n = 0

  def __call__(self):
    self.n += 1
    return open_video(self.path, resize=None)


def open_cached(video, tmp_path, **options):
  opening = Opening(video)
  settings = CacheOptions(folder=str(tmp_path / 'cache'), **options)
  store = cached_video(video, settings, opening)
  return store, opening, frame_cache.cache_path(video, settings)


def test_frames_are_those_of_the_video(video, tmp_path):
  store, opening, _ = open_cached(video, tmp_path, short_side=None)
  assert opening.n == 1
  want = open_video(video, resize=None)
  np.testing.assert_array_equal(store.get([7, 0, 7]), want.get([7, 0, 7]))
  np.testing.assert_array_equal(store.times_s, want.times_s)
  assert (store.duration_s, store.fps) == (want.duration_s, want.fps)
  assert (store.index.width, store.index.height) == (96, 64)


def test_a_second_opening_decodes_nothing(video, tmp_path):
  open_cached(video, tmp_path)
  store, opening, _ = open_cached(video, tmp_path)
  store.get(range(30))
  assert opening.n == 0


def test_frames_are_reduced_to_a_short_side(video, tmp_path):
  store, _, path = open_cached(video, tmp_path, short_side=32)
  assert store.get([0]).shape == (1, 32, 48, 3)
  square = pixels.centre_crop(store.get([5])[0], 32)
  want = open_video(video, resize=pixels.Resize(size=32)).get([5])[0]
  np.testing.assert_array_equal(square, want)


def test_smaller_frames_keep_their_size(video, tmp_path):
  store, _, _ = open_cached(video, tmp_path, short_side=256)
  assert store.get([0]).shape == (1, 64, 96, 3)


@pytest.mark.parametrize('fps', [3.0, 25.0])
def test_a_cache_can_have_a_rate_of_its_own(video, tmp_path, fps):
  store, _, _ = open_cached(video, tmp_path, fps=fps, short_side=None)
  assert store.n_frames == 3 * fps
  assert store.fps == fps
  want = open_video(video, resize=None)
  ids = want.frame_at(store.times_s)
  np.testing.assert_array_equal(store.get(range(store.n_frames)), want.get(ids))


def test_a_video_that_changed_is_decoded_anew(video, tmp_path):
  open_cached(video, tmp_path)
  write_numbered_video(video, 12, Encoding(fps=10))
  store, opening, _ = open_cached(video, tmp_path)
  assert (store.n_frames, opening.n) == (12, 1)


def test_other_options_have_files_of_their_own(video, tmp_path):
  paths = {
    open_cached(video, tmp_path, **options)[2]
    for options in ({}, {'short_side': 32}, {'fps': 3.0})
  }
  assert len(paths) == 3


@pytest.mark.parametrize('damage', ['cut', 'empty', 'text', 'flip'])
def test_a_damaged_file_is_made_anew(video, tmp_path, damage):
  store, _, path = open_cached(video, tmp_path)
  want = store.get(range(30))
  with open(path, 'rb') as file:
    data = bytearray(file.read())
  if damage == 'flip':
    for at in range(300, len(data) // 2, 997):
      data[at] ^= 0xFF
  else:
    data = {'cut': data[: len(data) // 2], 'empty': b'', 'text': b'hello'}[
      damage
    ]
  with open(path, 'wb') as file:
    file.write(data)
  store, opening, _ = open_cached(video, tmp_path)
  np.testing.assert_array_equal(store.get(range(30)), want)
  assert opening.n == 1


def test_a_file_damaged_while_open_is_made_anew(video, tmp_path):
  store, opening, path = open_cached(video, tmp_path)
  want = open_video(video, resize=None).get([3])
  os.truncate(path, os.path.getsize(path) // 2)
  np.testing.assert_array_equal(store.get([3]), want)
  assert opening.n == 2


def test_a_video_that_cannot_be_decoded_leaves_nothing(tmp_path):
  path = tmp_path / 'a.mp4'
  path.write_bytes(b'no video')
  with pytest.raises(BadInput, match='cannot be read as a video'):
    open_cached(str(path), tmp_path)
  folder = tmp_path / 'cache'
  assert not folder.exists() or not list(folder.iterdir())


def test_a_cache_that_cannot_be_written_is_told(video, tmp_path):
  (tmp_path / 'cache').write_text('a file')
  with pytest.raises(BadInput, match='cannot be kept in'):
    open_cached(video, tmp_path)


@pytest.mark.parametrize('wrong', [{'short_side': 0}, {'fps': 0.0}])
def test_impossible_options_are_refused(wrong):
  with pytest.raises(ValueError, match='use'):
    CacheOptions(folder='x', **wrong)
