"""From how probable each start and each end is to moments and their doubt.

        start            end
      . : | : .       . : | : .        two rows of probabilities over M + 1
    --+-+-+-+-+-------+-+-+-+-+--->    places of a scale
      |-------| 90 %  |-------|

All of it is written for numpy, float64, and as `..._of` for any library with
numpy's names, such as `jax.numpy`, where it may be compiled.

The two rows are taken as independent but for the order: a span that ended
before its start is impossible, what remains is divided by its sum.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

# Of numpy, or of the library that is given; jax itself is not imported here.
Array = Any


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


class SpanArrays(NamedTuple):
  """The best spans as arrays, best first; of what is none the score is 0.

  Attributes:
    start: Places of their starts.
    end: Of their ends.
    score: See `ProbableSpan`.
  """

  start: Int[Array, ' K']
  end: Int[Array, ' K']
  score: Float[Array, ' K']


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
  total = np.triu(np.outer(start, end)).sum()
  if not (np.isfinite(total) and total > 0):
    raise ValueError(f'the probabilities of all spans sum up to {total}')
  return joint_of(start, end, np)


def joint_of(
  start: Float[Array, ' P'], end: Float[Array, ' P'], xp: ModuleType
) -> Float[Array, 'P P']:
  """`joint` in any array library, which may trace it; nothing is checked."""
  spans = xp.triu(xp.outer(start, end))
  return spans / spans.sum()


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
  found, left = [], spans
  while len(found) < count and left.max() > 0:
    span, left = _next_span(spans, left, overlap, np)
    found.append(ProbableSpan(*(number.item() for number in span)))
  return sorted(found, key=lambda span: -span.score)


def best_spans_of(
  spans: Float[Array, 'P P'],
  count: int,
  xp: ModuleType,
  *,
  overlap: float = 0.5,
) -> SpanArrays:
  """`best_spans` in any array library, which may trace it: always `count`."""
  found, left = [], spans
  for _ in range(count):
    span, left = _next_span(spans, left, overlap, xp)
    found.append(span)
  start, end, score = map(xp.stack, zip(*found, strict=True))
  order = xp.argsort(-score)
  return SpanArrays(start[order], end[order], score[order])


def place_range(
  probabilities: Float[np.ndarray, ' P'], level: float
) -> tuple[int, int]:
  """First and last place between which the boundary lies with `level`.

  The middle of the distribution: as much lies before as after, at most.

  Args:
    probabilities: Of each place, such as a row or column sum of `joint`.
    level: Probability, 0 to 1.
  """
  probabilities = np.asarray(probabilities, np.float64)
  first, last = place_range_of(probabilities, level, np)
  return int(first), int(last)


def place_range_of(
  probabilities: Float[Array, ' P'], level: float, xp: ModuleType
) -> tuple[Int[Array, ''], Int[Array, '']]:
  """`place_range` in any array library, which may trace it."""
  below = xp.cumsum(probabilities)
  below = below / below[-1]
  tail = (1 - level) / 2
  most = len(below) - 1
  first = xp.minimum(xp.searchsorted(below, tail, side='right'), most)
  last = xp.searchsorted(below, 1 - tail, side='left')
  return first, xp.minimum(xp.maximum(last, first), most)


def _next_span(spans, left, overlap: float, xp: ModuleType):
  """(start, end, score) of the best span in `left`, and what is left then."""
  places = xp.arange(len(spans))
  start, end = xp.unravel_index(left.argmax(), left.shape)
  shared = xp.minimum(places, end)[None] - xp.maximum(places, start)[:, None]
  hull = xp.maximum(places, end)[None] - xp.minimum(places, start)[:, None]
  same = xp.maximum(shared + 1, 0) >= overlap * (hull + 1)
  score = xp.minimum(xp.where(same, spans, 0.0).sum(), 1.0)
  # Where nothing is left, nothing is found.
  score = xp.where(left[start, end] > 0, score, 0.0)
  return (start, end, score), xp.where(same, 0.0, left)
