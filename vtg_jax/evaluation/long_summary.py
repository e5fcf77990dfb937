"""From lines of a run over hours of video to recall, certainty and cost."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.costs import mean_costs
from vtg_jax.evaluation.items import CALIBRATION
from vtg_jax.evaluation.reliability import Reliability, score_reliability
from vtg_jax.evaluation.rows import percent
from vtg_jax.metrics.absence import (
  AbsentScores,
  absent_f1_interval,
  absent_scores,
  auroc,
)
from vtg_jax.metrics.bootstrap import Bootstrap, mean_interval
from vtg_jax.metrics.calibration import reliability_at
from vtg_jax.metrics.ranked_recall import ranked_recall
from vtg_jax.metrics.risk_coverage import RiskCoverage, risk_coverage
from vtg_jax.moments.calibration import KINDS, Calibration, fit_calibration

RANKS, THRESHOLDS = (1, 5), (0.1, 0.3, 0.5, 0.7, 0.9)
# Of these, those for which it is told what scores are worth.
ERROR_THRESHOLDS = (0.1, 0.3, 0.5)
LIKELIER_ABSENT = 'likelier absent than not'
COLUMNS = tuple(f'R{r}@{t}' for t in THRESHOLDS for r in RANKS)
HEAD = ('', *COLUMNS, 'mIoU', 'R1@0.3 interval', 'mIoU interval', 'n')

Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongRow:
  """Recalls over one part of the benchmark, 0..1.

  Attributes:
    name: of the part.
    scores: column, or 'mIoU' -> score; a sentence that failed is missed.
    interval: the same -> low and high end, resampled over videos.
    n: sentences that happen.
  """

  name: str
  scores: Mapping[str, float]
  interval: Mapping[str, tuple[float, float]]
  n: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class AbsentRow:
  """How right one rule for "not here" is.

  Attributes:
    rule: in words.
    scores: precision, recall and so on.
    f1_interval: low and high end, resampled over videos.
    noticed: kind of absence -> share of it that was noticed.
  """

  rule: str
  scores: AbsentScores
  f1_interval: tuple[float, float]
  noticed: Mapping[str, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongSummary:
  """All scores of one run.

  Attributes:
    rows: recalls, the main part's first; all else is of the main part.
    calibration: learnt on other videos; None where there are none.
    hit_iou: what the IoU of a right moment exceeds.
    errors_of_scores: 'raw' and 'calibrated' -> IoU threshold -> ECE over the
      sentences that happen; the raw scores' only where they are within 0..1.
      Each threshold has a calibration of its own; a stored one is of
      `hit_iou` alone.
    reliability: of the scores at `hit_iou`, as far as they are probabilities;
      and of the probability that a sentence happens.
    risk: name -> curve; of the sentences that happen, and of all, where any
      moment for an absent one is wrong.
    absent: rules for "not here"; empty where no absent sentence was asked.
    auroc: how well scores tell what happens; NaN with only one of both.
    cost: mean a sentence of what answers carry, and of the seconds taken;
      under 'per_hour' the same an hour of video.
    looked_at: mean share of the video looked at for answers that say so.
    n_samples: sentences of the main part.
    n_videos: their videos.
    errors: message -> how many samples of all parts.
  """

  rows: tuple[LongRow, ...]
  calibration: Calibration | None
  hit_iou: float
  errors_of_scores: Mapping[str, Mapping[float, float]]
  reliability: tuple[Reliability, ...]
  risk: Mapping[str, RiskCoverage]
  absent: tuple[AbsentRow, ...]
  auroc: float
  cost: Mapping[str, Any]
  looked_at: float | None
  n_samples: int
  n_videos: int
  errors: Mapping[str, int]

  @property
  def n_failed(self) -> int:
    return sum(self.errors.values())

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types; the calibration has a file of its own."""
    return {
      'rows': [dataclasses.asdict(row) for row in self.rows],
      'hit_iou': self.hit_iou,
      'ece': self.errors_of_scores,
      'calibration': [one.to_json() for one in self.reliability],
      'risk_coverage': {
        name: {
          'area': curve.area,
          'excess_area': curve.excess_area,
          'coverage': curve.coverage.tolist(),
          'risk': curve.risk.tolist(),
        }
        for name, curve in self.risk.items()
      },
      'absent': [dataclasses.asdict(row) for row in self.absent],
      'auroc': self.auroc,
      'cost': self.cost,
      'looked_at': self.looked_at,
      'n_samples': self.n_samples,
      'n_videos': self.n_videos,
      'n_failed': self.n_failed,
      'errors': self.errors,
    }


