"""A short training on a CPU: the loss falls, and answers beat chance.

From the shipped checkpoint with a fresh projector, as the paper's instruction
tuning starts with one: without it the language model sees noise.
"""

import numpy as np

from input_pipeline.pixels import Resize
from vtg_jax import config_file
from vtg_jax.metrics import coarse_baselines, grounding
from vtg_jax.shape_stories import StoryVideo, make_story, standard
from vtg_jax.shape_stories.splits import VALIDATION
from vtg_jax.systems import registry
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.hawkeye.tasks import task as any_task
from vtg_jax.train.log import FILE, read_json_lines
from vtg_jax.train.loop import fit
from vtg_jax.train.options import FitOptions

SETTINGS = (
  'task=answers',
  # Not that of the checkpoint's own training: its projector began there.
  'seed=7',
  f'start.init_from={registry.SHIPPED}',
  'start.reinit_projector=True',
  "trainable=('projector/.*',)",
  'data.label_grid=0',
  'data.loader.n_workers=0',
  'steps=80',
  'warmup_steps=5.0',
  'log_every=10',
  'checkpoint_every=80',
  'optimiser.peak=0.02',
)


def test_a_minute_of_training_beats_chance(tmp_path):
  values = config_file.read_config('hawkeye/small', SETTINGS)
  own = set(FitOptions.__dataclass_fields__)
  options = from_json(
    FitOptions, {k: v for k, v in values.items() if k in own}, 'the config'
  )
  task = any_task(
    {k: v for k, v in values.items() if k not in own | {'system'}}
  )
  done = fit(task, options, folder=tmp_path, config=values)
  losses = [line['loss/grounding'] for line in read_json_lines(tmp_path / FILE)]
  assert np.mean(losses[-3:]) < 0.8 * losses[0]

  grounder = registry.load(done.model)
  ious, truths = [], []
  for seed in VALIDATION[:12]:
    story = make_story(standard(), seed)
    video = StoryVideo(story, resize=Resize(size=32))
    answers = grounder.ground(video, [q.text for q in story.queries])
    for answer, query in zip(answers, story.queries, strict=True):
      truth = (query.start_s, query.end_s)
      ious.append(grounding.iou((answer.start_s, answer.end_s), truth))
      truths.append((story.duration_s, [truth]))
  chance = coarse_baselines.chance_hits(truths, max_rounds=4)[:, 0].mean()
  assert np.mean(ious) > chance + 0.04
