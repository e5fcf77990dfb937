"""Where a video's picture changes at once: the cuts between its scenes.

A frame's score is how much hue, saturation and brightness differ from the
frame before, averaged over its pixels. A score of the threshold or more is a
cut, unless another cut is too near. Frames stream by: no more than two are
held, whatever the length of the video.

Source: PySceneDetect's ContentDetector, https://www.scenedetect.com, with
  OpenCV's integer HSV and sparse resizing. HawkEye takes its defaults.
Deviates: times are the file's own, not frame number / rate.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8

from input_pipeline import video_file
from input_pipeline.video_index import VideoIndex
from vtg_jax.errors import BadInput

# OpenCV divides by the brightness and by the spread of a pixel's channels
# with reciprocals of 12 bits after the point.
_BITS = 12
_HALF = 1 << (_BITS - 1)
_DIVISORS = np.maximum(np.arange(256), 1)
_SATURATION_OF = np.rint((255 << _BITS) / _DIVISORS).astype(np.int32)
_HUE_OF = np.rint((180 << _BITS) / (6 * _DIVISORS)).astype(np.int32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CutRule:
  """What is a cut; defaults are PySceneDetect's, as the paper takes them.

  Attributes:
    threshold: a score of so much or more is a cut.
    weights: of hue, saturation and brightness in the score.
    min_scene_frames: cuts nearer than this are not all kept.
    close_cuts: 'suppress' ignores a cut that is near the last one kept, as
      every release at the time of the paper did; 'merge' makes one cut of
      cuts that are near each other, the last of them (from release 0.6.4).
    min_width: pixels across that frames are made smaller to, by a whole
      factor, before they are compared; 0 compares them as they are.
    min_scene_s: shorter scenes are dropped.
    keep_uncut: a video without a cut is one scene; the paper drops it.
  """

  threshold: float = 27.0
  weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
  min_scene_frames: int = 15
  close_cuts: Literal['suppress', 'merge'] = 'suppress'
  min_width: int = 256
  min_scene_s: float = 0.5
  keep_uncut: bool = False

  def __post_init__(self) -> None:
    if len(self.weights) != 3 or not any(self.weights):
      raise BadInput(
        f'weights of a cut are {self.weights}; give three, not all zero'
      )
    if self.close_cuts not in ('suppress', 'merge'):
      raise BadInput(
        f"close_cuts is {self.close_cuts!r}; use 'suppress' or 'merge'"
      )


def to_hsv(
  frame: UInt8[np.ndarray, 'h w 3'],
) -> Int32[np.ndarray, 'h w 3']:
  """Hue 0..179, saturation 0..255, value 0..255 of RGB, OpenCV's to the bit.

  Example: pure blue (0, 0, 255) gives (120, 255, 255).
  """
  red, green, blue = np.moveaxis(frame.astype(np.int32), -1, 0)
  value = np.maximum(np.maximum(red, green), blue)
  spread = value - np.minimum(np.minimum(red, green), blue)
  saturation = (spread * _SATURATION_OF[value] + _HALF) >> _BITS
  sixths = np.where(
    value == red,
    green - blue,
    np.where(value == green, blue - red + 2 * spread, red - green + 4 * spread),
  )
  hue = (sixths * _HUE_OF[spread] + _HALF) >> _BITS
  hue += 180 * (hue < 0)
  return np.stack([hue, saturation, value], axis=-1)


def make_smaller(
  frame: UInt8[np.ndarray, 'h w 3'], min_width: int
) -> UInt8[np.ndarray, 'small_h small_w 3']:
  """The frame smaller by a whole factor, still `min_width` across or more.

  Each pixel blends the four that lie around its centre and ignores the others,
  as OpenCV's INTER_LINEAR does.
  """
  height, width = frame.shape[:2]
  factor = width // min_width if min_width else 1
  if factor < 2:
    return frame
  top, bottom, down = _neighbours(height, max(1, round(height / factor)))
  left, right, across = _neighbours(width, round(width / factor))
  if not down.any() and not across.any():
    return frame[np.ix_(top, left)]
  across = across[:, None]
  upper, lower = (
    frame[np.ix_(rows, left)] * (1 - across)
    + frame[np.ix_(rows, right)] * across
    for rows in (top, bottom)
  )
  down = down[:, None, None]
  blend = upper * (1 - down) + lower * down
  return (blend + 0.5).astype(np.uint8)


def content_scores(
  frames: Iterable[UInt8[np.ndarray, 'h w 3']],
  weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Iterator[float]:
  """How much each frame differs from the one before; 0 for the first."""
  previous = None
  shares = np.divide(weights, np.abs(weights).sum())
  for frame in frames:
    hsv = to_hsv(frame)
    if previous is None:
      yield 0.0
    else:
      yield float(np.abs(hsv - previous).mean(axis=(0, 1)) @ shares)
    previous = hsv


def cut_frames(scores: Iterable[float], rule: CutRule) -> Iterator[int]:
  """Numbers of the frames that begin a scene, the first frame excepted.

  Args:
    scores: from `content_scores`.
    rule: what is a cut.
  """
  above = (score >= rule.threshold for score in scores)
  if not rule.min_scene_frames:
    return (frame for frame, is_above in enumerate(above) if is_above)
  if rule.close_cuts == 'suppress':
    return _far_cuts(above, rule.min_scene_frames)
  return _joined_cuts(above, rule.min_scene_frames)


def find_scenes(
  index: VideoIndex, rule: CutRule = CutRule()
) -> list[list[float]]:
  """[start_s, end_s] of a video's scenes, in seconds of three decimals.

  Scenes follow each other without a gap, but for those dropped as too short.

  Args:
    index: where the video's frames are, `index_video(path)`.
    rule: what is a cut, and how short a scene may be.

  Raises:
    BadInput: the video is damaged.
  """
  shown: list[int] = []
  frames = _small_frames(index, rule.min_width, shown)
  scores = content_scores(frames, rule.weights)
  cuts = [shown[frame] for frame in cut_frames(scores, rule)]
  if not cuts and not rule.keep_uncut:
    return []
  edges_s = [0.0, *(float(index.times_s[cut]) for cut in cuts)]
  edges_s.append(index.duration_s)
  return [
    [round(start_s, 3), round(end_s, 3)]
    for start_s, end_s in zip(edges_s[:-1], edges_s[1:], strict=True)
    if end_s - start_s >= rule.min_scene_s
  ]


def _far_cuts(above: Iterable[bool], min_frames: int) -> Iterator[int]:
  """Cuts at least `min_frames` after the last one, and after the start."""
  last = 0
  for frame, is_above in enumerate(above):
    if is_above and frame - last >= min_frames:
      last = frame
      yield frame


def _joined_cuts(above: Iterable[bool], min_frames: int) -> Iterator[int]:
  """Cuts, with those nearer than `min_frames` joined into their last.

  A row of near cuts is given once it has lasted `min_frames` and is over for
  as long. Nothing is joined before a first cut has been given.
  """
  last_above = 0
  joined_from = None
  given = False
  for frame, is_above in enumerate(above):
    is_far = frame - last_above >= min_frames
    if is_above:
      last_above = frame
    if joined_from is not None:
      lasted = last_above - joined_from >= min_frames
      if is_far and not is_above and lasted:
        joined_from = None
        yield last_above
    elif is_above and is_far:
      given = True
      yield frame
    elif is_above and given:
      joined_from = frame


def _neighbours(
  n_pixels: int, n_small: int
) -> tuple[
  Int64[np.ndarray, 'n'], Int64[np.ndarray, 'n'], Float32[np.ndarray, 'n']
]:
  """Pixels before and after each smaller pixel's centre, and how far over."""
  centres = (np.arange(n_small) + 0.5) * (n_pixels / n_small) - 0.5
  before = np.floor(centres).astype(np.int64)
  over = (centres - before).astype(np.float32)
  return before, np.minimum(before + 1, n_pixels - 1), over


def _small_frames(
  index: VideoIndex, min_width: int, shown: list[int]
) -> Iterator[UInt8[np.ndarray, 'h w 3']]:
  """A video's frames in order, made smaller; `shown` gets their numbers.

  Frames are not turned upright: a score does not depend on it.
  """
  faults: list[str] = []
  size = {}
  with video_file.open_container(index.path) as (container, stream):
    packets = video_file.demux(container, stream)
    pictures = video_file.decode(stream, packets, faults=faults)
    for ordinal, picture in enumerate(pictures):
      pts = ordinal if index.in_order else picture.pts
      frame = None if pts is None else int(np.searchsorted(index.pts, pts))
      if frame is None or frame == index.n_frames or index.pts[frame] != pts:
        continue
      shown.append(frame)
      # A stream may change its size on the way.
      size = size or {'width': picture.width, 'height': picture.height}
      yield make_smaller(video_file.to_rgb(picture, **size), min_width)
  if not shown or (faults and len(shown) < index.n_frames):
    raise BadInput(
      f'{index.path} is damaged: {len(shown)} of {index.n_frames} frames can '
      'be decoded; copy it again or re-encode it'
    )
