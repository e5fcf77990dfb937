import numpy as np
import pytest

from input_pipeline.encode_video import Encoding
from input_pipeline.pixels import Resize
from input_pipeline.video import SharedVideo, open_video
from vtg_jax.errors import BadInput
from vtg_jax.testing.numbered_video import write_numbered_video

SMALL, LARGE = Resize(size=16), Resize(size=32)


@pytest.fixture(scope='module')
def path(tmp_path_factory):
  path = tmp_path_factory.mktemp('shared') / 'forty.mp4'
  write_numbered_video(path, 40, Encoding(gop=40))
  return path


@pytest.mark.parametrize('method', ['pil', 'swscale'])
def test_one_pass_reads_what_all_announced_as_each_would_read_it(path, method):
  shared = SharedVideo(path)
  resizes = [Resize(size=size, method=method) for size in (16, 24)]
  stores = [open_video(shared, resize=resize) for resize in resizes]
  wanted = [0, 9, 17], [9, 39]
  for store, ids in zip(stores, wanted, strict=True):
    store.announce(ids)
  assert shared.count.passes == 0
  found = [store.get(ids) for store, ids in zip(stores, wanted, strict=True)]
  assert shared.count.passes == 1
  for resize, frames, ids in zip(resizes, found, wanted, strict=True):
    own = open_video(path, resize=resize)
    np.testing.assert_array_equal(frames, own.get(ids))


def test_frames_that_pass_through_are_not_kept(path):
  shared = SharedVideo(path)
  reader = open_video(shared, resize=SMALL)
  other = open_video(shared, resize=LARGE)
  other.announce([3])
  assert [i for i, _ in reader.stream(range(40))] == list(range(40))
  assert shared.resident_bytes == 32 * 32 * 3
  other.get([3])
  assert shared.count.passes == 1


def test_stores_of_one_size_share_their_frames(path):
  shared = SharedVideo(path)
  first, second = (open_video(shared, resize=LARGE) for _ in range(2))
  for store in (first, second):
    store.at_size(16).announce([5, 30])
  first.at_size(16).get([5])
  frames = second.at_size(16).get([30, 5])
  assert (shared.count.passes, shared.resident_bytes) == (1, 2 * 16 * 16 * 3)
  np.testing.assert_array_equal(frames[1], first.at_size(16).get([5])[0])


def test_what_nobody_announced_is_read_when_it_is_asked_for(path):
  shared = SharedVideo(path)
  store = open_video(shared, resize=SMALL)
  store.announce([1, 20])
  store.get([1])
  ids = [i for i, _ in store.stream([30, 1, 20, 2])]
  assert (ids, shared.count.passes) == ([1, 2, 20, 30], 2)


def test_a_store_of_its_own_reads_nothing_that_is_announced(path):
  store = open_video(path, resize=SMALL)
  store.announce([1, 2])
  assert store.count.passes == 0
  with pytest.raises(BadInput, match='frame 40 is not in this video'):
    open_video(SharedVideo(path), resize=SMALL).announce([40])


def test_what_is_no_video_is_refused_when_it_is_opened(tmp_path):
  shared = SharedVideo(tmp_path / 'none.mp4')
  with pytest.raises(BadInput):
    open_video(shared, resize=SMALL)