def summarise_long(
  records: Sequence[Record],
  *,
  kind: str,
  hit_iou: float,
  false_alarm_rate: float,
  bootstrap: Bootstrap,
  fitted_on: str,
  stored: Calibration | None = None,
) -> LongSummary:
  """Scores the lines of a run.

  Args:
    records: lines as `run_grounding` writes them, with `others`; those of the
      part CALIBRATION are calibrated on, and count for nothing else.
    kind: of the calibration; see `fit_calibration`.
    hit_iou: what the IoU of a right moment exceeds.
    false_alarm_rate: of absent sentences, at most this share is to be
      answered with a moment.
    bootstrap: how intervals are resampled.
    fitted_on: what is calibrated on, in words.
    stored: what scores are worth where there is nothing to calibrate on.

  Raises:
    BadInput: scores that cannot be calibrated, or too few absent sentences to
      keep the rate.
  """
  parts = dict.fromkeys(r['part'] for r in records if r['part'] != CALIBRATION)
  main = [r for r in records if not r['part']]
  answered = [r for r in main if r['error'] is None]
  held_out = [
    r for r in records if r['part'] == CALIBRATION and r['error'] is None
  ]

  def fitted(threshold: float) -> Calibration | None:
    if not held_out:
      is_of = stored is not None and stored.hit_iou == threshold
      return stored if is_of else None
    return fit_calibration(
      [r['score'] for r in held_out],
      [r['iou'] for r in held_out],
      kind=kind,
      hit_iou=threshold,
      fitted_on=fitted_on,
    )

  calibration = fitted(hit_iou)
  happens = [r for r in answered if r['gt_span']]
  return LongSummary(
    rows=tuple(
      _row(
        part or 'model', [r for r in records if r['part'] == part], bootstrap
      )
      for part in parts
    ),
    calibration=calibration,
    hit_iou=hit_iou,
    errors_of_scores=_errors_of_scores(happens, fitted),
    reliability=_reliability(answered, calibration, hit_iou),
    risk={
      'happens': _risk(happens, hit_iou),
      'all': _risk(answered, hit_iou),
    },
    absent=_absent(answered, calibration, false_alarm_rate, bootstrap),
    auroc=auroc(
      [r['score'] for r in happens],
      [r['score'] for r in answered if not r['gt_span']],
    ),
    cost=mean_costs(answered),
    looked_at=_mean_or_none([r.get('looked_at') for r in answered]),
    n_samples=len(main),
    n_videos=len({r['video'] for r in main}),
    errors=dict(Counter(r['error'] for r in records if r['error'] is not None)),
  )


def _row(name: str, records: Sequence[Record], bootstrap) -> LongRow:
  asked = [r for r in records if r['gt_span']]
  found = ranked_recall(
    [_ious(r) for r in asked], ranks=RANKS, thresholds=THRESHOLDS
  )
  # By threshold, then rank, as the columns are.
  hits = found.hits.transpose(0, 2, 1).reshape(len(asked), len(COLUMNS))
  values = np.concatenate([hits, found.best_iou[:, None]], axis=1)
  names = (*COLUMNS, 'mIoU')
  means = values.mean(axis=0) if len(asked) else np.full(len(names), np.nan)
  ends = mean_interval(values, [r['video'] for r in asked], bootstrap)
  return LongRow(
    name=name,
    scores=dict(zip(names, means.tolist(), strict=True)),
    interval={
      column: (float(low), float(high))
      for column, low, high in zip(names, *ends, strict=True)
    },
    n=len(asked),
  )


def _ious(record: Record) -> list[float]:
  """Of a sentence's answers, best first; none where it failed."""
  if record['error'] is not None or record['pred_span'] is None:
    return []
  return [record['iou'], *(one['iou'] for one in record.get('others', ()))]


def _errors_of_scores(happens, fitted) -> dict[str, dict[float, float]]:
  scores = [r['score'] for r in happens]
  ious = [r['iou'] for r in happens]
  errors = {}
  if _are_probabilities(scores):
    bins = reliability_at(scores, ious, ERROR_THRESHOLDS)
    errors['raw'] = {t: one.expected_error for t, one in bins.items()}
  calibrated = {}
  for threshold in ERROR_THRESHOLDS:
    if scores and (calibration := fitted(threshold)) is not None:
      told = calibration.moment(scores)
      (bins,) = reliability_at(told, ious, (threshold,)).values()
      calibrated[threshold] = bins.expected_error
  return errors | ({'calibrated': calibrated} if calibrated else {})


