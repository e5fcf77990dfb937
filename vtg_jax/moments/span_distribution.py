"""From how probable each start and each end is to moments and their doubt.

        start            end
      . : | : .       . : | : .        two rows of probabilities over M + 1
    --+-+-+-+-+-------+-+-+-+-+--->    places of a scale
      |-------| 90 %  |-------|

The two rows are taken as independent but for the order: a span that ended
before its start is impossible, what remains is divided by its sum.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class ProbableSpan(NamedTuple):
  """A span of places and what is known of it.

  Attributes:
    start: Place of its start.
    end: Place of its end, not before it.
    score: Probability that the true span overlaps it at least by half.
  """

  start: int
  end: int
  score: float


def joint(
  start: Float[np.ndarray, ' P'], end: Float[np.ndarray, ' P']
) -> Float[np.ndarray, 'P P']:
  """How probable each span is, [start, end]; zero below the diagonal.

  Args:
    start: Probability of each place as the start.
    end: Of each place as the end.

  Raises:
    ValueError: no possible span has any probability, or a value is not finite.
  """
  start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
  spans = np.triu(np.outer(start, end))
  total = spans.sum()
  if not (np.isfinite(total) and total > 0):
    raise ValueError(f'the probabilities of all spans sum up to {total}')
  return spans / total


def best_spans(
  spans: Float[np.ndarray, 'P P'], count: int, *, overlap: float = 0.5
) -> list[ProbableSpan]:
  """The most probable spans that differ, best first.

  The most probable one comes first; those that overlap it at least by
  `overlap` count for it and are no answers of their own, and so on.

  Args:
    spans: From `joint`.
    count: Most spans to return.
    overlap: IoU, in places, from which on two spans are the same answer.

  Returns:
    At least one.
  """
  left = spans.copy()
  places = np.arange(len(spans))
  found = []
  while len(found) < count and left.max() > 0:
    start, end = np.unravel_index(left.argmax(), left.shape)
    shared = (
      np.minimum(places, end)[None] - np.maximum(places, start)[:, None] + 1
    )
    hull = (
      np.maximum(places, end)[None] - np.minimum(places, start)[:, None] + 1
    )
    same = np.maximum(shared, 0) >= overlap * hull
    score = float(spans[same].sum())
    found.append(ProbableSpan(int(start), int(end), min(score, 1.0)))
    left[same] = 0
  return sorted(found, key=lambda span: -span.score)


def place_range(
  probabilities: Float[np.ndarray, ' P'], level: float
) -> tuple[int, int]:
  """First and last place between which the boundary lies with `level`.

  The middle of the distribution: as much lies before as after, at most.

  Args:
    probabilities: Of each place, such as a row or column sum of `joint`.
    level: Probability, 0 to 1.
  """
  below = np.cumsum(np.asarray(probabilities, np.float64))
  below /= below[-1]
  tail = (1 - level) / 2
  first = int(np.searchsorted(below, tail, side='right'))
  last = int(np.searchsorted(below, 1 - tail, side='left'))
  most = len(below) - 1
  return min(first, most), min(max(last, first), most)
