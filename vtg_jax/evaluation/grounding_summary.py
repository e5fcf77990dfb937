"""From lines of a grounding run to its scores, beside rows of no model."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.evaluation.items import CALIBRATION
from vtg_jax.evaluation.reliability import Reliability, score_reliability
from vtg_jax.evaluation.rivals import rounds_text, rows_of_no_model
from vtg_jax.evaluation.rows import Row, percent, row_of_ious
from vtg_jax.metrics import absence
from vtg_jax.metrics.bootstrap import Bootstrap, mean_interval
from vtg_jax.metrics.coarse_baselines import Truth
from vtg_jax.metrics.coarse_decisions import (
  Decision,
  DecisionScores,
  decision_scores,
  decisions,
)
from vtg_jax.metrics.grounding import ious_by_round
from vtg_jax.moments.coarse import CATEGORIES

# The event that a moment's score should predict.
HIT_IOU = 0.5

# Entries of a summary that only rounds fill.
_OF_ROUNDS = ('decisions', 'decisions_by_round', 'confusion', 'order_variance')

Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundingSummary:
  """All scores of one run.

  Attributes:
    rows: the model, by round where it plays rounds, then by tag, the rows of
      no model, and the model on each other part of the benchmark; all else is
      of the main part.
    above_constant: how much higher than the best constant's the mean IoU is,
      with low and high end over videos; the same samples for both.
    constant_from: what the constants were chosen on.
    decisions: of all rounds; None where the model plays none, as with the
      next two.
    decisions_by_round: of the first, the second, ...
    confusion: right category -> chosen category -> how many rounds, of
      sentences with one true span.
    calibration: of the moment's score, and of the rounds' choices.
    order_variance: what other orders of the options change; None where only
      one was asked.
    absent: how absent queries score; None where there are none.
    boundaries: how often a true boundary lies in the range that was told of
      it, of sentences with one true span; None where no ranges are told.
    n_samples: sentences that happen in the main part, failed ones included.
    n_videos: their videos.
    errors: message -> how many samples of all parts, absent ones included.
    seconds: mean a sentence.
  """

  rows: tuple[Row, ...]
  above_constant: Mapping[str, float]
  constant_from: str
  decisions: DecisionScores | None
  decisions_by_round: tuple[DecisionScores, ...] | None
  confusion: Mapping[str, Mapping[str, int]] | None
  calibration: tuple[Reliability, ...]
  order_variance: Mapping[str, float] | None
  absent: Mapping[str, float] | None
  boundaries: Mapping[str, float] | None
  n_samples: int
  n_videos: int
  errors: Mapping[str, int]
  seconds: float

  @property
  def n_failed(self) -> int:
    return sum(self.errors.values())

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types, without what only rounds would have."""
    document = {
      **dataclasses.asdict(self),
      'rows': [row.to_json() for row in self.rows],
      'calibration': [one.to_json() for one in self.calibration],
      'n_failed': self.n_failed,
    }
    lacking = _OF_ROUNDS if self.decisions is None else ()
    for name in (*lacking, 'boundaries'):
      if document[name] is None:
        del document[name]
    return document


