"""The stages of the small model: each config builds, fits, and trains."""

import dataclasses
import json

import pytest

from vtg_jax import config_file
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.grounded_videollm.tasks import TASKS
from vtg_jax.systems.training.extra_heads import HEADS
from vtg_jax.train.freeze import flatten, split
from vtg_jax.train.options import FitOptions

STAGES = ('small_cells', 'small_stage1', 'small_stage2', 'small_stage3')
OWN = {field.name for field in dataclasses.fields(FitOptions)}
PROJECTORS = {'two_stream/image_projector', 'two_stream/video_projector'}


def read(name):
  """The loop's options and the task of a config, without a checkpoint."""
  values = config_file.read_config(f'grounded_videollm/{name}')
  values['start'] |= {'init_from': None, 'preset': 'small'}
  options = from_json(
    FitOptions, {k: v for k, v in values.items() if k in OWN}, 'the config'
  )
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  return options, TASKS[rest.pop('task')](rest)


@pytest.mark.parametrize(
  ('stage', 'trained'),
  [
    ('small_cells', {'image_encoder', 'video_encoder'}),
    ('small_stage1', PROJECTORS),
    ('small_stage2', {'two_stream', 'llm'}),
    ('small_stage3', PROJECTORS | {'llm/embed', 'llm/lm_head', 'llm/layers'}),
  ],
)
def test_a_stage_trains_what_it_says(stage, trained):
  _, task = read(stage)
  learns, rests = split(task.axes, task.trainable)
  own = {path for path in learns if not path.startswith(f'{HEADS}/')}
  for path in own:
    assert path.startswith(tuple(trained)), path
  for part in trained:
    assert any(path.startswith(part) for path in own), part
  if stage == 'small_stage3':
    layers = [path for path in own if path.startswith('llm/layers')]
    assert all(path.endswith(('lora_a', 'lora_b')) for path in layers)
  encoders = ('image_encoder/', 'video_encoder/')
  if stage != 'small_cells':
    assert any(path.startswith(encoders) for path in rests)


@pytest.mark.parametrize('stage', STAGES)
def test_the_longest_conversation_fits_its_row(stage):
  _, task = read(stage)
  data = task.data_options()
  rows, tokenizer = task.row_maker(), task.tokenizer()
  assert tokenizer.vocab_size == task.model.llm.vocab_size
  n_tokens = 18 + task.model.n_video
  n_tokens += max(
    52 * stories.n_grounding
    + 130 * stories.n_dense
    + 30 * stories.n_describe
    + 60 * stories.n_plain
    for stories in data.stories
  )
  assert n_tokens <= rows.row_tokens


@pytest.mark.parametrize('stage', STAGES)
def test_a_config_is_json_and_knows_its_arguments(stage):
  for argument in ('', ':quicktest'):
    json.dumps(config_file.read_config(f'grounded_videollm/{stage}{argument}'))
  with pytest.raises(ValueError, match='use quicktest'):
    config_file.read_config(f'grounded_videollm/{stage}:fast')


@pytest.mark.parametrize('stage', STAGES)
def test_a_quicktest_needs_no_files(stage):
  options, task = read(f'{stage}:quicktest')
  batches = task.batches(batch_size=options.batch_size, seed=options.seed)
  batch = next(batches)
  assert batch['frames'].shape[0] == 4
  assert (batch['labels'] >= 0).any(axis=1).all()
  params = flatten(task.params(seed=0))
  assert params.keys() == task.axes.keys()
  batches.close()
