"""HawkEye's training: what starts, what learns, over which mesh, what stays."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vtg_jax
from input_pipeline.pixels import IMAGENET_MEAN, IMAGENET_STD
from tests.systems.hawkeye import tiny
from tests.systems.hawkeye.training_batches import batch
from vtg_jax import sharding
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute
from vtg_jax.systems import registry
from vtg_jax.systems.hawkeye.config import full
from vtg_jax.systems.hawkeye.model import HawkEye, param_shapes
from vtg_jax.systems.hawkeye.rows import IGNORE
from vtg_jax.systems.hawkeye.training import HawkEyeTask
from vtg_jax.train.freeze import join, split
from vtg_jax.train.loss import next_token_loss
from vtg_jax.train.optimiser import make_optimiser
from vtg_jax.train.state import (
  init_state,
  place_params,
  state_shapes,
  state_shardings,
)
from vtg_jax.train.step import make_train_step

OPTIMISER = {'peak': 1e-2, 'warmup_steps': 2, 'total_steps': 20}
PLAIN = {'dtype': 'float32'}
B = 8


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('models') / 'tiny'
  tiny.save(folder)
  return folder


def make_task(folder, **changes) -> HawkEyeTask:
  values = {
    'start': {'init_from': str(folder)},
    'optimiser': OPTIMISER,
    'compute': PLAIN,
  }
  return registry.system('hawkeye').function('train')(values | changes)


def prepared(task, *, sizes=None, accumulate=1):
  """Step, state, frozen parameters, and what brings a batch to them."""
  trainable, frozen = split(task.params(), task.trainable)
  axes = {path: task.axes[path] for path in trainable}
  optimiser = make_optimiser(task.optimiser, axes)
  mesh = None if sizes is None else sharding.make_mesh(**sizes)
  where = dict(mesh=mesh, axes=task.axes)
  step = make_train_step(
    task.loss_sums, optimiser, mesh=mesh, accumulate=accumulate
  )
  state = init_state(trainable, optimiser, seed=0, **where)
  frozen = place_params(frozen, **where)

  def place(some):
    return some if mesh is None else sharding.global_batch(some, mesh)

  return step, state, frozen, place


def first_steps(step, state, frozen, place, n=2):
  """Losses, and gradients of the first step."""
  losses, gradients = [], None
  for i in range(n):
    state, metrics = step(state, frozen, place(batch(B, seed=i)))
    losses.append(float(metrics.loss))
    if gradients is None:  # Adam's first moment is a tenth of them
      mu = state.opt_state[1].mu
      gradients = {path: 10 * np.asarray(x) for path, x in mu.items()}
  return losses, gradients


@pytest.fixture(scope='module')
def task(folder):
  return make_task(folder)


@pytest.fixture(scope='module')
def on_one_device(task):
  """The compiled step, and what makes a fresh state for it."""
  step, _, frozen, place = prepared(task)

  def start():
    _, state, _, _ = prepared(task)
    return step, state, frozen, place

  return start


@pytest.fixture(scope='module')
def alone(on_one_device):
  return first_steps(*on_one_device())


@pytest.mark.parametrize(
  'sizes',
  [
    {'data': 8},
    {'fsdp': 8},
    {'data': 4, 'tensor': 2},
    {'data': 2, 'fsdp': 2, 'tensor': 2},
  ],
  ids=str,
)
def test_every_mesh_gives_the_loss_and_gradients_of_one_device(
  task, alone, sizes
):
  """Dropout included: its masks are the same on every mesh."""
  losses, gradients = first_steps(*prepared(task, sizes=sizes))
  np.testing.assert_allclose(losses, alone[0], atol=1e-5)
  assert gradients.keys() == alone[1].keys()
  for path, gradient in alone[1].items():
    np.testing.assert_allclose(
      gradients[path], gradient, atol=1e-5, err_msg=path
    )


def test_rematerialised_16_bit_micro_batches_over_a_mesh_learn(folder):
  task = make_task(folder, compute={'dtype': 'bfloat16', 'remat': True})
  step, state, frozen, place = prepared(
    task, sizes={'data': 2, 'fsdp': 2, 'tensor': 2}, accumulate=2
  )
  assert {x.dtype for x in frozen.values()} == {jnp.dtype('bfloat16')}
  assert {x.dtype for x in state.trainable.values()} == {jnp.dtype('float32')}
  losses = []
  for _ in range(8):
    state, metrics = step(state, frozen, place(batch(B)))
    losses.append(float(metrics.loss))
  assert losses[-1] < losses[0]


def test_what_trains_is_the_papers_and_nothing_else_has_state(task):
  trainable, frozen = split(task.axes, task.trainable)
  assert {path.split('/')[0] for path in frozen} == {
    'encoder',
    'vision_norm',
    'llm',
  }
  assert {path.split('/')[0] for path in trainable} == {
    'qformer',
    'projector',
    'llm',
  }
  assert 'qformer/word_embeddings/embedding' in trainable
  assert all('lora_' in path for path in trainable if path.startswith('llm'))
  optimiser = make_optimiser(task.optimiser, trainable)
  shapes = {path: jnp.zeros(1) for path in trainable}
  state = state_shapes(shapes, optimiser)
  assert state.opt_state[1].mu.keys() == trainable.keys()


def test_evaluation_sums_are_the_recorded_definition(task):
  params, some = task.params(), batch(4)
  model = HawkEye(tiny.config(), Compute())
  mean, std = np.float32(IMAGENET_MEAN), np.float32(IMAGENET_STD)
  names = 'text_ids text_mask input_ids attention_mask video_start'.split()
  logits = jax.jit(lambda p, *a: model.apply({'params': p}, *a))(
    params,
    (some['frames'] / np.float32(255) - mean) / std,
    *map(some.get, names),
  )
  labels = jnp.asarray(some['labels'])
  want = next_token_loss(logits, labels, ignore=IGNORE)
  sums = jax.jit(task.eval_sums)(params, some, jax.random.key(0))
  np.testing.assert_allclose(sums.total / sums.weight, want, rtol=1e-5)
  parts = [sums.parts['grounding'], sums.parts['caption']]
  np.testing.assert_allclose(sum(t for t, _ in parts), sums.total, rtol=1e-6)
  assert sum(w for _, w in parts) == (some['labels'] != IGNORE).sum()
  assert sums.parts['chat'] == (0, 0)


def test_a_short_run_learns_and_the_result_loads_and_continues(
  task, on_one_device, tmp_path
):
  step, state, frozen, _ = on_one_device()
  before = task.params()
  losses = []
  for _ in range(20):
    state, metrics = step(state, frozen, batch(B))
    losses.append(float(metrics.loss))
  assert losses[-1] < 0.8 * losses[0]

  task.save(tmp_path / 'out', join(jax.device_get(state.trainable), frozen))
  saved = flatten(checkpoint.load_params(tmp_path / 'out'))
  for path, x in flatten(before).items():
    if path in frozen:
      np.testing.assert_array_equal(saved[path], x, err_msg=path)
    else:
      np.testing.assert_array_equal(saved[path], state.trainable[path])
  assert vtg_jax.load(tmp_path / 'out').config == tiny.config()
  about = checkpoint.read_config(tmp_path / 'out')
  assert about['training']['optimiser'] == OPTIMISER and 'notice' not in about
  again = make_task(tmp_path / 'out')
  evaluate = jax.jit(again.eval_sums)
  sums = evaluate(again.params(), batch(B), jax.random.key(0))
  start = evaluate(before, batch(B), jax.random.key(0))
  assert sums.total < start.total


def test_frozen_parameters_are_saved_as_read_not_as_rounded(folder, tmp_path):
  task = make_task(
    folder, compute={'dtype': 'bfloat16'}, save_dtype='float16', notice='new'
  )
  task.save(tmp_path / 'out', task.params())
  saved = flatten(checkpoint.load_params(tmp_path / 'out'))
  for path, x in flatten(tiny.params()).items():
    if path in split(task.axes, task.trainable)[0]:
      np.testing.assert_array_equal(saved[path], x.astype(np.float16))
    else:
      np.testing.assert_array_equal(saved[path], x)
  assert vtg_jax.load(tmp_path / 'out').notice == 'new'


def test_a_checkpoint_without_lora_gets_one_that_changes_nothing(tmp_path):
  config = tiny.config()
  bare = dataclasses.replace(
    config, llm=dataclasses.replace(config.llm, lora=None)
  )
  old = {p: x for p, x in flatten(tiny.params()).items() if 'lora_' not in p}
  checkpoint.save_checkpoint(
    tmp_path / 'stage2',
    join({}, old),
    {'system': 'hawkeye', 'model': bare.to_dict()},
    tokenizer_files={
      'tokenizer.model': tiny.GOLDEN / 'llama_tokenizer.model',
      'vocab.txt': tiny.GOLDEN / 'bert_vocab.txt',
    },
  )
  lora = dataclasses.asdict(config.llm.lora)
  start = {
    'init_from': str(tmp_path / 'stage2'),
    'model': {'llm': {'lora': lora}},
  }
  params = flatten(make_task(None, start=start).params(seed=1))
  for path, x in old.items():
    np.testing.assert_array_equal(params[path], x)
  assert not np.any(params['llm/layers/v_proj/lora_b'])
  a = params['llm/layers/v_proj/lora_a']
  assert np.any(a) and np.abs(a).max() <= config.llm.width**-0.5
  other = flatten(make_task(None, start=start).params(seed=2))
  assert np.any(other['llm/layers/v_proj/lora_a'] != a)
  # As in the reference: what stage 2 taught the projector is dropped.
  anew = make_task(None, start=start | {'reinit_projector': True})
  drawn = flatten(anew.params())
  assert np.any(drawn['projector/kernel'] != old['projector/kernel'])
  np.testing.assert_array_equal(
    drawn['qformer/query_tokens'], old['qformer/query_tokens']
  )


def test_random_weights_follow_the_seed_and_everything_may_train(folder):
  start = {
    'preset': 'small',
    'tokenizers': str(folder),
    'model': {
      'encoder': {'n_layers': 1},
      'qformer': {'n_layers': 1},
      'llm': {'n_layers': 1},
    },
  }
  task = make_task(None, start=start, trainable=['.*'])
  assert task.model.llm.vocab_size == tiny.tokenizers()[0].vocab_size
  assert task.model.encoder.n_layers == 1
  one, same, other = (flatten(task.params(seed=s)) for s in (0, 0, 1))
  assert one.keys() == task.axes.keys()
  for path, x in one.items():
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, same[path])
  assert np.any(one['llm/embed/embedding'] != other['llm/embed/embedding'])


@pytest.mark.parametrize(
  ('changes', 'told'),
  [
    ({'trainable': ['qformer']}, 'matches no parameter'),
    ({'statistics': 'mean'}, 'statistics is'),
    ({'save_dtype': 'int8'}, 'save_dtype is'),
    ({'optimizer': {}}, "unknown 'optimizer'"),
    ({'optimiser': {'peak': 'high'}}, 'optimiser.peak'),
    ({'start': {}}, 'give exactly one of them'),
    ({'start': {'preset': 'full'}}, 'give a folder with tokenizer.model'),
  ],
)
def test_a_wrong_config_is_refused_in_one_sentence(folder, changes, told):
  with pytest.raises(BadInput, match=told) as error:
    make_task(folder, **changes)
  assert '\n' not in str(error.value)


def test_a_checkpoint_that_lacks_more_than_lora_is_refused(folder):
  start = {'init_from': str(folder), 'model': {'llm': {'n_layers': 3}}}
  with pytest.raises(BadInput, match='has shape'):
    make_task(None, start=start).params()


@pytest.mark.parametrize('sizes', [{'fsdp': 8}, {'fsdp': 4, 'tensor': 2}])
def test_the_full_size_step_is_traced_with_all_that_trains_cut(folder, sizes):
  """Shapes and shardings only: nothing is compiled."""
  start = {'preset': 'full', 'tokenizers': str(folder)}
  task = make_task(
    None, start=start, compute={'dtype': 'bfloat16', 'remat': True}
  )
  mesh = sharding.make_mesh(**sizes)
  trainable, frozen = split(param_shapes(full()), task.trainable)
  axes = {path: task.axes[path] for path in trainable}
  optimiser = make_optimiser(task.optimiser, axes)

  def abstract(x, where, dtype=None):
    return jax.ShapeDtypeStruct(x.shape, dtype or x.dtype, sharding=where)

  shapes = state_shapes(trainable, optimiser)
  shardings = state_shardings(trainable, optimiser, mesh=mesh, axes=task.axes)
  state = jax.tree.map(abstract, shapes, shardings)
  lies = sharding.param_shardings(
    {path: task.axes[path] for path in frozen}, frozen, mesh
  )
  frozen = {
    path: abstract(x, lies[path], jnp.bfloat16) for path, x in frozen.items()
  }
  n, S, text = 8, 608, 64
  whole = {
    'frames': ((n, 12, 224, 224, 3), jnp.uint8),
    'input_ids': ((n, S), jnp.int32),
    'attention_mask': ((n, S), bool),
    'labels': ((n, S), jnp.int32),
    'video_start': ((n,), jnp.int32),
    'text_ids': ((n, text), jnp.int32),
    'text_mask': ((n, text), bool),
    'objective': ((n,), jnp.int32),
  }
  some = {
    name: jax.ShapeDtypeStruct(*of, sharding=sharding.batch_sharding(mesh))
    for name, of in whole.items()
  }
  step = make_train_step(task.loss_sums, optimiser, mesh=mesh)
  new, metrics = step.trace(state, frozen, some).out_info
  assert metrics.loss.shape == ()
  for path, x in new.trainable.items():
    assert (x.shape, x.dtype) == (trainable[path].shape, jnp.float32), path
  per_device = sum(
    np.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize
    for x in jax.tree.leaves(state)
  )
  n_trainable = sum(x.size for x in trainable.values())
  assert 2.2e8 > n_trainable > 1.7e8
  assert per_device < 1.05 * 12 * n_trainable / 8 + 12 * 30523 * 768 / 4