def summarise_grounding(
  records: Sequence[Record],
  *,
  max_rounds: int | None,
  tuning: Sequence[Truth] | None = None,
  bootstrap: Bootstrap,
  strict: bool = True,
) -> GroundingSummary:
  """Scores the lines of a run.

  Args:
    records: lines as `run_grounding` writes them.
    max_rounds: rounds that a coarse-to-fine search may have; each gets a row.
      None where the system does not search so.
    tuning: other videos to choose the constant answers on; None chooses them
      on the scored ones themselves, which flatters them.
    bootstrap: how intervals are resampled.
    strict: whether an IoU must exceed a threshold, not only reach it.
  """
  main = [r for r in records if not r['part']]
  asked = [r for r in main if r['gt_span']]

  def row(name, scored, n=-1):
    """Of the model after round n, the last one unless told otherwise."""
    return row_of_ious(
      name,
      [_ious(r, max_rounds)[n] for r in scored],
      [r['video'] for r in scored],
      bootstrap,
      strict=strict,
    )

  if max_rounds is None:
    rows = [row('model', asked)]
  else:
    rows = [
      row(f'model, {rounds_text(n + 1)}', asked, n) for n in range(max_rounds)
    ]
  for tag in sorted({tag for r in asked for tag in r['tags']}):
    rows.append(row(f'model, {tag}', [r for r in asked if tag in r['tags']]))
  rivals, best_constant = rows_of_no_model(
    asked,
    max_rounds=max_rounds,
    tuning=tuning,
    bootstrap=bootstrap,
    strict=strict,
  )
  parts = dict.fromkeys(r['part'] for r in records)
  for part in (p for p in parts if p not in ('', CALIBRATION)):
    inside = [r for r in records if r['part'] == part and r['gt_span']]
    rivals.append(row(f'model, {part}', inside))
  answered = [r for r in asked if r['error'] is None]
  played = max_rounds is not None
  rounds = [d for r in answered for d in _decisions(r)] if played else []
  by_round = [
    decision_scores(d for d in rounds if d.round == n)
    for n in range(max_rounds or 0)
  ]
  videos = [r['video'] for r in asked]
  final = [_ious(r, max_rounds)[-1] for r in asked]
  return GroundingSummary(
    rows=(*rows, *rivals),
    above_constant=_difference(final, best_constant, videos, bootstrap),
    constant_from='the scored samples' if tuning is None else 'other videos',
    decisions=decision_scores(rounds) if played else None,
    decisions_by_round=tuple(by_round) if played else None,
    confusion=_confusion(rounds) if played else None,
    calibration=(
      _score_calibration(answered),
      *([_choice_calibration(rounds)] if played else []),
    ),
    order_variance=_order_variance(answered),
    absent=_absent(main),
    boundaries=_boundaries(answered),
    n_samples=len(asked),
    n_videos=len(set(videos)),
    errors=dict(Counter(r['error'] for r in records if r['error'] is not None)),
    seconds=_mean([r['seconds'] for r in records if r['error'] is None]),
  )


def _ious(record: Record, max_rounds: int | None) -> list[float | None]:
  """After each round, or of the one answer; None where it failed."""
  if max_rounds is None:
    return [record['iou'] if record['error'] is None else None]
  return ious_by_round(
    record['duration'],
    record['pred_answer_list'],
    record['gt_span'],
    max_rounds=max_rounds,
  )


def _difference(ious, constant, videos, bootstrap) -> dict[str, float]:
  """Mean IoU above the constant's, over the samples that did not fail."""
  pairs = [
    (iou - other, video)
    for iou, other, video in zip(ious, constant, videos, strict=True)
    if iou is not None
  ]
  values = np.array([[d] for d, _ in pairs], np.float64).reshape(-1, 1)
  low, high = mean_interval(values, [v for _, v in pairs], bootstrap)[:, 0]
  return {
    'mean_iou': _mean(values[:, 0].tolist()),
    'low': float(low),
    'high': float(high),
  }


def _decisions(record: Record) -> list[Decision]:
  answers = record['pred_answer_list']
  return decisions(
    record['duration'],
    answers,
    record['gt_span'],
    [
      named.get(choice)
      for choice, named in zip(answers, record['probabilities'], strict=True)
    ],
  )


def _confusion(rounds: Sequence[Decision]) -> dict[str, dict[str, int]]:
  counts = Counter(
    (d.labels[0], d.choice) for d in rounds if len(d.labels) == 1
  )
  return {
    label: {choice: counts[label, choice] for choice in CATEGORIES}
    for label in CATEGORIES
  }


def _score_calibration(answered) -> Reliability:
  return score_reliability(
    f'score, for IoU > {HIT_IOU}',
    [r['score'] for r in answered],
    [r['iou'] > HIT_IOU for r in answered],
  )


def _choice_calibration(rounds: Sequence[Decision]) -> Reliability:
  told = [d for d in rounds if d.probability is not None]
  return score_reliability(
    "a round's choice, for being right",
    [d.probability for d in told],
    [d.right for d in told],
  )


