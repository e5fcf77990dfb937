"""The pixels HawkEye trains on: one random crop and flip for all frames."""

import dataclasses
import math
import re

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from input_pipeline import pixels

# Draws of a crop that fits, before the centre is taken.
_MAX_TRIES = 10
# Keys's cubic as PyTorch has it.
_CUBIC_A = -0.75
_SIDE = re.compile(r'\b(left|right)(?=(most|wards?|hand(ed)?)?\b)', re.I)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augment:
  """How the frames of a sample become squares.

  Attributes:
    size: pixels of a side of the square that comes out.
    crop: 'random' cuts a random part, the same of every frame, and stretches
      it; 'whole' stretches the whole frame; 'centre' is the evaluation's
      resize and crop.
    scale: least and most of the frame's area that a random crop covers.
    ratio: least and most width over height of a random crop.
    flip: 'off'; 'plain' mirrors every second sample; 'swap_words' exchanges
      left and right in a mirrored sample's texts as well.

  Source: HawkEye trains with torchvision's RandomResizedCrop(224, (0.5, 1)),
    bicubic, and RandomHorizontalFlip().
  """

  size: int
  crop: str = 'random'
  scale: tuple[float, ...] = (0.5, 1.0)
  ratio: tuple[float, ...] = (3 / 4, 4 / 3)
  flip: str = 'plain'

  def __post_init__(self):
    if self.size < 1:
      raise ValueError(f'size {self.size} is no size; use 1 pixel or more')
    for name, known in (
      ('crop', ('random', 'whole', 'centre')),
      ('flip', ('off', 'plain', 'swap_words')),
    ):
      if getattr(self, name) not in known:
        raise ValueError(
          f'{name} {getattr(self, name)!r} is unknown; use one of {known}'
        )
    for name in ('scale', 'ratio'):
      value = getattr(self, name)
      if len(value) != 2 or not 0 < value[0] <= value[1] < math.inf:
        raise ValueError(f'{name} {value} is no range; use two rising numbers')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
  """A part of a frame, in pixels."""

  top: int
  left: int
  height: int
  width: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
  """What was drawn for one sample.

  Attributes:
    box: the part of every frame that is shown; None for the evaluation's.
    mirrored: left and right are exchanged.
  """

  box: Box | None
  mirrored: bool


def draw_view(
  augment: Augment, height: int, width: int, rng: np.random.Generator
) -> View:
  """Draws the crop, then the flip, for frames of a size."""
  if augment.crop == 'random':
    box = draw_box(height, width, augment.scale, augment.ratio, rng)
  elif augment.crop == 'whole':
    box = Box(top=0, left=0, height=height, width=width)
  else:
    box = None
  return View(
    box=box, mirrored=augment.flip != 'off' and bool(rng.random() < 0.5)
  )


def draw_box(
  height: int,
  width: int,
  scale: tuple[float, ...],
  ratio: tuple[float, ...],
  rng: np.random.Generator,
) -> Box:
  """Draws a part of a frame by area and proportions.

  Ten draws that do not fit give the largest centred part with allowed
  proportions.

  Args:
    height: pixels down the frame.
    width: pixels across.
    scale: least and most area, as a share of the frame's.
    ratio: least and most width over height; uniform in the logarithm.
    rng: four draws a try: area, proportions, top, left.

  Source: torchvision 0.14 RandomResizedCrop.get_params.
  """
  for _ in range(_MAX_TRIES):
    area = height * width * rng.uniform(*scale)
    proportion = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
    w = round(math.sqrt(area * proportion))
    h = round(math.sqrt(area / proportion))
    if 0 < w <= width and 0 < h <= height:
      top = int(rng.integers(0, height - h + 1))
      left = int(rng.integers(0, width - w + 1))
      return Box(top=top, left=left, height=h, width=w)
  w, h = width, height
  if width / height < ratio[0]:
    h = round(w / ratio[0])
  elif width / height > ratio[1]:
    w = round(h * ratio[1])
  return Box(top=(height - h) // 2, left=(width - w) // 2, height=h, width=w)


def show(
  frames: UInt8[np.ndarray, 'F h w 3'], view: View, size: int
) -> UInt8[np.ndarray, 'F size size 3']:
  """The frames as the sample shows them."""
  if view.box is None:
    shown = np.stack([pixels.resize_and_crop(f, size) for f in frames])
  else:
    box = view.box
    rows = slice(box.top, box.top + box.height)
    columns = slice(box.left, box.left + box.width)
    shown = resize_bicubic(frames[:, rows, columns], size, size)
  return np.ascontiguousarray(shown[:, :, ::-1]) if view.mirrored else shown


def resize_bicubic(
  frames: UInt8[np.ndarray, 'F h w 3'], height: int, width: int
) -> UInt8[np.ndarray, 'F height width 3']:
  """Bicubic with four taps whatever the scale: it does not antialias.

  Pixel centres lie at halves, the border repeats, results round half to even.

  Source: torchvision 0.14 on uint8 tensors: torch.nn.functional.interpolate
    with mode='bicubic', align_corners=False, antialias=False, then clamp and
    round.
  """
  out = frames
  if width != frames.shape[2]:
    out = _resample(out, 2, width)
  if height != frames.shape[1]:
    out = _resample(out, 1, height)
  if out.dtype == np.uint8:
    return out
  return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def swap_sides(text: str) -> str:
  """Exchanges the words left and right, capitals and endings kept.

  swap_sides('Left, then rightwards') == 'Right, then leftwards'
  """

  def other(match: re.Match) -> str:
    word = match[1]
    swapped = 'right' if word.lower() == 'left' else 'left'
    if word.isupper():
      return swapped.upper()
    return swapped.capitalize() if word[0].isupper() else swapped

  return _SIDE.sub(other, text)


def _resample(array: np.ndarray, axis: int, size: int) -> np.ndarray:
  """Resamples one axis to `size`; float32 comes out."""
  taps, weights = _cubic_taps(array.shape[axis], size)
  shape = [1] * array.ndim
  shape[axis] = size
  out = np.zeros((), np.float32)
  for tap, weight in zip(taps, weights, strict=True):
    out = out + np.take(array, tap, axis=axis) * weight.reshape(shape)
  return out


def _cubic_taps(
  n_in: int, n_out: int
) -> tuple[Int64[np.ndarray, '4 n_out'], Float32[np.ndarray, '4 n_out']]:
  """Which four inputs each output mixes, and how much of each."""
  scale = np.float32(n_in / n_out)
  centres = scale * (np.arange(n_out, dtype=np.float32) + np.float32(0.5))
  centres = centres - np.float32(0.5)
  first = np.floor(centres)
  t = centres - first
  taps = first.astype(np.int64) + np.arange(-1, 3)[:, None]
  a = np.float32(_CUBIC_A)

  def near(x):  # |x| <= 1
    return ((a + 2) * x - (a + 3)) * x * x + 1

  def far(x):  # 1 < |x| < 2
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

  weights = np.stack([far(t + 1), near(t), near(1 - t), far(2 - t)])
  return np.clip(taps, 0, n_in - 1), weights.astype(np.float32)
