"""The stages: their numbers, what trains, and a quick run of their data."""

import dataclasses
import json

import pytest

from vtg_jax import config_file
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.revisionllm.config import ReVisionLlmConfig, mad
from vtg_jax.systems.revisionllm.tasks import task
from vtg_jax.systems.starting_point import merged
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}
# Batch and micro-batches of the script, batch of the paper, epochs, what
# trains, tokens of the video in a row.
STAGES = {
  'dense': (1024, 1, 128, 5.0, {'loras/dense'}, [250]),
  'sparse': (256, 2, 32, 1.0, {'clip_encoder'}, [1]),
  'long_100': (128, 2, 8, 2.0, {'loras/long_100'}, [100]),
  'long_33': (128, 2, 8, 2.0, {'loras/long_33'}, [33]),
  'vidchapters_dense': (256, 2, 128, 1.0, {'loras/dense'}, [250]),
  'vidchapters_sparse': (256, 2, 32, 1.0, {'clip_encoder'}, [1]),
  'vidchapters_long_100': (128, 2, 8, 2.0, {'loras/long_100'}, [100]),
  'vidchapters_unified': (128, 2, 8, 1.0, {'loras/unified'}, [100, 250]),
  'msrvtt': (1024, 1, 128, 5.0, {'loras/dense'}, [100]),
}


def read(name):
  """The loop's options, the rest, and the sizes at full size."""
  values = config_file.read_config(f'revisionllm/{name}')
  assert values['system'] == 'revisionllm'
  options = from_json(
    FitOptions, {k: v for k, v in values.items() if k in OWN}, 'the config'
  )
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  model = merged(mad().to_dict(), values['start']['model'])
  return options, rest, ReVisionLlmConfig.from_dict(model)


@pytest.mark.parametrize('stage', STAGES)
def test_a_stage_has_the_published_numbers(stage):
  script, accumulate, paper, epochs, trains, n_video = STAGES[stage]
  options, rest, model = read(stage)
  assert (options.batch_size, options.accumulate) == (script, accumulate)
  assert (options.epochs, options.warmup_share) == (epochs, 0.03)
  assert rest['optimiser']['peak'] == 1e-4
  on_paper, of_paper, _ = read(f'{stage}:paper')
  assert (on_paper.batch_size, on_paper.accumulate) == (paper, 1)
  sparse = trains == {'clip_encoder'}
  assert of_paper['optimiser']['peak'] == (1e-3 if sparse else 1e-4)
  levels = [model.level(name) for name in rest['levels']]
  assert n_video == [level.n_windows or model.n_frames for level in levels]
  assert rest['trainable'] == tuple(f'{part}/.*' for part in trains)
  is_chapters = stage.startswith('vidchapters')
  # Later stages have the sizes of the checkpoint that they start from.
  if stage == 'vidchapters_dense':
    assert (model.window_s, model.fps) == (500.0, 2.0)
  json.dumps(config_file.read_config(f'revisionllm/{stage}:quicktest'))
  for files in rest['data']['files']:
    assert files['fps'] == (2.0 if is_chapters else model.fps)


# The others have the same parts.
@pytest.mark.parametrize(
  'stage', ['dense', 'sparse', 'long_33', 'vidchapters_unified', 'msrvtt']
)
def test_a_quicktest_needs_no_files(stage):
  values = config_file.read_config(f'revisionllm/{stage}:quicktest')
  own = task({k: v for k, v in values.items() if k not in OWN | {'system'}})
  batches = own.batches(batch_size=4, seed=0)
  for name in values['levels']:
    batch = next(batches)
    assert own.level_of(batch).name == name
    assert (batch['labels'] >= 0).any(axis=1).all()
  batches.close()
  assert own.flops_per_step(4) > 0


def test_a_config_knows_its_arguments():
  with pytest.raises(ValueError, match='use paper or quicktest'):
    config_file.read_config('revisionllm/dense:fast')


def test_stages_start_from_one_another():
  """Each one's start is the output of another, or what is converted."""
  outputs = {f'out/revisionllm/{stage}/model' for stage in STAGES}
  outputs.add('checkpoints/revisionllm_vtimellm')
  for stage in STAGES:
    assert read(stage)[1]['start']['init_from'] in outputs
