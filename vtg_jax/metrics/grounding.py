"""Temporal grounding scores: IoU, recall above thresholds, score by round.

Source: HawkEye evaluation script and result notebook (arXiv 2403.10228).
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.moments import coarse
from vtg_jax.moments.overlap import Span, iou

THRESHOLDS = (0.3, 0.5, 0.7)


def best_iou(prediction: Span, gold: Iterable[Span]) -> float:
  """Returns the largest IoU with any of the true spans, 0..1.

  Raises:
    ValueError: there is no true span.
  """
  return max(iou(prediction, span) for span in gold)


def gold_spans(item: Mapping[str, Any]) -> list[list[float]]:
  """Reads the true spans of an annotation: under 'span' or 'answer'.

  In: {'video': 'a.mp4', 'question': 'a dog runs', 'answer': [2.0, 4.5]}
  Out: [[2.0, 4.5]]. A list of spans (NExT-GQA) comes out as it is.

  Raises:
    BadInput: neither key holds a span or a list of spans.
  """
  found = item.get('span')
  if found is None:
    found = item.get('answer')
  try:
    spans = found if isinstance(found[0], Sequence) else [found]
    return [
      [finite_seconds(start), finite_seconds(end)] for start, end in spans
    ]
  except (TypeError, ValueError, IndexError, KeyError) as error:
    raise BadInput(
      f'annotation {str(dict(item))[:200]} has no [start, end] under '
      "'span' or 'answer'; give one"
    ) from error


def finite_seconds(value: Any) -> float:
  """Returns an annotated number of seconds.

  Raises:
    ValueError: it is no number, or not finite.
    TypeError: it is nothing that a number can be read from.
  """
  try:
    seconds = float(value)
  except OverflowError:
    seconds = math.inf
  if not math.isfinite(seconds):
    raise ValueError(f'{str(value)[:20]} is no number of seconds')
  return seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundingScores:
  """Scores over a benchmark.

  Attributes:
    mean_iou: mean IoU, 0..1.
    recall: threshold -> share of examples with IoU above it.
    n_examples: how many examples the scores are over.
  """

  mean_iou: float
  recall: Mapping[float, float]
  n_examples: int


def scores(
  ious: Sequence[float | None],
  *,
  thresholds: Sequence[float] = THRESHOLDS,
  count_failed: bool = False,
  strict: bool = True,
) -> GroundingScores:
  """Returns mean IoU and recalls.

  Args:
    ious: one an example; None where the example failed (unreadable video).
    thresholds: recall counts IoU above each.
    count_failed: False drops failed examples from the denominator, as
      HawkEye's notebook does; True counts them as IoU 0.
    strict: as in HawkEye an IoU equal to the threshold does not count; False
      counts it, as the other papers do.

  Returns:
    The scores; NaN where no example is left.
  """
  if count_failed:
    kept = [0.0 if x is None else x for x in ious]
  else:
    kept = [x for x in ious if x is not None]
  values = np.asarray(kept, np.float64)
  if not len(values):
    nan = float('nan')
    return GroundingScores(
      mean_iou=nan, recall=dict.fromkeys(thresholds, nan), n_examples=0
    )
  above = np.greater if strict else np.greater_equal
  return GroundingScores(
    mean_iou=float(values.mean()),
    recall={t: float(above(values, t).mean()) for t in thresholds},
    n_examples=len(values),
  )


def ious_by_round(
  duration_s: float | None,
  answers: Sequence[str],
  gold: Sequence[Span],
  *,
  max_rounds: int,
) -> list[float | None]:
  """Scores a search after each of its rounds.

  Args:
    duration_s: length of the video; None where the example failed.
    answers: categories answered, first round first; what is missing counts
      as 'throughout'.
    gold: true spans, seconds.
    max_rounds: how many rounds to score.

  Returns:
    IoU after round 1 .. max_rounds, or None for each where it failed.
  """
  if duration_s is None:
    return [None] * max_rounds
  return [
    best_iou(coarse.span_of_path(duration_s, answers[:n]), gold)
    for n in range(1, max_rounds + 1)
  ]


def scores_by_round(
  ious: Sequence[Sequence[float | None]],
  *,
  thresholds: Sequence[float] = THRESHOLDS,
  count_failed: bool = False,
) -> list[GroundingScores]:
  """Returns the scores after round 1, 2, ...: `ious` is [example][round]."""
  return [
    scores(one_round, thresholds=thresholds, count_failed=count_failed)
    for one_round in zip(*ious, strict=True)
  ]
