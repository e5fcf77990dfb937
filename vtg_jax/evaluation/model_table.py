"""Several models on the same videos: a line each, with what each costs."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vtg_jax.evaluation.grounding_summary import HIT_IOU
from vtg_jax.evaluation.items import CALIBRATION
from vtg_jax.evaluation.rows import COLUMNS, Row, percent, row_of_ious, three
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.metrics.calibration import reliability
from vtg_jax.metrics.grounding import THRESHOLDS
from vtg_jax.moments.score_map import fit_temperature
from vtg_jax.systems.parameters import n_parameters

HEAD = (
  '',
  'mIoU',
  *(f'R@1 {t}' for t in THRESHOLDS),
  'mIoU interval',
  'ECE',
  'ECE, calibrated',
  's a video',
  'MiB at most',
  'parameters',
)
Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelRow:
  """One model.

  Attributes:
    row: recalls and mean IoU; a sentence that failed counts as 0.
    ece: of the system's own score, of equal width, for an IoU above 0.5; None
      where the scores are no probabilities.
    ece_calibrated: of the score through a logistic curve that was learnt on
      the part to calibrate on; None where there is none.
    video_s: median seconds to read a video and answer all its sentences.
    peak_mib: most memory of the process at any video; None where unknown.
    n_parameters: numbers in the checkpoint, its frame encoder's too.
  """

  row: Row
  ece: float | None
  ece_calibrated: float | None
  video_s: float
  peak_mib: float | None
  n_parameters: int

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)


def model_row(
  name: str,
  lines: Sequence[Record],
  checkpoint: Path,
  bootstrap: Bootstrap,
) -> ModelRow:
  """Scores one model's run.

  Args:
    name: of the model.
    lines: as `run_grounding` writes them.
    checkpoint: folder of its parameters.
    bootstrap: how intervals are resampled.
  """
  asked = [r for r in lines if not r['part'] and r['gt_span']]
  ious = [0.0 if r['error'] is not None else r['iou'] for r in asked]
  answered = [r for r in asked if r['error'] is None]
  held_out = [
    r
    for r in lines
    if r['part'] == CALIBRATION and r['gt_span'] and r['error'] is None
  ]
  peaks = [
    r[kind]
    for r in lines
    for kind in ('peak_mib', 'ready_peak_mib')
    if r.get(kind)
  ]
  scores = [r['score'] for r in answered]
  right = [r['iou'] > HIT_IOU for r in answered]
  are_probabilities = bool(scores) and 0 <= min(scores) <= max(scores) <= 1.0001
  calibrated = None
  if held_out and are_probabilities:
    curve = fit_temperature(
      [r['score'] for r in held_out], [r['iou'] > HIT_IOU for r in held_out]
    )
    calibrated = reliability(curve(scores), right).expected_error
  return ModelRow(
    row=row_of_ious(name, ious, [r['video'] for r in asked], bootstrap),
    ece=reliability(scores, right).expected_error
    if are_probabilities
    else None,
    ece_calibrated=calibrated,
    video_s=_median_video_s([r for r in lines if not r['part']]),
    peak_mib=max(peaks) if peaks else None,
    n_parameters=n_parameters(checkpoint),
  )


def _median_video_s(lines: Sequence[Record]) -> float:
  """Reading and all sentences, of videos that no sentence failed of."""
  seconds: dict[str, float] = {}
  for r in lines:
    own_s = float('nan') if r['error'] is not None else r['seconds']
    start_s = r.get('ready_seconds') or 0.0
    seconds[r['video']] = seconds.get(r['video'], start_s) + own_s
  found = [s for s in seconds.values() if not np.isnan(s)]
  return float(np.median(found)) if found else float('nan')


def cells(one: ModelRow) -> list[str]:
  """Returns a row's texts under HEAD."""
  low, high = one.row.interval['mean_iou']
  return [
    one.row.name,
    *(percent(one.row.counted[column]) for column in COLUMNS),
    f'{percent(low)} to {percent(high)}',
    three(one.ece),
    three(one.ece_calibrated),
    f'{one.video_s:.2f}',
    '-' if one.peak_mib is None else f'{one.peak_mib:,.0f}',
    f'{one.n_parameters / 1e6:.1f} M',
  ]


def remarks(lines: Sequence[Record]) -> list[str]:
  """Returns what the table does not say, a line each."""
  main = [r for r in lines if not r['part']]
  asked = [r for r in main if r['gt_span']]
  videos = {r['video'] for r in main}
  return [
    f'{len(asked)} sentences about {len(videos)} videos; seconds are the '
    'median video, read and asked '
    f'{len(main) / max(len(videos), 1):.1f} sentences together, those that do '
    'not happen among them; memory is of the whole process; '
    f'ECE is of the score, for IoU > {HIT_IOU}.'
  ]
