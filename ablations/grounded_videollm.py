"""Grounded-VideoLLM's streams, time scale and stages, in miniature."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablations.arms import Ablation, Arm, Cells, Stage, percent

_STAGE1 = Stage(config='grounded_videollm/small_stage1')
_CELLS = 'out/grounded_videollm/small_cells/model'
# About an eighth of the steps of the shipped model.
_STEPS = 700, 250


def _second(*overrides: str) -> Stage:
  return Stage(
    config='grounded_videollm/small_stage2',
    overrides=(f'steps={_STEPS[0]}', 'warmup_steps=100.0', *overrides),
  )


def _third(*overrides: str) -> Stage:
  return Stage(
    config='grounded_videollm/small_stage3',
    overrides=(f'steps={_STEPS[1]}', 'warmup_steps=50.0', *overrides),
  )


def _scale(n_intervals: int) -> Arm:
  sizes = json.dumps({'n_intervals': n_intervals})
  return Arm(
    name=f'scale_{n_intervals}',
    what=f'{n_intervals} steps of time',
    start=_CELLS,
    stages=(_STAGE1, _second(f'start.model={sizes}'), _third()),
  )


_IMAGES_ONLY = json.dumps({'two_stream': {'video_stream': False}})
# The image rows alone need no more room.
_SHORT = 'data.row_tokens=288'
_ARMS = (
  Arm(
    name='whole',
    what='all stages, both streams, 300 steps of time',
    start=_CELLS,
    stages=(_STAGE1, _second(), _third()),
  ),
  Arm(
    name='one_stream',
    what='without the temporal stream',
    start=_CELLS,
    stages=(
      _STAGE1,
      _second(f'start.model={_IMAGES_ONLY}', _SHORT),
      _third(_SHORT),
    ),
  ),
  _scale(50),
  _scale(150),
  _scale(500),
  Arm(
    name='stages_1_2',
    what='stages 1 and 2',
    start=_CELLS,
    stages=(_STAGE1, _second()),
  ),
  Arm(
    name='stages_2_3',
    what='stages 2 and 3',
    start=_CELLS,
    stages=(_second(), _third()),
  ),
)


_RECALLS = {f'R@1 {at}': f'recall_{at}' for at in (0.3, 0.5, 0.7)}
_ROWS = 'rows a video'


def read(arm: Arm, summary: Mapping[str, Any], model: Path) -> dict[str, Cells]:
  """The model's row of its scores."""
  row = next(row for row in summary['rows'] if row['name'] == 'model')
  scores = row['answered']
  low, high = row['interval']['mean_iou']
  cells = {
    'mIoU': percent(scores['mean_iou']),
    'interval': f'{percent(low)} to {percent(high)}',
    **{name: percent(scores[key]) for name, key in _RECALLS.items()},
    _ROWS: _video_rows(model),
  }
  return {arm.what: cells}


def _video_rows(model: Path) -> str:
  """Rows that stand for a video in the language model's input."""
  from vtg_jax.convert import checkpoint
  from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig

  sizes = checkpoint.read_config(model)['model']
  return str(GroundedVideoLlmConfig.from_dict(sizes).n_video)


ABLATION = Ablation(
  name='grounded_videollm',
  title='Parts of the small Grounded-VideoLLM',
  about=f"""\
Each arm is trained from the same warmed-up encoders (`small_cells`) on the same
stories in the same order, one seed: stage 1 as shipped, then {_STEPS[0]} steps
of stage 2 and {_STEPS[1]} of stage 3, an eighth of the shipped ones, so that
the scores are lower than its. They are of 200 test videos as MP4 files;
intervals resample the videos and tell nothing of other seeds of training.""",
  arms=_ARMS,
  scoring=(
    'shape_stories',
    'seeds=2000000:2000200',
    'absent=false',
    'unseen_seeds=',
    'tuning_seeds=0:1',
  ),
  columns=('mIoU', 'interval', *_RECALLS, _ROWS),
  read=read,
  document=Path('docs/grounded_videollm_small/ablations.md'),
)