def _reliability(answered, calibration, hit_iou) -> tuple[Reliability, ...]:
  happens = [r for r in answered if r['gt_span']]
  scores = [r['score'] for r in happens]
  right = [r['iou'] > hit_iou for r in happens]
  what = f'score, for IoU > {hit_iou:g}'
  found = []
  if _are_probabilities(scores):
    found.append(score_reliability(what, scores, right))
  if calibration is not None and happens:
    told = calibration.moment(scores)
    found.append(score_reliability(f'calibrated {what}', told, right))
    told = calibration.presence([r['score'] for r in answered])
    found.append(
      score_reliability(
        'probability that it happens',
        told,
        [bool(r['gt_span']) for r in answered],
      )
    )
  return tuple(found)


def _risk(answered, hit_iou) -> RiskCoverage:
  losses = [float(not r['gt_span'] or r['iou'] <= hit_iou) for r in answered]
  return risk_coverage([r['score'] for r in answered], losses)


def _absent(answered, calibration, rate, bootstrap) -> tuple[AbsentRow, ...]:
  is_absent = [not r['gt_span'] for r in answered]
  if not any(is_absent):
    return ()
  own = np.array([r['pred_span'] is None for r in answered])
  rules = {"the system's own": own} if own.any() else {}
  if calibration is not None:
    scores = np.array([r['score'] for r in answered])
    needed = calibration.threshold(rate)
    rules[f'false alarms at most {percent(rate)} %'] = scores < needed
    presence = calibration.presence(scores)
    rules[LIKELIER_ABSENT] = presence < 0.5
  videos = [r['video'] for r in answered]
  kinds = sorted({tag for r in answered for tag in r['tags']})

  def noticed(said, tag):
    of_kind = [tag in r['tags'] for r in answered]
    return float(said[of_kind].mean())

  return tuple(
    AbsentRow(
      rule=rule,
      scores=absent_scores(said, is_absent),
      f1_interval=absent_f1_interval(said, is_absent, videos, bootstrap),
      noticed={tag: noticed(said, tag) for tag in kinds},
    )
    for rule, said in rules.items()
  )


def _are_probabilities(scores: Sequence[float]) -> bool:
  return bool(scores) and 0 <= min(scores) and max(scores) <= 1 + 1e-4


def _mean_or_none(values: Sequence[float | None]) -> float | None:
  known = [value for value in values if value is not None]
  return float(np.mean(known)) if known else None


def check_options(config: Mapping[str, Any]) -> None:
  """Raises BadInput where scoring would fail, before any video is watched."""
  for name in ('hit_iou', 'false_alarm_rate'):
    value = config[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value < 1:
      raise BadInput(f'{name} is {value!r}; give a number above 0 and below 1')
  if type(config['top_k']) is not int or config['top_k'] < 1:
    raise BadInput(f'top_k is {config["top_k"]!r}; give a number from 1 up')
  if config['calibration'] not in KINDS:
    raise BadInput(
      f'calibration {config["calibration"]!r} is unknown; use one of {KINDS}'
    )


def cells(row: LongRow) -> list[str]:
  """Returns a row's texts under HEAD, scores in per cent."""

  def ends(name):
    low, high = row.interval[name]
    return f'{percent(low)} to {percent(high)}'

  return [
    row.name,
    *(percent(row.scores[column]) for column in (*COLUMNS, 'mIoU')),
    ends('R1@0.3'),
    ends('mIoU'),
    str(row.n),
  ]


def remarks(summary: LongSummary) -> list[str]:
  """Returns what the table does not say, a line each."""
  lines = [
    f'{summary.n_samples} sentences about {summary.n_videos} videos, absent '
    'ones included; IoUs of two decimals must exceed a threshold; intervals '
    'resample the videos.'
  ]
  for name, errors in summary.errors_of_scores.items():
    told = ', '.join(f'{e:.3f} at IoU {t:g}' for t, e in errors.items())
    lines.append(f'ECE of {name} scores: {told}.')
  lines.append(
    f'AURC, IoU above {summary.hit_iou:g} being right: '
    f'{summary.risk["happens"].area:.3f} over sentences that happen, '
    f'{summary.risk["all"].area:.3f} over all.'
  )
  for row in summary.absent:
    low, high = row.f1_interval
    found = row.scores
    lines.append(
      f'"Not here" by the rule {row.rule}: precision '
      f'{percent(found.precision)}, recall {percent(found.recall)}, F1 '
      f'{percent(found.f1)} ({percent(low)} to {percent(high)}).'
    )
  if summary.absent:
    lines.append(f'AUROC of what happens: {summary.auroc:.3f}.')
  if summary.looked_at is not None:
    lines.append(f'Looked at {percent(summary.looked_at)} % of a video.')
  for name, value in summary.cost.get('per_hour', {}).items():
    lines.append(
      f'{name}: {summary.cost[name]:.4g} a sentence, {value:.4g} an hour of '
      'video and sentence.'
    )
  return lines
