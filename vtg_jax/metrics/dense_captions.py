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
# How far two spans agree.
Overlap = Callable[[Span, Span], float]
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


def challenge_iou(a: Span, b: Span) -> float:
  """IoU of the challenge's script: it is never quite 1, and never 0 / 0.

  A span that ends before it starts is turned round.
  """
  (start_a, end_a), (start_b, end_b) = sorted(a), sorted(b)
  overlap_s = max(0.0, min(end_a, end_b) - max(start_a, start_b))
  hull_s = max(end_a, end_b) - min(start_a, start_b)
  lengths_s = end_a - start_a + end_b - start_b
  return float(overlap_s) / (min(hull_s, lengths_s) + 1e-8)


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
  at_each = localisation_at(told, references, thresholds=thresholds)
  return LocalisationScores(
    precision=_mean([one.precision for one in at_each]),
    recall=_mean([one.recall for one in at_each]),
  )


def localisation_at(
  told: Sequence[Event],
  references: Sequence[Sequence[Event]],
  *,
  thresholds: Sequence[float] = THRESHOLDS,
  overlap: Overlap = iou,
) -> list[LocalisationScores]:
  """Scores the spans of one video at each threshold of IoU.

  Args:
    told: see `localisation`, as with `references` and `thresholds`.
    references: the true events.
    thresholds: a score each.
    overlap: of two spans.
  """
  ious = [pair_ious(told, true, overlap=overlap) for true in references]
  scores = []
  for threshold in thresholds:
    found = [one > threshold for one in ious]
    scores.append(
      LocalisationScores(
        precision=max(_share(f.any(1)) for f in found),
        recall=max(_share(f.any(0)) for f in found),
      )
    )
  return scores


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
  compared = compared_pairs(told, true, thresholds=thresholds)
  return _mean([scorer(pairs) for pairs in compared])


def compared_pairs(
  told: Sequence[Event],
  true: Sequence[Event],
  *,
  thresholds: Sequence[float] = THRESHOLDS,
  overlap: Overlap = iou,
  reached: bool = False,
) -> list[Pairs]:
  """The sentences that `mean_at_thresholds` compares, at each threshold.

  Args:
    told: events of the model.
    true: the true ones.
    thresholds: a list of pairs each.
    overlap: of two spans.
    reached: whether an overlap equal to the threshold is enough.
  """
  ious = pair_ious(told, true, overlap=overlap)
  compared = []
  for threshold in thresholds:
    pairs = []
    agree = ious >= threshold if reached else ious > threshold
    for event, row in zip(told, agree, strict=True):
      same = [true[i].sentence for i in np.flatnonzero(row)]
      pairs += [(event.sentence, other) for other in same or [NOTHING_SAID]]
    compared.append(pairs)
  return compared


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
  return story_score(pair_ious(told, true) * _scores(told, true, scorer))


def story_score(values: Float[np.ndarray, 'N M']) -> float:
  """Returns SODA_c from what each pair is worth; 0 without events."""
  if not values.size:
    return 0.0
  total = best_in_order(values)
  return harmonic(total / values.shape[0], total / values.shape[1])


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


def pairs_in_order(values: Float[np.ndarray, 'N M']) -> list[tuple[int, int]]:
  """The pairs of rows and columns that the published program goes through.

  It walks back over the rows: of each it takes the last column, before those
  taken, where pairing was better than leaving out the row or the column.

  Args:
    values: At least one row and one column.
  """
  n_rows, n_columns = values.shape
  best = np.full((n_rows + 1, n_columns + 1), -1.0)
  paired = np.zeros((n_rows, n_columns), bool)
  for i, j in np.ndindex(n_rows, n_columns):
    before = max(best[i, j], 0.0) if i and j else 0.0
    rivals = max(best[i, j + 1], best[i + 1, j])
    pairing = before + values[i, j]
    paired[i, j] = pairing > rivals
    best[i + 1, j + 1] = max(pairing, rivals)
  pairs, end = [], n_columns
  for i in reversed(range(n_rows)):
    columns = np.flatnonzero(paired[i, :end])
    if len(columns):
      end = int(columns[-1])
      pairs.append((i, end))
    if end == 0:
      break
  return pairs[::-1]


def pair_ious(
  told: Sequence[Event], true: Sequence[Event], *, overlap: Overlap = iou
) -> Float[np.ndarray, 'N M']:
  """How far the span of each told event agrees with each true one."""
  values = [[overlap(a.span, b.span) for b in true] for a in told]
  return np.array(values, np.float64).reshape(len(told), len(true))


def _scores(told, true, scorer) -> Float[np.ndarray, 'N M']:
  """Of every pair, handed over as (true, told); see `soda_c`."""
  pairs = [(b.sentence, a.sentence) for a in told for b in true]
  values = np.asarray(scorer(pairs), np.float64)
  return values.reshape(len(told), len(true))


def harmonic(a: float, b: float) -> float:
  """Returns the harmonic mean; 0 where both are."""
  return 2 * a * b / (a + b) if a + b else 0.0


def _share(found) -> float:
  return float(found.mean()) if found.size else 0.0


def _mean(values) -> float:
  return float(np.mean(values)) if len(values) else float('nan')
