"""Is agreement a better confidence than any single score?

Of each model's answers to sentences that happen: how well its own score, how
far it agrees with the others, and both together tell which of them are right.
All three go through logistic curves learnt on other videos.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from vtg_jax.evaluation.joint_answers import Sentences
from vtg_jax.evaluation.rows import COLUMNS, Row, percent, row_of_ious, three
from vtg_jax.metrics.absence import auroc
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.metrics.calibration import reliability
from vtg_jax.metrics.grounding import THRESHOLDS, best_iou
from vtg_jax.metrics.ranking_gain import auroc_gain_interval
from vtg_jax.metrics.risk_coverage import risk_coverage
from vtg_jax.moments.joint_confidence import (
  JointAnswers,
  JointConfidence,
  columns_of_right,
  fit_weights,
)
from vtg_jax.moments.logistic import sigmoid

CONFIDENCE_HEAD = (
  'answers of',
  'confidence',
  'AUROC',
  "above its score's",
  'ECE',
  'AURC',
  'wrong at 80 %',
)
ANSWER_HEAD = ('', 'mIoU', *(f'R@1 {t}' for t in THRESHOLDS), 'mIoU interval')
PRESENCE_HEAD = ('', 'AUROC', 'above the best score')
# So large a share of the queries is answered, the surest ones.
_COVERAGE = 0.8


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfidenceRow:
  """One way to be sure of one model's answers.

  Attributes:
    model: whose answers.
    confidence: in words.
    auroc: chance that a right answer is surer than a wrong one.
    gain: low and high end of how much larger that is than of the model's own
      score; None of that itself.
    ece: of equal width.
    area: under risk against coverage.
    risk: share of wrong answers among the surest 80 %.
  """

  model: str
  confidence: str
  auroc: float
  gain: tuple[float, float] | None
  ece: float
  area: float
  risk: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class PresenceRow:
  """One way to tell what happens from what does not.

  Attributes:
    confidence: in words.
    auroc: chance that what happens is surer than what does not.
    gain: low and high end of how much larger that is than of the best single
      score; None of the single scores.
  """

  confidence: str
  auroc: float
  gain: tuple[float, float] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgreementSummary:
  """What agreement is worth.

  Attributes:
    confidences: of each model's answers.
    answers: which answer to give.
    presence: whether a sentence happens at all.
    hit_iou: what the IoU of a right answer exceeds.
    n_sentences: that happen, scored.
    n_absent: and that do not.
    n_learnt: sentences that the curves are learnt on.
    fitted_on: these, in words.
  """

  confidences: tuple[ConfidenceRow, ...]
  answers: tuple[Row, ...]
  presence: tuple[PresenceRow, ...]
  hit_iou: float
  n_sentences: int
  n_absent: int
  n_learnt: int
  fitted_on: str

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)


def summarise_agreement(
  names: Sequence[str],
  held_out: Sentences,
  scored: Sentences,
  joint: JointConfidence,
  bootstrap: Bootstrap,
) -> AgreementSummary:
  """Learns on one part and scores on the other.

  Args:
    names: of the models, in the order of the answers.
    held_out: to learn on; `joint` was.
    scored: of other videos.
    joint: of all models, in this order.
    bootstrap: how intervals are resampled.
  """
  learnt = held_out.where(held_out.happens)
  asked = scored.where(scored.happens)
  together = joint.probabilities(asked.given)
  own, rows = [], []
  for member, name in enumerate(names):
    columns = {
      'its score': [0, 1 + member],
      'agreement': [0, *range(1 + len(names), 2 * len(names))],
    }
    right = learnt.ious[:, member] > joint.hit_iou
    sure = {
      what: _learnt(learnt.given, asked.given, member, right, chosen)
      for what, chosen in columns.items()
    }
    own.append(sure['its score'])
    sure['both'] = together[member]
    came_true = asked.ious[:, member] > joint.hit_iou
    rows += [
      _confidence_row(
        (name, what), probability, own[-1], came_true, asked.videos, bootstrap
      )
      for what, probability in sure.items()
    ]
  return AgreementSummary(
    confidences=tuple(rows),
    answers=tuple(
      row_of_ious(what, ious.tolist(), asked.videos, bootstrap)
      for what, ious in _given(names, asked, np.stack(own), together).items()
    ),
    presence=_presence(names, scored, joint, bootstrap),
    hit_iou=joint.hit_iou,
    n_sentences=len(asked.videos),
    n_absent=int((~scored.happens).sum()),
    n_learnt=len(held_out.videos),
    fitted_on=joint.fitted_on,
  )


def _learnt(
  learnt: JointAnswers,
  asked: JointAnswers,
  member: int,
  right: Bool[np.ndarray, ' K'],
  chosen: Sequence[int],
) -> Float[np.ndarray, ' N']:
  """Probabilities from some of the columns of both together."""
  weights = fit_weights(columns_of_right(learnt, member)[chosen], right)
  return sigmoid(np.array(weights) @ columns_of_right(asked, member)[chosen])


def _confidence_row(
  named, probability, own, came_true, videos, bootstrap
) -> ConfidenceRow:
  model, confidence = named
  curve = risk_coverage(probability, 1.0 - came_true)
  gain = None
  if probability is not own:
    gain = auroc_gain_interval(probability, own, came_true, videos, bootstrap)
  return ConfidenceRow(
    model=model,
    confidence=confidence,
    auroc=auroc(probability[came_true], probability[~came_true]),
    gain=gain,
    ece=reliability(probability, came_true).expected_error,
    area=curve.area,
    risk=curve.risk_at(_COVERAGE),
  )


def _given(names, asked, own, together) -> dict[str, Float[np.ndarray, ' N']]:
  """IoUs of the answers that ways to choose among the models give."""
  everyone = np.arange(len(asked.videos))
  found = {f'always {name}': asked.ious[:, m] for m, name in enumerate(names)}
  found['the surest by its score'] = asked.ious[everyone, own.argmax(axis=0)]
  found['the surest by both'] = asked.ious[everyone, together.argmax(axis=0)]
  found['what all have in common'] = np.array(
    [_common_iou(asked, i) for i in everyone], np.float64
  )
  return found


def _common_iou(asked: Sentences, place: int) -> float:
  spans = [spans[place] for spans in asked.spans]
  if None in spans:
    return 0.0
  shared = max(a for a, _ in spans), min(b for _, b in spans)
  return best_iou(shared, asked.gold[place]) if shared[1] > shared[0] else 0.0


def _presence(names, scored, joint, bootstrap) -> tuple[PresenceRow, ...]:
  happens = scored.happens
  single = dict(zip(names, scored.given.scores.T, strict=True))
  areas = {
    name: auroc(one[happens], one[~happens]) for name, one in single.items()
  }
  rows = [
    PresenceRow(confidence=f'score of {name}', auroc=area, gain=None)
    for name, area in areas.items()
  ]
  best = single[max(areas, key=areas.__getitem__)]
  joined = {
    'agreement': scored.given.pairs.mean(axis=0),
    'both': joint.presence(scored.given),
  }
  return tuple(rows) + tuple(
    PresenceRow(
      confidence=what,
      auroc=auroc(one[happens], one[~happens]),
      gain=auroc_gain_interval(one, best, happens, scored.videos, bootstrap),
    )
    for what, one in joined.items()
  )


def confidence_cells(row: ConfidenceRow) -> list[str]:
  """Returns a row's texts under CONFIDENCE_HEAD."""
  return [
    row.model,
    row.confidence,
    three(row.auroc),
    _ends(row.gain),
    three(row.ece),
    three(row.area),
    percent(row.risk),
  ]


