"""Every stage: its config builds, means what it says, and fits together."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import pytest

from vtg_jax import config_file
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.hawkeye.config import PRESETS, HawkEyeConfig
from vtg_jax.systems.hawkeye.model import param_shapes
from vtg_jax.systems.hawkeye.tasks import TASKS
from vtg_jax.systems.training.extra_heads import HEADS, WithHeads
from vtg_jax.systems.training.starting_point import StartingPoint, merged
from vtg_jax.train.freeze import flatten, split
from vtg_jax.train.options import FitOptions

STAGES = sorted(
  name for name in config_file.packaged_configs() if name.startswith('hawkeye/')
)
# What a stage starts from, of which the sizes are known without the files.
SIZES = {
  'checkpoints/videochat2_stage2': 'stage2',
  'checkpoints/hawkeye': 'full',
}
SMALL_STARTS = 'out/hawkeye/small_'
OWN = {field.name for field in dataclasses.fields(FitOptions)}


@dataclasses.dataclass(frozen=True)
class SizesOnly:
  """Stands in for a checkpoint that is not here."""

  model: HawkEyeConfig


def read(name):
  """The loop's options and the task of a config."""
  values = config_file.read_config(name)
  if str(values['start']['init_from']).startswith(SMALL_STARTS):
    values['start'] |= {'init_from': None, 'preset': 'small'}
  options = from_json(
    FitOptions, {k: v for k, v in values.items() if k in OWN}, 'the config'
  )
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  assert values['system'] == 'hawkeye'
  start = values['start']
  stand_in = None
  if start['init_from'] is not None:
    sizes = PRESETS[SIZES[start['init_from']]]().to_dict()
    stand_in = SizesOnly(
      HawkEyeConfig.from_dict(merged(sizes, start['model'] or {}))
    )
  return options, TASKS[rest.pop('task')](rest, start=stand_in)


def batch_shapes(options, data, model):
  B, T, I = options.batch_size, data.row_tokens, data.instruction_tokens  # noqa: E741
  size, grid = model.encoder.image_size, data.label_grid
  shape = jax.ShapeDtypeStruct
  return {
    'frames': shape((B, data.n_frames, size, size, 3), jnp.uint8),
    'input_ids': shape((B, T), jnp.int32),
    'attention_mask': shape((B, T), jnp.bool_),
    'labels': shape((B, T), jnp.int32),
    'video_start': shape((B,), jnp.int32),
    'text_ids': shape((B, I), jnp.int32),
    'text_mask': shape((B, I), jnp.bool_),
    'objective': shape((B,), jnp.int32),
    'shows_target': shape((B, data.n_frames), jnp.bool_),
    'cell_pairs': shape((B, data.n_frames, grid, grid), jnp.int16),
    'asked_pair': shape((B,), jnp.int16),
  }


def test_the_stages_are_there():
  assert STAGES == [
    'hawkeye/activitynet',
    'hawkeye/charades_sta',
    'hawkeye/instruction_tuning',
    'hawkeye/small',
    'hawkeye/small_cells',
    'hawkeye/small_tokens',
  ]


@pytest.mark.parametrize(
  'name',
  [
    name
    for stage in STAGES
    for name in (stage, f'{stage}:quicktest')
    if not stage.startswith('hawkeye/small_')
  ],
)
def test_a_stage_fits_together_at_its_real_size(name):
  options, task = read(name)
  shapes = param_shapes(task.model)
  if isinstance(task, WithHeads):
    shapes |= {
      HEADS: {
        head: {
          'kernel': jax.ShapeDtypeStruct(size, jnp.float32),
          'bias': jax.ShapeDtypeStruct(size[1:], jnp.float32),
        }
        for head, size in task.heads().items()
      }
    }
  else:
    assert task.flops_per_step(options.batch_size) > 0
  batch = batch_shapes(options, task.data_options(), task.model)
  sums = jax.eval_shape(task.loss_sums, shapes, batch, jax.random.key(0))
  assert sums.total.shape == () and sums.total.dtype == jnp.float32
  trainable, frozen = split(flatten(shapes), task.trainable)
  assert any(path.endswith('lora_a') for path in trainable)
  assert any(path.startswith('encoder/') for path in frozen)
  assert 'projector/kernel' in trainable


@pytest.mark.parametrize('stage', STAGES)
def test_a_config_is_json_and_knows_its_arguments(stage):
  for name in (stage, f'{stage}:quicktest'):
    json.dumps(config_file.read_config(name))
  with pytest.raises(ValueError, match='use quicktest'):
    config_file.read_config(f'{stage}:fast')


@pytest.mark.parametrize('stage', STAGES)
def test_a_quicktest_needs_no_files(stage):
  options, task = read(f'{stage}:quicktest')
  batches = task.batches(batch_size=options.batch_size, seed=options.seed)
  batch = next(batches)
  assert batch['frames'].shape == (4, 4, 32, 32, 3)
  assert (batch['labels'] >= 0).any(axis=1).all()
  batches.close()


@pytest.mark.parametrize(
  ('stage', 'batch_size', 'epochs'),
  [
    ('hawkeye/instruction_tuning', 16, 3.0),
    ('hawkeye/charades_sta', 2, 10.0),
    ('hawkeye/activitynet', 8, 10.0),
  ],
)
def test_the_papers_stages_have_the_papers_numbers(stage, batch_size, epochs):
  """Of the specification's table."""
  options, task = read(stage)
  assert (options.batch_size, options.epochs) == (batch_size, epochs)
  assert (options.seed, options.warmup_epochs) == (42, 0.6)
  optimiser = task.optimiser
  assert (optimiser.peak, optimiser.floor) == (2e-5, 0.25)
  assert (optimiser.betas, optimiser.epsilon) == ((0.9, 0.999), 1e-8)
  assert optimiser.weight_decay == 0.02 and optimiser.clip_norm is None
  assert not optimiser.groups
  data = task.data_options()
  assert data.n_frames == 12 and data.row_tokens == 512 + 96
  assert data.clip.crop == 'negative_span'


def test_the_mix_counts_its_data_sets_by_size():
  _, task = read('hawkeye/instruction_tuning')
  files = task.data_options().files
  assert len(files) == 16 and all(file.weight is None for file in files)
  names = {file.name for file in files}
  assert {'internvid_grounding', 'internvid_caption', 'caption_textvr'} <= names
  assert not {'conversation_videochat2', 'vqa_ego_qa'} & names


def test_a_small_start_brings_its_tokenizers():
  values = config_file.read_config('hawkeye/small_cells')
  _, task = read('hawkeye/small_cells')
  assert values['start']['tokenizers'] is None
  words, _ = task.tokenizers()
  assert words.vocab_size == task.model.llm.vocab_size
  assert isinstance(task._start, StartingPoint)
