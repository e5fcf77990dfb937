import math

import numpy as np
import pytest

from input_pipeline import video
from input_pipeline.encode_video import Encoding
from input_pipeline.pixels import Resize, resize_and_crop
from vtg_jax.errors import BadInput
from vtg_jax.testing.frame_number import read_number
from vtg_jax.testing.numbered_video import write_numbered_video


@pytest.fixture(scope='module')
def path(tmp_path_factory):
  path = tmp_path_factory.mktemp('store') / 'forty.mp4'
  write_numbered_video(path, 40, Encoding(gop=40))
  return path


def test_each_frame_is_decoded_once(path):
  store = video.open_video(path, resize=None)
  assert store.decoded == 0
  first = store.get([3, 9, 3])
  assert (store.decoded, store.count.passes) == (2, 1)
  again = store.get([9, 3])
  assert (store.decoded, store.count.passes) == (2, 1)
  np.testing.assert_array_equal(first[:2], again[::-1])
  store.prefetch(range(8, 12))
  assert (store.decoded, store.count.passes) == (5, 2)


def test_prefetched_frames_cost_no_second_pass(path):
  store = video.open_video(path, resize=Resize(size=16))
  store.prefetch(range(40))
  pictures = store.count.pictures
  assert pictures == 40
  for i in range(40):
    store.get([i])
  assert (store.count.passes, store.count.pictures) == (1, pictures)


def test_frames_come_in_the_order_asked_for(path):
  store = video.open_video(path, resize=None)
  ids = [39, 0, 17, 17, 5]
  assert [read_number(frame) for frame in store.get(ids)] == ids
  assert [read_number(f) for f in store.get(np.array(ids))] == ids


def test_kept_frames_have_the_encoders_size(path):
  store = video.open_video(path, resize=Resize(size=32))
  frames = store.get([0, 1])
  assert frames.shape == (2, 32, 32, 3)
  assert frames.dtype == np.uint8
  assert store.resident_bytes == 2 * 32 * 32 * 3


def test_pil_resize_equals_resizing_the_decoded_frame(path):
  native = video.open_video(path, resize=None).get([7])[0]
  resized = video.open_video(path, resize=Resize(size=24)).get([7])[0]
  np.testing.assert_array_equal(resized, resize_and_crop(native, 24))


def test_swscale_resize_is_near_but_not_the_same(path):
  pil = video.open_video(path, resize=Resize(size=24)).get([7])
  fast = video.open_video(path, resize=Resize(size=24, method='swscale')).get(
    [7]
  )
  difference = np.abs(pil.astype(int) - fast)
  assert fast.shape == pil.shape
  assert 0 < difference.mean() < 12


def test_frame_starts_at_its_own_time(path):
  store = video.open_video(path, resize=None)
  sums_s = np.cumsum(np.full(39, 0.1))  # falls short of 0.8, 1.1, ...
  assert store.frame_at(store.times_s).tolist() == list(range(40))
  assert store.frame_at(sums_s).tolist() == list(range(1, 40))
  assert store.frame_at([0.0999, 0.1]).tolist() == [0, 1]


def test_end_of_the_video_shows_the_last_frame(path):
  store = video.open_video(path, resize=None)
  assert store.duration_s == 4.0
  assert store.frame_at([3.9, 3.95, 4.0]).tolist() == [39, 39, 39]


@pytest.mark.parametrize('time_s', [math.nan, math.inf, -math.inf, -0.1, 4.1])
def test_time_outside_the_video_is_bad_input(path, time_s):
  store = video.open_video(path, resize=None)
  with pytest.raises(BadInput, match='choose a time from 0 to 4 s'):
    store.frame_at([1.0, time_s])


@pytest.mark.parametrize('frame_id', [-1, 40, 1.5, None])
def test_frame_that_is_not_there_is_bad_input(path, frame_id):
  store = video.open_video(path, resize=None)
  with pytest.raises(BadInput, match=f'frame {frame_id} '):
    store.get([0, frame_id])
  assert store.decoded == 0


def test_no_frames_is_bad_input(path):
  with pytest.raises(BadInput, match='no frame was asked for'):
    video.open_video(path, resize=None).get([])


def test_progress_counts_up_to_what_is_read(path):
  seen = []
  store = video.open_video(
    path, resize=None, on_progress=lambda *counts: seen.append(counts)
  )
  store.get([1, 2, 3])
  store.get([3, 4])
  assert seen == [(1, 3), (2, 3), (3, 3), (1, 1)]


def test_papers_duration_is_frames_over_rate(path):
  store = video.open_video(path, resize=None)
  assert store.paper_duration_s == 40 / 10


def test_two_sizes_of_one_video_are_read_with_one_index(path):
  store = video.open_video(path, resize=Resize(size=16))
  large = store.at_size(24)
  assert store.at_size(16) is store and store.at_size(24) is large
  assert large.index is store.index
  assert store.get([4]).shape == (1, 16, 16, 3)
  expected = video.open_video(path, resize=Resize(size=24)).get([4, 30])
  np.testing.assert_array_equal(large.get([4, 30]), expected)
  with pytest.raises(ValueError, match='without a resize'):
    video.open_video(path, resize=None).at_size(8)


def test_a_clip_is_a_video_of_its_own(path):
  store = video.open_video(path, resize=Resize(size=16))
  clip = store.clip(1.0, 2.55)  # ten frames a second
  assert (clip.n_frames, clip.duration_s) == (16, pytest.approx(1.55))
  assert clip.times_s == pytest.approx(np.arange(16) / 10)
  np.testing.assert_array_equal(clip.get([0, 15, 3]), store.get([10, 25, 13]))
  assert clip.frame_at([0.0, 1.55]).tolist() == [0, 15]
  # Frame 10 is on display before the clip starts and goes on into it.
  late = store.clip(1.05)
  assert (late.n_frames, late.times_s[1]) == (30, pytest.approx(0.05))
  np.testing.assert_array_equal(
    late.at_size(8).get([1]), store.at_size(8).get([11])
  )


@pytest.mark.parametrize('bounds', [(2.0, 1.0), (9.0, 10.0), (-1.0, 2.0)])
def test_a_clip_of_nothing_is_bad_input(path, bounds):
  with pytest.raises(BadInput, match='inside the video'):
    video.open_video(path, resize=None).clip(*bounds)