def answer_cells(row: Row) -> list[str]:
  """Returns a row's texts under ANSWER_HEAD."""
  low, high = row.interval['mean_iou']
  return [
    row.name,
    *(percent(row.answered[column]) for column in COLUMNS),
    f'{percent(low)} to {percent(high)}',
  ]


def presence_cells(row: PresenceRow) -> list[str]:
  """Returns a row's texts under PRESENCE_HEAD."""
  return [row.confidence, three(row.auroc), _ends(row.gain)]


def remarks(found: AgreementSummary) -> list[str]:
  """Returns what the tables do not say, and the answer, a line each."""
  better, worse, n = _verdict(found.confidences, 'agreement')
  both, less, _ = _verdict(found.confidences, 'both')
  better_at, worse_at, _ = _verdict(found.presence, 'agreement')
  joined, joined_worse, _ = _verdict(found.presence, 'both')
  tells = {
    (0, 0): 'about as well as',
    (1, 0): 'better than',
    (0, 1): 'worse than',
  }
  return [
    f'{found.n_sentences} sentences that happen and {found.n_absent} that do '
    f'not; learnt on {found.n_learnt} sentences of {found.fitted_on}; right is '
    f'an IoU above {found.hit_iou:g}; intervals resample the videos.',
    f'Agreement alone ranks the answers of {better} of {n} models better than '
    f'their own scores, of {worse} worse, with an interval that leaves out 0; '
    f'both together of {both} better, of {less} worse.',
    f'Whether a sentence happens at all, agreement tells '
    f'{tells[better_at, worse_at]} the best single score, and both together '
    f'{tells[joined, joined_worse]} it.',
  ]


def _verdict(
  rows: Sequence[ConfidenceRow | PresenceRow], what: str
) -> tuple[int, int, int]:
  """Rows that gain, rows that lose, and all rows of one confidence."""
  gains = [row.gain for row in rows if row.confidence == what]
  better = sum(low > 0 for low, _ in gains)
  worse = sum(high < 0 for _, high in gains)
  return better, worse, len(gains)


def _ends(gain: tuple[float, float] | None) -> str:
  if gain is None or np.isnan(gain).any():
    return '' if gain is None else '-'
  return f'{gain[0]:+.3f} to {gain[1]:+.3f}'
