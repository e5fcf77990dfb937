"""Do sequences of images teach time? Seq2Time's parts, in miniature."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablations.arms import Ablation, Arm, Cells, Stage, percent

_FRAMES = 'out/timechat/small_frames/model'
_SEEDS = 1, 2, 3
_STEPS = 1_000
# Videos with annotated times are few, and images with captions are many.
_N_VIDEOS = 400
_N_TEST = 100
_SCORING = (
  'shape_stories',
  f'seeds=2000000:{2000000 + _N_TEST}',
  'files=false',
  'size=32',
  'absent=false',
  'unseen_seeds=',
  'tuning_seeds=0:1',
)
_VARIANTS = {
  'baseline': 'videos, plain numbers: TimeChat',
  'images_plain': '+ image sequences',
  'images': '+ image sequences, digit tokens',
  '': '+ image and clip sequences, digit tokens: Seq2Time',
  'plain': 'Seq2Time with plain numbers',
  'no_iig': 'Seq2Time without image index grounding',
  'no_iic': 'Seq2Time without captions of indexed images',
  'no_alr': 'Seq2Time without adjacent images',
}
# Videos are asked about as long as those of training, and of several minutes.
_WORLDS = {
  '': (),
  '_long': ('knobs.duration_s=[180.0, 360.0]', 'knobs.event_frac=[0.03, 0.2]'),
}
_SAID = {'': '', '_long': ', 3 to 6 minutes'}
_RECALLS = {'R@1 0.3': 'recall_0.3', 'R@1 0.5': 'recall_0.5'}
_SCORES = {'mIoU': 'mean_iou', **_RECALLS, 'R@1 0.7': 'recall_0.7'}


def read(arm: Arm, summary: Mapping[str, Any], model: Path) -> dict[str, Cells]:
  """The model's row of its scores."""
  del model
  row = next(row for row in summary['rows'] if row['name'] == 'model')
  scores = row['answered']
  return {
    arm.what: {name: percent(scores[key]) for name, key in _SCORES.items()}
  }


def ablation(share: float = 1.0) -> Ablation:
  """The ablation with a share of the usual steps of training."""
  steps = max(2, round(share * _STEPS))
  videos = {
    'preset': 'standard',
    'n_stories': _N_VIDEOS,
    'n_grounding': 4,
    'n_dense': 1,
    'weight': 1.0,
  }

  def arm(variant: str, world: str) -> Arm:
    stage = Stage(
      config=f'timechat/small:{variant}' if variant else 'timechat/small',
      overrides=(
        f'steps={steps}',
        f'warmup_steps={min(100.0, steps / 5):g}',
        f'data.drawn_videos={json.dumps([videos])}',
      ),
    )
    return Arm(
      name=(variant or 'seq2time') + world,
      what=_VARIANTS[variant] + _SAID[world],
      start=_FRAMES,
      stages=(stage,),
      scoring=(*_SCORING, *_WORLDS[world]),
      seeds=_SEEDS,
    )

  return Ablation(
    name='timechat',
    title='What sequences teach the small TimeChat',
    about=f"""\
Each arm goes on from the same warmed-up image encoder and Q-Formers
(`small_frames`) for {steps:,} steps, {steps / 6000:.0%} of the shipped model's,
with hints, so that scores are lower than its. All arms have the same
{_N_VIDEOS} videos of 24 to 72 s with times, over and over, and as many
sequences of images and of clips as they like: captions are cheap, times are
not. Means over seeds {_SEEDS} of training with the 95 % interval of Student's
t, on {_N_TEST} test videos, once of the lengths of training and once of 3 to 6
minutes, which no arm has seen.""",
    arms=tuple(arm(v, world) for world in _WORLDS for v in _VARIANTS),
    scoring=_SCORING,
    columns=tuple(_SCORES),
    read=read,
    document=Path('docs/timechat_small/ablations.md'),
  )


ABLATION = ablation()
