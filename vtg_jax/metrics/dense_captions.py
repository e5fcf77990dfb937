"""Scores of a video's events told one by one: when, and in what words.

    truth       |--- a man runs ---|      |--- he jumps ---|
    prediction      |--- someone runs ---|   |- a jump -|  |- a car -|

How well two sentences agree is a callable: `caption_scorers` has the field's
own, which need an extra; anything else from pairs of texts to 0..1 will do.

Source: Krishna et al., Dense-Captioning Events in Videos (ICCV 2017); Fujita et
al., SODA (ECCV 2020).
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from vtg_jax.metrics.grounding import Span, iou

THRESHOLDS = (0.3, 0.5, 0.7, 0.9)


class Event(NamedTuple):
  """A span in seconds and what happens in it."""

  span: Span
  sentence: str


# Pairs of (told, true) -> a score of each.
SentenceScorer = Callable[[Sequence[tuple[str, str]]], Sequence[float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LocalisationScores:
  """How well events are found, whatever is said of them, all 0..1.

  Attributes:
    precision: mean share of told events that overlap a true one enough.
    recall: mean share of true events that a told one overlaps enough.
    f1: their harmonic mean.
  """

  precision: float
  recall: float
  f1: float


def localisation(
  told: Sequence[Event],
  true: Sequence[Event],
  *,
  thresholds: Sequence[float] = THRESHOLDS,
) -> LocalisationScores:
  """Scores the spans of one video, averaged over thresholds of IoU."""
  ious = _ious(told, true)
  found = [ious >= t for t in thresholds]
  precision = _mean([f.any(1).mean() if f.size else 0.0 for f in found])
  recall = _mean([f.any(0).mean() if f.size else 0.0 for f in found])
  return LocalisationScores(
    precision=precision, recall=recall, f1=_harmonic(precision, recall)
  )


def mean_at_thresholds(
  told: Sequence[Event],
  true: Sequence[Event],
  scorer: SentenceScorer,
  *,
  thresholds: Sequence[float] = THRESHOLDS,
) -> float:
  """Scores the words of one video where the spans agree.

  At each threshold every told event is compared with all true ones that it
  overlaps enough; one that overlaps none scores 0. Mean over comparisons, then
  over thresholds.
  """
  if not told or not true:
    return 0.0
  ious, scores = _ious(told, true), _scores(told, true, scorer)
  means = []
  for threshold in thresholds:
    agrees = ious >= threshold
    n_compared = agrees.sum() + (~agrees.any(1)).sum()
    means.append(scores[agrees].sum() / n_compared)
  return _mean(means)


def soda_c(
  told: Sequence[Event], true: Sequence[Event], scorer: SentenceScorer
) -> float:
  """Scores the story that one video's events tell, in order.

  Told and true events are paired in order of time so that the sum of
  IoU x words' score is greatest; that sum over the number of told events is
  the precision, over the true ones the recall, and their harmonic mean the
  score, 0..1. More events than there are cost precision.
  """
  if not told or not true:
    return 0.0
  told, true = (sorted(es, key=lambda e: e.span) for es in (told, true))
  total = best_in_order(_ious(told, true) * _scores(told, true, scorer))
  return _harmonic(total / len(told), total / len(true))


def best_in_order(values: Float[np.ndarray, 'N M']) -> float:
  """Returns the greatest sum of values on a path that only goes on.

  Each row and each column is used at most once, and pairs do not cross.
  """
  best = np.zeros(values.shape[1] + 1)
  for row in values:
    paired = best[:-1] + row
    for j, value in enumerate(paired):
      # best[j] already is this row's; best[j + 1] still the row's before.
      best[j + 1] = max(best[j + 1], best[j], value)
  return float(best[-1])


def _ious(told, true) -> Float[np.ndarray, 'N M']:
  values = [[iou(a.span, b.span) for b in true] for a in told]
  return np.array(values, np.float64).reshape(len(told), len(true))


def _scores(told, true, scorer) -> Float[np.ndarray, 'N M']:
  pairs = [(a.sentence, b.sentence) for a in told for b in true]
  values = np.asarray(scorer(pairs), np.float64)
  return values.reshape(len(told), len(true))


def _harmonic(a: float, b: float) -> float:
  return 2 * a * b / (a + b) if a + b else 0.0


def _mean(values) -> float:
  return float(np.mean(values)) if len(values) else float('nan')
