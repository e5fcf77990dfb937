"""Random crops of a video around a target, for HawkEye's training samples.

Around the target lies its negative span: an interval that contains it and in
which nothing else looks like it. A crop is drawn inside the negative span, so
the same sentence gets another answer each time it is drawn:

    |------- video --------------------------------|
        |------- negative span -----------|
              |------ crop ------|
                  |- target -|                       -> 'middle'

Draws come from a callable returning uniform numbers in [0, 1), one a call, in
the reference's order: `random.Random(0).random` or a list's iterator.

Source: HawkEye dataset code (arXiv 2403.10228, section 3.1).
"""

import dataclasses
import itertools
import math
from collections.abc import Callable

from vtg_jax.moments import coarse

Draw = Callable[[], float]

# 'throughout' is drawn rarely: it is always available and says least.
CATEGORY_WEIGHTS = {
  'beginning': 2,
  'end': 2,
  'middle': 2,
  'throughout': 0.3,
}
MAX_DRAWS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetSpan:
  """A target and the negative span around it, seconds.

  The negative span normally holds the target; where an annotation runs past
  the end of its video (Charades has such) it may not, and crops still follow
  the reference.
  """

  start_s: float
  end_s: float
  negative_start_s: float
  negative_end_s: float

  def __post_init__(self):
    bounds = dataclasses.astuple(self)
    if not all(math.isfinite(bound) for bound in bounds):
      raise ValueError(f'{self} has a bound that is not finite')
    if self.start_s > self.end_s:
      raise ValueError(f'{self} ends before it starts; swap its bounds')

  @property
  def duration_s(self) -> float:
    """Length of the target, seconds."""
    return self.end_s - self.start_s


@dataclasses.dataclass(frozen=True, kw_only=True)
class Crop:
  """A stretch of the video to train on, and the target inside it.

  Attributes:
    start_s: start of the crop in the video, seconds.
    end_s: end of the crop in the video, seconds.
    target_start: start of the target, in seconds after `start_s`, or a frame
      number where frames were asked for.
    target_end: end of the target, likewise.
    category: the coarse answer; None where seconds or frames are the answer.
  """

  start_s: float
  end_s: float
  target_start: float | int
  target_end: float | int
  category: str | None


def whole_crop(span: TargetSpan) -> Crop:
  """Returns the whole negative span as the crop, labelled by the strict rule.

  Used where random truncation is off.
  """
  start_s, end_s = span.negative_start_s, span.negative_end_s
  category = coarse.label_span(span.start_s, span.end_s, start_s, end_s)
  return _crop(span, start_s, end_s, category)


def available_categories(span: TargetSpan) -> list[str]:
  """Returns the categories that some crop of the negative span can have."""
  room_before_s = span.start_s - span.negative_start_s
  room_after_s = span.negative_end_s - span.end_s
  length_s = span.duration_s
  available = []
  if room_after_s > length_s:
    available.append('beginning')
  if room_before_s > length_s:
    available.append('end')
  if room_before_s > length_s / 2 and room_after_s > length_s / 2:
    available.append('middle')
  return [*available, 'throughout']


def random_crop(
  span: TargetSpan,
  draw: Draw,
  *,
  num_frames: int,
  min_gold_clips: int = 1,
) -> Crop:
  """Draws a category, then a crop in which the target has that category.

  Draws again (at most MAX_DRAWS times in all, the last one stands) while the
  target is shorter than `min_gold_clips` frame slots of the crop.

  Args:
    span: target and negative span.
    draw: uniform numbers in [0, 1); three a try: category, two bounds.
    num_frames: frames that will be sampled from the crop.
    min_gold_clips: frame slots the target should fill.

  Returns:
    The crop, target in seconds relative to it, category as drawn.
  """
  categories = available_categories(span)
  for _ in range(MAX_DRAWS):
    category = _draw_category(categories, draw)
    start_s, end_s = _draw_bounds(span, category, draw)
    crop = _crop(span, start_s, end_s, category)
    slots_s = (end_s - start_s) * (min_gold_clips / num_frames)
    if slots_s < crop.target_end - crop.target_start:
      break
  return crop


