"""What coarse searches score without looking at any video.

The oracle always answers right, chance answers evenly, and a constant answers
the same part of every video.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from vtg_jax.metrics.grounding import THRESHOLDS, best_iou
from vtg_jax.moments import coarse

# (length of the video in seconds, its true spans)
Truth = tuple[float, Sequence[Sequence[float]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Constant:
  """The same answer for every video.

  Attributes:
    start: where it starts, as a fraction of the video.
    end: where it ends.
    name: what to call it.
  """

  start: float
  end: float
  name: str


def hits(
  ious: Float[np.ndarray, '*S'],
  thresholds: Sequence[float] = THRESHOLDS,
  *,
  strict: bool = True,
) -> Float[np.ndarray, '*S K']:
  """Returns IoU, then 1 for each threshold that it is above.

  hits([0.5])[0] == [0.5, 1, 0, 0], and [0.5, 1, 1, 0] where `strict` is False:
  an IoU that equals the threshold then counts. NaN stays NaN in every column.
  """
  beyond = np.greater if strict else np.greater_equal
  above = [
    np.where(np.isnan(ious), np.nan, beyond(ious, t)) for t in thresholds
  ]
  return np.stack([ious, *above], axis=-1).astype(np.float64)


def oracle_ious(
  truths: Sequence[Truth], *, max_rounds: int
) -> Float[np.ndarray, 'N R']:
  """Returns the IoU of the right answers after 1 .. max_rounds rounds.

  With several true spans, the one that scores best after each round.
  """
  found = np.zeros((len(truths), max_rounds))
  for i, (duration_s, gold) in enumerate(truths):
    for start_s, end_s in gold:
      path = coarse.path_of_span(
        start_s, end_s, duration_s, max_rounds=max_rounds
      )
      for r in range(max_rounds):
        span = coarse.span_of_path(duration_s, path[: r + 1])
        found[i, r] = max(found[i, r], best_iou(span, gold))
  return found


def chance_hits(
  truths: Sequence[Truth], *, max_rounds: int, strict: bool = True
) -> Float[np.ndarray, 'N K']:
  """Returns what even guesses of every round score, in expectation.

  Exact: every path of categories weighs (1/4)**rounds.

  Returns:
    Expected `hits` of each video.
  """
  paths = category_paths(max_rounds)
  weights = np.array([0.25 ** min(len(path) + 1, max_rounds) for path in paths])
  spans = np.array([coarse.span_of_path(1.0, path) for path in paths])
  found = hits(fraction_ious(truths, spans), strict=strict)
  return np.einsum('nsk,s->nk', found, weights)


def chance_interval_hits(
  truths: Sequence[Truth], *, n_steps: int = 40, strict: bool = True
) -> Float[np.ndarray, 'N K']:
  """Returns what an interval drawn evenly from a grid scores, in expectation.

  Args:
    truths: videos.
    n_steps: see `grid_intervals`.
    strict: see `hits`.
  """
  spans = grid_intervals(n_steps)
  found = np.zeros((len(truths), 1 + len(THRESHOLDS)))
  # One video at a time: all at once would take a gigabyte for ActivityNet.
  for i, truth in enumerate(truths):
    found[i] = hits(fraction_ious([truth], spans)[0], strict=strict).mean(0)
  return found


def grid_intervals(n_steps: int) -> Float[np.ndarray, 'S 2']:
  """Returns every interval between the fractions 0, 1 / n_steps, ..., 1."""
  return np.array(
    [
      (a / n_steps, b / n_steps)
      for a in range(n_steps)
      for b in range(a + 1, n_steps + 1)
    ]
  )


def category_paths(max_rounds: int) -> list[tuple[str, ...]]:
  """Returns every search of at most `max_rounds` rounds, stops left out.

  category_paths(1) == [(), ('beginning',), ('middle',), ('end',)]
  """
  moves = [c for c in coarse.CATEGORIES if c != 'throughout']
  return [
    path
    for n in range(max_rounds + 1)
    for path in itertools.product(moves, repeat=n)
  ]


def best_path(truths: Sequence[Truth], *, max_rounds: int) -> Constant:
  """Returns the path of categories that scores best for all videos alike."""
  paths = category_paths(max_rounds)
  spans = np.array([coarse.span_of_path(1.0, path) for path in paths])
  best = int(fraction_ious(truths, spans).mean(0).argmax())
  start, end = spans[best].tolist()
  return Constant(
    start=start, end=end, name=' '.join(paths[best]) or 'throughout'
  )


def best_interval(truths: Sequence[Truth], *, n_steps: int = 40) -> Constant:
  """Returns the interval on a grid that scores best for all videos alike.

  Args:
    truths: videos; not the ones to be scored, if it is to be fair.
    n_steps: see `grid_intervals`.
  """
  spans = grid_intervals(n_steps)
  start, end = spans[int(fraction_ious(truths, spans).mean(0).argmax())]
  return Constant(
    start=float(start), end=float(end), name=f'{start:.3g} to {end:.3g}'
  )


def fraction_ious(
  truths: Sequence[Truth], spans: Float[np.ndarray, 'S 2']
) -> Float[np.ndarray, 'N S']:
  """Returns the best IoU of each video with each span of it.

  Args:
    truths: videos.
    spans: fractions of a video.
  """
  found = np.zeros((len(truths), len(spans)))
  for i, (duration_s, gold) in enumerate(truths):
    for start_s, end_s in gold:
      start, end = start_s / duration_s, end_s / duration_s
      overlap = np.minimum(spans[:, 1], end) - np.maximum(spans[:, 0], start)
      hull = np.maximum(spans[:, 1], end) - np.minimum(spans[:, 0], start)
      iou = np.where(overlap > 0, overlap / np.where(hull > 0, hull, 1), 0.0)
      found[i] = np.maximum(found[i], iou)
  return found
