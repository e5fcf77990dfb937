import numpy as np
import pytest
from PIL import Image

from input_pipeline import video
from input_pipeline.pixels import Resize, resize_and_crop
from vtg_jax.errors import BadInput
from vtg_jax.testing.frame_number import read_number
from vtg_jax.testing.numbered_video import numbered_frames


def write_folder(path, n_frames, *, pattern='{:05d}.png'):
  path.mkdir(exist_ok=True)
  frames = list(numbered_frames(n_frames))
  for i, frame in enumerate(frames):
    Image.fromarray(frame).save(path / pattern.format(i + 1))
  return frames


def test_frames_come_in_the_order_of_names(tmp_path):
  frames = write_folder(tmp_path / 'frames', 12)
  store = video.open_video(tmp_path / 'frames', resize=None)
  assert store.is_folder
  assert (store.n_frames, store.fps, store.duration_s) == (12, 3.0, 4.0)
  np.testing.assert_array_equal(store.get(range(12)), frames)


def test_time_shows_the_frame_on_display(tmp_path):
  write_folder(tmp_path / 'frames', 12)
  store = video.open_video(tmp_path / 'frames', resize=None, folder_fps=2)
  frames = store.get(store.frame_at([0, 0.49, 0.5, 3.2, 6]))
  assert [read_number(frame) for frame in frames] == [0, 0, 1, 6, 11]


def test_names_are_sorted_as_strings(tmp_path):
  write_folder(tmp_path / 'frames', 11, pattern='{}.png')
  index = video.index_folder(tmp_path / 'frames')
  assert index.names[:3] == ('1.png', '10.png', '11.png')


def test_other_and_hidden_files_are_passed_over(tmp_path):
  write_folder(tmp_path / 'frames', 2)
  (tmp_path / 'frames' / 'notes.txt').write_text('three frames a second')
  (tmp_path / 'frames' / '._00001.png').write_bytes(b'metadata')
  assert video.index_folder(tmp_path / 'frames').n_frames == 2


@pytest.mark.parametrize('method', ['pil', 'swscale'])
def test_frames_are_resized_as_they_are_read(tmp_path, method):
  (frame,) = write_folder(tmp_path / 'frames', 1)
  store = video.open_video(
    tmp_path / 'frames', resize=Resize(size=32, method=method)
  )
  difference = store.get([0])[0].astype(int) - resize_and_crop(frame, 32)
  assert np.abs(difference).mean() < (1 if method == 'pil' else 12)


def test_only_wanted_images_are_opened(tmp_path):
  write_folder(tmp_path / 'frames', 9)
  store = video.open_video(tmp_path / 'frames', resize=None)
  store.get([3, 3, 5])
  store.get([5])
  assert store.count.pictures == 2


def test_folder_without_images_is_bad_input(tmp_path):
  with pytest.raises(BadInput, match='without images'):
    video.open_video(tmp_path, resize=None)


def test_missing_folder_is_bad_input(tmp_path):
  with pytest.raises(BadInput, match='there is no folder'):
    video.index_folder(tmp_path / 'nowhere')


@pytest.mark.parametrize('fps', [0, -1, float('nan'), float('inf')])
def test_rate_that_is_none_is_bad_input(tmp_path, fps):
  write_folder(tmp_path / 'frames', 1)
  with pytest.raises(BadInput, match='frames per second'):
    video.index_folder(tmp_path / 'frames', fps)


def test_broken_image_is_bad_input_that_names_it(tmp_path):
  write_folder(tmp_path / 'frames', 3)
  broken = tmp_path / 'frames' / '00002.png'
  broken.write_bytes(broken.read_bytes()[:200])
  store = video.open_video(tmp_path / 'frames', resize=None)
  with pytest.raises(BadInput, match='00002.png'):
    store.get([1])


def test_images_of_several_sizes_need_a_resize(tmp_path):
  write_folder(tmp_path / 'frames', 2)
  small = Image.fromarray(np.zeros((64, 64, 3), np.uint8))
  small.save(tmp_path / 'frames' / '00002.png')
  with pytest.raises(BadInput, match='several sizes'):
    video.open_video(tmp_path / 'frames', resize=None).get([0, 1])
  resized = video.open_video(tmp_path / 'frames', resize=Resize(size=16))
  assert resized.get([0, 1]).shape == (2, 16, 16, 3)