def random_crop_seconds(
  span: TargetSpan,
  draw: Draw,
  *,
  num_frames: int,
  min_gold_clips: int = 1,
) -> Crop:
  """Draws a crop whose answer is the target's seconds within it.

  Args:
    span: target and negative span; the target must not be empty.
    draw: uniform numbers in [0, 1); two are taken: length, centre.
    num_frames: frames that will be sampled from the crop.
    min_gold_clips: the target fills at least this many frame slots, and at
      most num_frames // 2 where the negative span allows it.

  Raises:
    ValueError: the target has no length.
  """
  centre_s, length_s = _draw_centre_and_length(
    span, draw, num_frames, min_gold_clips
  )
  start_s, end_s = centre_s - length_s / 2, centre_s + length_s / 2
  return _crop(span, start_s, end_s, None)


def random_crop_frames(
  span: TargetSpan,
  draw: Draw,
  *,
  num_frames: int,
  min_gold_clips: int = 1,
) -> Crop:
  """As random_crop_seconds, the target given in frame numbers of the crop.

  A bound at fraction p of the crop, held in 0..1, is frame
  floor(p * num_frames), at most num_frames - 1.
  """
  centre_s, length_s = _draw_centre_and_length(
    span, draw, num_frames, min_gold_clips
  )
  start_s, end_s = centre_s - length_s / 2, centre_s + length_s / 2

  def frame(bound_s: float) -> int:
    fraction = min(max((bound_s - start_s) / length_s, 0.0), 1.0)
    return min(math.floor(fraction * num_frames), num_frames - 1)

  return Crop(
    start_s=start_s,
    end_s=end_s,
    target_start=frame(span.start_s),
    target_end=frame(span.end_s),
    category=None,
  )


def _crop(
  span: TargetSpan, start_s: float, end_s: float, category: str | None
) -> Crop:
  return Crop(
    start_s=start_s,
    end_s=end_s,
    target_start=span.start_s - start_s,
    target_end=span.end_s - start_s,
    category=category,
  )


def _draw_centre_and_length(
  span: TargetSpan, draw: Draw, num_frames: int, min_gold_clips: int
) -> tuple[float, float]:
  if not span.duration_s:
    raise ValueError(f'{span} has no length; drop it')
  room_s = span.negative_end_s - span.negative_start_s
  max_gold_clips = num_frames // 2
  length_s = _uniform(
    min(span.duration_s / (max_gold_clips / num_frames), room_s),
    min(span.duration_s / (min_gold_clips / num_frames), room_s),
    draw,
  )
  centre_s = _uniform(
    max(span.end_s - length_s / 2, span.negative_start_s + length_s / 2),
    min(span.start_s + length_s / 2, span.negative_end_s - length_s / 2),
    draw,
  )
  return centre_s, length_s


def _uniform(low: float, high: float, draw: Draw) -> float:
  # Also when high < low, as random.uniform does.
  return low + (high - low) * draw()


def _draw_category(categories: list[str], draw: Draw) -> str:
  bounds = list(itertools.accumulate(CATEGORY_WEIGHTS[c] for c in categories))
  point = draw() * bounds[-1]
  for category, bound in zip(categories, bounds, strict=True):
    if bound > point:
      return category
  return categories[-1]


def _draw_bounds(
  span: TargetSpan, category: str, draw: Draw
) -> tuple[float, float]:
  s, e = span.start_s, span.end_s
  n0, n1 = span.negative_start_s, span.negative_end_s
  length_s = e - s
  if category == 'beginning':
    end_s = _uniform(e + length_s, n1, draw)
    return _uniform(max(n0, 2 * e - end_s), s, draw), end_s
  if category == 'middle':
    middle_s = _uniform(
      max(s, 0.5 * n0 + 0.75 * e - 0.25 * s),
      min(e, 0.5 * n1 + 0.75 * s - 0.25 * e),
      draw,
    )
    half_s = _uniform(
      length_s / 2 + max(middle_s - s, e - middle_s),
      min(middle_s - n0, n1 - middle_s),
      draw,
    )
    return middle_s - half_s, middle_s + half_s
  if category == 'end':
    start_s = _uniform(n0, s - length_s, draw)
    return start_s, _uniform(e, min(n1, 2 * s - start_s), draw)
  start_s = _uniform(max(n0, (3 * s - e) / 2), s, draw)
  return start_s, _uniform(e, min(n1, (3 * e - s) / 2), draw)
