"""Grounded-VideoLLM's training: what starts, what learns, what rests."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax import config_file
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.systems import registry
from vtg_jax.systems.grounded_videollm.model import GroundedVideoLlm
from vtg_jax.systems.grounded_videollm.rows import IGNORE
from vtg_jax.systems.grounded_videollm.trainable import PROJECTORS, TUNED
from vtg_jax.systems.grounded_videollm.training import GroundedVideoLlmTask
from vtg_jax.train.freeze import join, split
from vtg_jax.train.loop import fit
from vtg_jax.train.loss import next_token_loss
from vtg_jax.train.optimiser import make_optimiser
from vtg_jax.train.options import FitOptions
from vtg_jax.train.state import state_shapes

OWN = {field.name for field in dataclasses.fields(FitOptions)}


def make_task(stage, **changes):
  values = config_file.read_config(f'grounded_videollm/{stage}:quicktest')
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  return registry.system('grounded_videollm').function('train')(rest | changes)


def first_batch(task, n=2, **options):
  batches = task.batches(batch_size=n, seed=0, **options)
  batch = next(batches)
  batches.close()
  return {name: jnp.asarray(x) for name, x in batch.items()}


@pytest.fixture(scope='module')
def tuned():
  """Stage 3's task, its parameters and a batch."""
  task = make_task('small_stage3')
  return task, jax.tree.map(jnp.asarray, task.params(seed=0)), first_batch(task)


def test_the_loss_is_that_of_the_golden_network(tuned):
  """`model_test` has that network's losses from the reference."""
  task, params, batch = tuned
  sums = task.eval_sums(params, batch, jax.random.key(0))
  rows = task._network.apply(
    {'params': params}, batch['keyframes'], batch['frames'], method='see'
  )
  states = task._network.apply(
    {'params': params},
    batch['input_ids'],
    batch['attention_mask'],
    rows,
    batch['video_start'],
    turn=batch['turn'],
    positions=batch['positions'],
    method='row_states',
  )
  logits = task._network.apply({'params': params}, states, method='logits')
  loss = next_token_loss(logits, jnp.asarray(batch['labels']), ignore=IGNORE)
  np.testing.assert_allclose(sums.total / sums.weight, loss, rtol=1e-5)
  assert sums.weight == (batch['labels'] != IGNORE).sum()


@pytest.mark.parametrize(
  ('patterns', 'parts'),
  [
    (PROJECTORS, {'two_stream/image_projector', 'two_stream/video_projector'}),
    (
      TUNED,
      {
        'two_stream/image_projector',
        'two_stream/video_projector',
        'llm/embed',
        'llm/lm_head',
        'llm/layers',
      },
    ),
  ],
)
def test_the_papers_stages_train_what_the_paper_trains(tuned, patterns, parts):
  task, params, _ = tuned
  learns, rests = split(params, patterns)
  assert {'/'.join(path.split('/')[:2]) for path in learns} == parts
  inside = [path for path in learns if path.startswith('llm/layers/')]
  assert all('lora_' in path for path in inside)
  assert 'llm/lm_head/bias' in (learns if inside else rests)
  for path in ('two_stream/newline', 'two_stream/separator'):
    assert path in rests
  state = state_shapes(
    learns,
    make_optimiser(
      dataclasses.replace(task.optimiser, warmup_steps=1.0, total_steps=2.0),
      {path: task.axes[path] for path in learns},
    ),
  )
  moments = flatten({'moments': state.opt_state[1].mu})
  assert len(moments) == len(learns)


def test_the_frozen_encoder_drops_branches_only_when_asked(tuned):
  task, params, batch = tuned
  model = task.model
  model = dataclasses.replace(
    model,
    video_encoder=dataclasses.replace(model.video_encoder, drop_path=0.9),
  )
  network = GroundedVideoLlm(model, task.config.compute)

  def states(seed, **options):
    return network.apply(
      {'params': params},
      batch,
      rngs={'dropout': jax.random.key(seed)},
      method='training_states',
      **options,
    )

  np.testing.assert_array_equal(states(0), states(1))
  dropped = states(0, drop_path=True)
  assert np.abs(dropped - states(1, drop_path=True)).max() > 1e-4
  np.testing.assert_array_equal(
    states(0), states(0, drop_path=True, deterministic=True)
  )


@pytest.mark.parametrize('stage', ['small_stage2', 'small_cells'])
def test_a_short_training_learns_and_leaves_the_rest_alone(stage, tmp_path):
  task = make_task(stage, optimiser={'peak': 3e-3, 'clip_norm': 1.0})
  losses = []
  options = FitOptions(
    batch_size=8, steps=10, warmup_steps=1, log_every=1, checkpoint_every=10
  )
  done = fit(
    task,
    options,
    folder=tmp_path,
    config={},
    show=lambda step, n, figures: losses.append(figures['loss']),
  )
  assert np.mean(losses[-3:]) < 0.8 * losses[0]
  before = flatten(task.params(seed=options.seed))
  after = flatten(checkpoint.load_params(done.model))
  assert checkpoint.read_config(done.model)['system'] == 'grounded_videollm'
  learns = split(join({}, before), task.trainable)[0]
  for path, x in after.items():
    same = np.array_equal(x, before[path])
    assert same == (path not in learns) or 'layers/' in path, path
  assert not any(path.startswith('heads/') for path in after)


def test_the_order_of_the_data_is_that_of_the_seed():
  task = make_task('small_stage2')
  whole = first_batch(task, 4)
  parts = [
    first_batch(task, 4, process_index=i, process_count=2) for i in range(2)
  ]
  for name, x in whole.items():
    joined = np.concatenate([part[name] for part in parts])
    np.testing.assert_array_equal(x, joined, err_msg=name)


def test_what_does_not_fit_is_refused():
  with pytest.raises(BadInput, match='use one of answers'):
    make_task('small_stage2', task='guess')
  with pytest.raises(BadInput, match='label_grid is 3'):
    values = config_file.read_config('grounded_videollm/small_stage2:quicktest')
    make_task('small_stage2', data=values['data'] | {'label_grid': 3})
  with pytest.raises(BadInput, match='save_dtype'):
    make_task('small_stage2', save_dtype='int8')
  with pytest.raises(BadInput, match='give exactly one'):
    make_task('small_stage2', start={'preset': None})
  with pytest.raises(BadInput, match='start.tokenizer is None'):
    make_task('small_stage2', start={'preset': 'phi3'})


def test_the_task_is_the_systems():
  assert isinstance(make_task('small_stage3'), GroundedVideoLlmTask)
