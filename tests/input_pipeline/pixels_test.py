import pathlib

import numpy as np
import pytest

from input_pipeline import pixels
from input_pipeline.encode_video import Encoding, encode_video
from input_pipeline.video import open_video

GOLDEN = pathlib.Path(__file__).parents[1] / 'golden' / 'hawkeye'


@pytest.mark.parametrize('shape', ['wide', 'tall'])
def test_evaluation_pixels_equal_the_reference(shape):
  golden = np.load(GOLDEN / 'posembed_preproc.npz')
  image = golden[f'preproc_{shape}_in']
  out = pixels.eval_transform(image, 224)
  assert out.shape == (3, 224, 224)
  assert out.dtype == np.float32
  np.testing.assert_allclose(
    out[:, ::11, ::11], golden[f'preproc_{shape}_out_every11'], atol=1e-6
  )


@pytest.mark.parametrize(
  ('height', 'width', 'expected'),
  [
    (40, 71, (224, 397)),
    (67, 40, (375, 224)),
    (50, 50, (224, 224)),
    (720, 1280, (224, 398)),
  ],
)
def test_long_side_rounds_down(height, width, expected):
  assert pixels.short_side_size(height, width, 224) == expected


@pytest.mark.parametrize(
  ('width', 'left'), [(224, 0), (225, 0), (227, 2), (229, 2), (231, 4)]
)
def test_half_pixel_crops_round_to_even(width, left):
  assert pixels.crop_offsets(224, width, 224) == (0, left)


def test_frames_already_at_size_are_unchanged():
  image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
  np.testing.assert_array_equal(pixels.resize_and_crop(image, 32), image)


def test_normalise_gives_zero_at_the_mean():
  frames = np.full((2, 4, 4, 3), 255, np.uint8)
  out = pixels.normalise(frames, mean=(1.0, 1.0, 1.0), std=(0.5, 0.5, 0.5))
  assert out.dtype == np.float32
  np.testing.assert_array_equal(out, 0)


def test_training_and_evaluation_statistics_differ():
  assert pixels.CLIP_MEAN != pixels.IMAGENET_MEAN
  assert pixels.CLIP_STD != pixels.IMAGENET_STD


def test_unknown_resize_is_refused():
  with pytest.raises(ValueError, match='swscale'):
    pixels.Resize(size=8, method='nearest')
  with pytest.raises(ValueError, match='size'):
    pixels.Resize(size=0)


@pytest.mark.parametrize('method', ['pil', 'swscale'])
@pytest.mark.parametrize(('height', 'width'), [(24, 48), (48, 24), (32, 32)])
def test_stretching_keeps_every_corner(tmp_path, method, height, width):
  image = np.zeros((height, width, 3), np.uint8)
  image[: height // 2, : width // 2] = 200
  image[height // 2 :, width // 2 :] = 90
  frames = [image, image]
  encode_video(
    tmp_path / 'a.mp4', frames, Encoding(pixel_format='yuv444p', crf=0)
  )
  resize = pixels.Resize(size=16, method=method, fit='stretch')
  out = open_video(tmp_path / 'a.mp4', resize=resize).get([1])[0]
  assert out.shape == (16, 16, 3)
  for (row, column), level in (
    ((2, 2), 200), ((2, 13), 0), ((13, 2), 0), ((13, 13), 90)
  ):  # fmt: skip
    assert abs(int(out[row, column, 0]) - level) < 12


def test_resizes_that_cannot_be_are_refused():
  with pytest.raises(ValueError, match="use 'crop' or 'stretch'"):
    pixels.Resize(size=4, fit='squeeze')
