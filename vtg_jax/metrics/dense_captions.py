"""Scores of a video's events told one by one: when, and in what words.

    truth       |--- a man runs ---|      |--- he jumps ---|
    prediction      |--- someone runs ---|   |- a jump -|  |- a car -|

How well sentences agree is a callable: `caption_scorers` has the field's own,
which need an extra; anything else from pairs of texts to a number will do.

Source: Krishna et al., Dense-Captioning Events in Videos (ICCV 2017) and its
  evaluation of the ActivityNet challenge; Fujita et al., SODA (ECCV 2020).
An IoU must exceed a threshold, as in the script, which lessens each a little.
Deviates: the challenge's script compares an event that overlaps no true one
  with random letters, anew each time; here they are always the same.
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


Pairs = Sequence[tuple[str, str]]  # (told, true)
# Pairs -> a score of each, or one of all together.
EachScorer = Callable[[Pairs], Sequence[float]]
TogetherScorer = Callable[[Pairs], float]
# Stands for a true sentence where a told event overlaps none.
NOTHING_SAID = 'qqqqqqqqqqqq'


@dataclasses.dataclass(frozen=True, kw_only=True)
class LocalisationScores:
  """How well events are found, whatever is said of them, all 0..1.

  Attributes:
    precision: mean share of told events that overlap a true one enough.
    recall: mean share of true events that a told one overlaps enough.
  """

  precision: float
  recall: float

  @property
  def f1(self) -> float:
    """Their harmonic mean."""
    return harmonic(self.precision, self.recall)


def localisation(
  told: Sequence[Event],
  references: Sequence[Sequence[Event]],
  *,
  thresholds: Sequence[float] = THRESHOLDS,
) -> LocalisationScores:
  """Scores the spans of one video, averaged over thresholds of IoU.

  Args:
    told: events of the model.
    references: the true events, once for each person who told them; the
      person who fits best counts, at each threshold anew.
    thresholds: an IoU counts above each.
  """
  precision, recall = [], []
  for threshold in thresholds:
    found = [_ious(told, true) > threshold for true in references]
    precision.append(max(f.any(1).mean() if f.size else 0.0 for f in found))
    recall.append(max(f.any(0).mean() if f.size else 0.0 for f in found))
  return LocalisationScores(precision=_mean(precision), recall=_mean(recall))


def mean_at_thresholds(
  told: Sequence[Event],
  references: Sequence[Sequence[Event]],
  scorer: TogetherScorer,
  *,
  thresholds: Sequence[float] = THRESHOLDS,
) -> float:
  """Scores the words of one video where the spans agree.

  At each threshold every told event is compared with all true ones that it
  overlaps enough, whoever told them; one that overlaps none is compared with
  a word that nobody says. Mean over thresholds of the comparisons' score.
  """
  true = [event for one in references for event in one]
  if not told or not true:
    return 0.0
  ious = _ious(told, true)
  scores = []
  for threshold in thresholds:
    pairs = []
    for event, row in zip(told, ious, strict=True):
      same = [true[i].sentence for i in np.flatnonzero(row > threshold)]
      pairs += [(event.sentence, other) for other in same or [NOTHING_SAID]]
    scores.append(scorer(pairs))
  return _mean(scores)


def soda_c(
  told: Sequence[Event], true: Sequence[Event], scorer: EachScorer
) -> float:
  """Scores the story that one video's events tell, in order.

  Told and true events are paired in order of time so that the sum of
  IoU x words' score is greatest; that sum over the number of told events is
  the precision, over the true ones the recall, and their harmonic mean the
  score, 0..1. More events than there are cost precision.

  The published program hands the sentences over in the other order: the true
  one is taken as told. METEOR tells the two apart, so we do the same.
  """
  if not told or not true:
    return 0.0
  # By start alone: what starts together stays in the order told.
  told, true = (sorted(es, key=lambda e: e.span[0]) for es in (told, true))
  total = best_in_order(_ious(told, true) * _scores(told, true, scorer))
  return harmonic(total / len(told), total / len(true))


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
  """Of every pair, handed over as (true, told); see `soda_c`."""
  pairs = [(b.sentence, a.sentence) for a in told for b in true]
  values = np.asarray(scorer(pairs), np.float64)
  return values.reshape(len(told), len(true))


def harmonic(a: float, b: float) -> float:
  """Returns the harmonic mean; 0 where both are."""
  return 2 * a * b / (a + b) if a + b else 0.0


def _mean(values) -> float:
  return float(np.mean(values)) if len(values) else float('nan')
