r"""How much the moments of a video stand out, as a row of the picture.

    |      o
    |    o/|\        o o    a dot a moment, as high as it is salient
    |   /| | \o      |-|    beside the most salient one of all
    +-------------------

Moments far apart are not joined: nothing was told of what is between them.
"""

import dataclasses
import itertools
import statistics
from collections.abc import Sequence

from vtg_jax.timeline.rows import FAINT, tint, write
from vtg_jax.timeline.scale import Scale

_LABEL_PT = 8.5
# Moments further apart than so many usual gaps are not joined.
_LONGEST_GAP = 2.5
# Room above the highest dot for its label.
_ABOVE_IN = 0.24


@dataclasses.dataclass(frozen=True)
class SaliencyCurve:
  """Moments with their saliency; their order does not matter.

  Attributes:
    times_s: seconds; there may be none.
    saliency: of each, on any scale; the ground is 0, or the lowest below it.
  """

  times_s: Sequence[float]
  saliency: Sequence[float]

  @property
  def height_in(self) -> float:
    return 1.0 if self.times_s else 0.26

  def draw(self, axes, scale: Scale, bottom_in: float, color: str) -> None:
    if not self.times_s:
      y_in = bottom_in + self.height_in / 2
      write(axes, 0, y_in, 'nothing stands out', 9.0, color=FAINT)
      return
    points = sorted(zip(self.times_s, self.saliency, strict=True))
    times_s = [min(max(time_s, 0.0), scale.duration_s) for time_s, _ in points]
    ground_in = bottom_in + 0.05
    heights_in = [
      ground_in + share * (self.height_in - 0.05 - _ABOVE_IN)
      for share in _shares([saliency for _, saliency in points])
    ]
    for run in _runs(times_s):
      xs, ys = times_s[run], heights_in[run]
      axes.fill_between(xs, ys, ground_in, color=tint(color, 0.2), zorder=2)
      axes.plot(xs, ys, color=tint(color, 0.55), zorder=3)
    axes.vlines(
      times_s, ground_in, heights_in, color=tint(color, 0.55), zorder=3
    )
    axes.scatter(
      times_s, heights_in, s=16, color=color, clip_on=False, zorder=4
    )
    axes.hlines(ground_in, 0, scale.duration_s, color=FAINT, linewidth=0.6)
    top = max(range(len(points)), key=heights_in.__getitem__)
    said = f'{points[top][1]:.2f} at {scale.clock(points[top][0])}'
    # So that it does not leave the picture.
    share = times_s[top] / scale.duration_s
    align = 'left' if share < 0.15 else 'right' if share > 0.85 else 'center'
    y_in = heights_in[top] + 0.13
    write(axes, times_s[top], y_in, said, _LABEL_PT, align=align)


def _runs(times_s: Sequence[float]) -> list[slice]:
  """Moments that follow one another as closely as most do."""
  gaps_s = [b - a for a, b in itertools.pairwise(times_s)]
  longest_s = _LONGEST_GAP * statistics.median(gaps_s) if gaps_s else 0.0
  ends = [i + 1 for i, gap_s in enumerate(gaps_s) if gap_s > longest_s]
  return [slice(*ends) for ends in itertools.pairwise([0, *ends, len(times_s)])]


def _shares(values: Sequence[float]) -> list[float]:
  """Heights from 0 to 1; all the same where all values are."""
  low, high = min([*values, 0.0]), max([*values, 0.0])
  if high <= low:
    return [0.0 for _ in values]
  return [(value - low) / (high - low) for value in values]
