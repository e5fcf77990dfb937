"""From decoded frames to the pixels an encoder expects: resize, crop, scale."""

import dataclasses
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

# Source: OpenAI CLIP; HawkEye evaluates with these.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
# Source: torchvision's ImageNet statistics; HawkEye trains with these.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resize:
  """From a frame to a square of `size` x `size`.

  Attributes:
    size: pixels of a side of the square that comes out.
    fit: 'crop' takes the short side to `size` and cuts out the centre,
      'stretch' takes both sides there.
    method: 'pil' is PIL's antialiased bicubic, which released checkpoints
      expect; 'swscale' is FFmpeg's bicubic, faster, with other pixels.
  """

  size: int
  method: Literal['pil', 'swscale'] = 'pil'
  fit: Literal['crop', 'stretch'] = 'crop'

  def __post_init__(self) -> None:
    if self.size < 1:
      raise ValueError(f'{self.size=} is not a size; use 1 pixel or more')
    if self.method not in ('pil', 'swscale'):
      raise ValueError(f"{self.method=} is unknown; use 'pil' or 'swscale'")
    if self.fit not in ('crop', 'stretch'):
      raise ValueError(f"{self.fit=} is unknown; use 'crop' or 'stretch'")


def short_side_size(height: int, width: int, size: int) -> tuple[int, int]:
  """Height and width once the short side is `size`; the long side rounds down.

  Source: torchvision `_compute_resized_output_size`.
  """
  if height <= width:
    return size, int(size * width / height)
  return int(size * height / width), size


def crop_offsets(height: int, width: int, size: int) -> tuple[int, int]:
  """Top and left of the centre crop; a half rounds to the even pixel.

  Source: torchvision `center_crop`.
  """
  return round((height - size) / 2.0), round((width - size) / 2.0)


def centre_crop(
  image: UInt8[np.ndarray, 'h w C'], size: int
) -> UInt8[np.ndarray, 'size size C']:
  """The middle `size` x `size` pixels of an image at least that large."""
  top, left = crop_offsets(*image.shape[:2], size)
  return image[top : top + size, left : left + size]


def resize_and_crop(
  image: UInt8[np.ndarray, 'h w 3'], size: int
) -> UInt8[np.ndarray, 'size size 3']:
  """The evaluation resize: PIL antialiased bicubic, then a centre crop.

  Source: HawkEye evaluation transform (short side 224, centre crop 224).
  """
  height, width = short_side_size(*image.shape[:2], size)
  resized = Image.fromarray(image).resize(
    (width, height), Image.Resampling.BICUBIC
  )
  return np.ascontiguousarray(centre_crop(np.asarray(resized), size))


def stretch(
  image: UInt8[np.ndarray, 'h w 3'], size: int
) -> UInt8[np.ndarray, 'size size 3']:
  """The whole image as a square: PIL antialiased bicubic."""
  if image.shape[:2] == (size, size):
    return image
  return np.asarray(
    Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
  )


def resized(
  image: UInt8[np.ndarray, 'h w 3'], resize: Resize
) -> UInt8[np.ndarray, 'size size 3']:
  """The square that a `Resize` by PIL makes of an image."""
  fit = stretch if resize.fit == 'stretch' else resize_and_crop
  return fit(image, resize.size)


def normalise(
  frames: UInt8[np.ndarray, '... 3'],
  mean: tuple[float, float, float] = CLIP_MEAN,
  std: tuple[float, float, float] = CLIP_STD,
) -> Float32[np.ndarray, '... 3']:
  """(frames / 255 - mean) / std in float32; channels are last."""
  scaled = frames.astype(np.float32) / np.float32(255)
  return (scaled - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)


def eval_transform(
  image: UInt8[np.ndarray, 'h w 3'], size: int
) -> Float32[np.ndarray, '3 size size']:
  """One image as HawkEye's evaluation feeds it: CLIP statistics, CHW."""
  return normalise(resize_and_crop(image, size)).transpose(2, 0, 1)