def _order_variance(answered) -> dict[str, float] | None:
  """Spread of the mean IoU over the seeds of the option orders."""
  asked = [r for r in answered if r.get('other_orders')]
  if not asked:
    return None
  ious = np.array(
    [[r['iou'], *(o['iou'] for o in r['other_orders'])] for r in asked]
  )
  changed = [
    any(_given(o) != _given(r) for o in r['other_orders']) for r in asked
  ]
  means = ious.mean(axis=0)
  return {
    'n_orders': len(means),
    'mean_iou_lowest': float(means.min()),
    'mean_iou_highest': float(means.max()),
    'mean_iou_std': float(means.std(ddof=1)),
    'share_changed': _mean(changed),
  }


def _given(record: Record):
  """The answer: what was chosen in each round, or the span."""
  return record.get('pred_answer_list', record.get('pred_span'))


def _absent(records) -> dict[str, float] | None:
  """How the scores of what happens differ from those of what does not."""
  answered = [r for r in records if r['error'] is None]
  present = [r['score'] for r in answered if r['gt_span']]
  absent = [r['score'] for r in answered if not r['gt_span']]
  if not absent:
    return None
  return {
    'auroc': absence.auroc(present, absent),
    'false_found_rate_at_95': absence.false_found_rate(present, absent),
    'mean_score_present': _mean(present),
    'mean_score_absent': _mean(absent),
    'n_absent': len(absent),
  }


def _boundaries(answered) -> dict[str, float] | None:
  """Share of true boundaries inside their ranges, to hold against the level."""
  told = [
    r for r in answered if r.get('range_level') and len(r['gt_span']) == 1
  ]
  if not told:
    return None

  def covered(name, place):
    return _mean(
      [r[name][0] <= r['gt_span'][0][place] <= r[name][1] for r in told]
    )

  return {
    'level': _mean([r['range_level'] for r in told]),
    'start_inside': covered('start_range', 0),
    'end_inside': covered('end_range', 1),
    'n': len(told),
  }


def _mean(values: Sequence[float]) -> float:
  return float(np.mean(values)) if len(values) else float('nan')


def remarks(summary: GroundingSummary) -> list[str]:
  """Returns what the table does not say, a line each."""
  chosen, above = summary.decisions, summary.above_constant
  lines = [
    f'{summary.n_samples} sentences about {summary.n_videos} videos; intervals '
    'resample the videos.',
    f'Mean IoU above the best constant, chosen on {summary.constant_from}: '
    f'{percent(above["mean_iou"])} ({percent(above["low"])} to '
    f'{percent(above["high"])}).',
  ]
  if chosen is not None:
    lines.append(
      f'Decisions right: {percent(chosen.accuracy)} of {chosen.n} rounds, '
      f'{percent(chosen.accuracy_on_path)} of the {chosen.n_on_path} after '
      'right ones; throughout recall '
      f'{percent(chosen.throughout_recall)} of {chosen.n_throughout}, '
      f'narrowing recall {percent(chosen.narrowing_recall)}.'
    )
  lines += [
    f'Calibration of {one.what}: ECE {one.equal_width.expected_error:.3f} '
    f'(equal width), {one.equal_mass.expected_error:.3f} (equal mass), Brier '
    f'{one.brier:.3f}.'
    for one in summary.calibration
    if one.n
  ]
  if summary.order_variance is not None:
    orders = summary.order_variance
    lines.append(
      f'Over {orders["n_orders"]} seeds of the option order the mean IoU has '
      f'standard deviation {percent(orders["mean_iou_std"])}, and '
      f'{percent(orders["share_changed"])} of the samples change their answer.'
    )
  if summary.boundaries is not None:
    told = summary.boundaries
    lines.append(
      f'Ranges told with {percent(told["level"])} hold '
      f'{percent(told["start_inside"])} of the true starts and '
      f'{percent(told["end_inside"])} of the true ends.'
    )
  if summary.absent is not None:
    absent = summary.absent
    lines.append(
      f'Absent queries ({absent["n_absent"]}): AUROC {absent["auroc"]:.3f}; '
      'where 95 % of the present ones are answered, '
      f'{percent(absent["false_found_rate_at_95"])} of the absent ones are too.'
    )
  return lines
