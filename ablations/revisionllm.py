"""ReVisionLLM's levels, windows without the event and domains, in miniature."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablations.arms import Ablation, Arm, Cells, Stage, percent
from vtg_jax.evaluation.rows import amount, with_quote
from vtg_jax.systems.registry import CHECKPOINTS

_MODEL = 'revisionllm_small'
# What it sees by, which a trained folder has not got by itself.
_ENCODER = CHECKPOINTS / 'clip_small'
# Of the beginning that arms share, and of what each has of its own.
_STEPS = 5_000, 1_500

_LEVELS = {
  'top_down': 'top-down, as many levels as suit the length',
  'confidence': 'the same, ranked by confidence alone',
  'levels_0': 'no level: the whole video as one window',
  'levels_1': '1 level: dense only',
  'levels_2': '2 levels',
  'levels_3': '3 levels',
  'levels_4': '4 levels',
  'sparse': 'sparse only',
}
_DOMAINS = {
  'model': 'as trained',
  'unseen combinations': 'objects in actions that training never shows',
  'difficulty hard': 'difficulty hard, which training never shows',
}
_SOME = (
  'seeds=9800000:9800006',
  'calibration_seeds=9700000:9700003',
)
COLUMNS = (
  'R1@0.1',
  'R1@0.3',
  'R1@0.5',
  'mIoU',
  'absent F1',
  'ECE',
  'ECE calibrated',
  'calls (quoted)',
  'tokens (quoted)',
  'frames',
  'seconds',
  'MiB',
)


def read(arm: Arm, summary: Mapping[str, Any], model: Path) -> dict[str, Cells]:
  """Rows of the searches, or of the parts, that the arm names."""
  del model
  if 'searches' in summary:
    found = summary['searches']
    return {
      what: {**_scores(found[name]), **_costs(found[name])}
      for name, what in arm.rows.items()
      if name in found
    }
  if arm.rows is None:
    return {arm.what: {**_scores(summary), **_costs(summary)}}
  rows = {row['name']: row for row in summary['rows']}
  return {
    what: _recalls(rows[name])
    for name, what in arm.rows.items()
    if name in rows
  }


def _recalls(row: Mapping[str, Any]) -> Cells:
  return {
    name: percent(row['scores'][name]) for name in COLUMNS[:3] + ('mIoU',)
  }


def _scores(one: Mapping[str, Any]) -> Cells:
  """Of the main part."""
  cells = _recalls(one['rows'][0])
  for row in one['absent']:
    # The last rule is that of the calibrated probability.
    cells['absent F1'] = percent(row['scores']['f1'])
  for column, which in (('ECE', 'raw'), ('ECE calibrated', 'calibrated')):
    value = one['ece'].get(which, {}).get(str(one['hit_iou']))
    cells[column] = '' if value is None else f'{value:.3f}'
  return cells


def _costs(one: Mapping[str, Any]) -> Cells:
  """An hour of video and sentence."""
  cost = one.get('search_cost', {})
  per_hour = cost.get('per_hour', one['cost'].get('per_hour', {}))
  seconds = cost.get('seconds_per_hour', per_hour.get('seconds'))
  cells = {'seconds': '' if seconds is None else f'{seconds:.2f}'}
  for column, name in (('calls', 'sequences'), ('tokens', 'prefill_tokens')):
    quoted = cost.get('quoted', {}).get(name)
    took = per_hour.get(f'cost.{name}')
    cells[f'{column} (quoted)'] = with_quote(took, quoted)
  cells['frames'] = amount(per_hour.get('cost.frames'))
  cells['MiB'] = amount(cost.get('peak_mib'))
  return cells


def ablation(share: float = 1.0) -> Ablation:
  """The ablation with a share of the usual steps of training."""
  shared, own = (max(2, round(share * n)) for n in _STEPS)

  def stage(steps: int, *overrides: str) -> Stage:
    warmup = min(200.0, steps / 5)
    return Stage(
      config='revisionllm/small_dense',
      overrides=(f'steps={steps}', f'warmup_steps={warmup:g}', *overrides),
    )

  def negatives(name: str, what: str, *overrides: str) -> Arm:
    return Arm(
      name=name,
      what=what,
      start=None,
      stages=(
        stage(shared, 'data.negatives.share=0.0'),
        # What is gone on with has its sizes.
        stage(own, 'start.preset=None', *overrides),
      ),
    )

  def kinds(random: float, hard: float, same_scene: float) -> tuple[str, ...]:
    return (
      f'data.kinds.random={random}',
      f'data.kinds.hard={hard}',
      f'data.kinds.same_scene={same_scene}',
    )

  return Ablation(
    name='revisionllm',
    title='Parts of the small ReVisionLLM',
    about=f"""\
Searches and domains are of the shipped model. For windows without the event,
the dense level alone is trained, one seed each: all arms share {shared:,} steps
without any, then each has {own:,} of its own, fewer than the shipped model, so
that their scores are lower; every frame of the videos is read. Difficulty and
combinations are domains that no stage of training shows. Calls, tokens, frames
and seconds are an hour of video and sentence; in brackets what was quoted
before; ECE at IoU 0.5 over what happens; absent F1 where absence is likelier
than not, calibrated on held-out videos.""",
    arms=(
      Arm(
        name='levels',
        what='levels',
        start=_MODEL,
        stages=(),
        scoring=('long_levels', *_SOME),
        rows=_LEVELS,
      ),
      Arm(
        name='domains',
        what='domains',
        start=_MODEL,
        stages=(),
        scoring=(
          'long_stories',
          *_SOME,
          'most_asked=4',
          'unseen_seeds=9800000:9800006',
          'other_seeds=9800000:9800006',
        ),
        rows=_DOMAINS,
      ),
      negatives('none', 'no windows without the event',
                'data.negatives.share=0.0'),
      negatives('random', 'random ones', *kinds(1.0, 0.0, 0.0)),
      negatives('hard', 'those that look like it', *kinds(0.0, 1.0, 0.0)),
      negatives('same_scene', 'those beside it', *kinds(0.0, 0.0, 1.0)),
      negatives('as_shipped', 'random ones and those beside it',
                *kinds(1.0, 0.0, 0.5)),
    ),
    scoring=(
      'long_stories',
      'search.search=dense',
      'minutes=30:30',
      *_SOME,
      'most_asked=6',
      'unseen_seeds=',
      'other_difficulty=',
    ),
    columns=COLUMNS,
    read=read,
    document=Path('docs/revisionllm_small/ablations.md'),
    parts={'frame_encoder': _ENCODER},
  )  # fmt: skip


ABLATION = ablation()
