"""One step of a small regression: sums, skips, micro-batches and meshes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax import sharding
from vtg_jax.errors import BadInput
from vtg_jax.nn.constrain import constrain
from vtg_jax.train.freeze import split
from vtg_jax.train.loss import LossSums
from vtg_jax.train.optimiser import OptimiserConfig, make_optimiser
from vtg_jax.train.state import init_state, place_params, state_shardings
from vtg_jax.train.step import make_eval_step, make_train_step

AXES = {
  'base/kernel': ('embed', 'mlp'),
  'head/kernel': ('mlp', 'embed'),
  'head/bias': ('norm',),
}
CONFIG = OptimiserConfig(peak=0.1, warmup_steps=0, total_steps=50)
N, WIDTH = 16, 8


def params():
  rng = np.random.default_rng(0)
  return {
    'base': {'kernel': rng.normal(size=(WIDTH, 16)).astype(np.float32)},
    'head': {
      'kernel': rng.normal(size=(16, WIDTH)).astype(np.float32),
      'bias': np.zeros(WIDTH, np.float32),
    },
  }


def batch(weights=None):
  rng = np.random.default_rng(1)
  weights = rng.integers(0, 4, N) if weights is None else weights
  return {
    'x': rng.normal(size=(N, WIDTH)).astype(np.float32),
    'y': rng.normal(size=(N, WIDTH)).astype(np.float32),
    'weight': np.asarray(weights, np.float32),
  }


def loss_sums(params, batch, rng, *, rate=0.0):
  h = jnp.tanh(constrain(batch['x'] @ params['base']['kernel'], 'batch', 'mlp'))
  kept = jax.random.bernoulli(rng, 1 - rate, h.shape)
  h = jnp.where(kept, h / (1 - rate), 0)
  out = h @ params['head']['kernel'] + params['head']['bias']
  losses = ((out - batch['y']) ** 2).mean(-1) * batch['weight']
  total, weight = losses.sum(), batch['weight'].sum()
  return LossSums(total, weight, {'all': (total, weight)})


def start(*, mesh=None, patterns=('head/.*',), config=CONFIG):
  trainable, frozen = split(params(), patterns)
  optimiser = make_optimiser(config, {path: AXES[path] for path in trainable})
  state = init_state(trainable, optimiser, seed=5, mesh=mesh, axes=AXES)
  return optimiser, state, place_params(frozen, mesh=mesh, axes=AXES)


def run(batches, *, mesh=None, loss=loss_sums, accumulate=1, **options):
  optimiser, state, frozen = start(mesh=mesh, **options)
  step = make_train_step(loss, optimiser, mesh=mesh, accumulate=accumulate)
  history = []
  for some in batches:
    if mesh is not None:
      some = sharding.global_batch(some, mesh)
    state, metrics = step(state, frozen, some)
    history.append(jax.tree.map(np.asarray, metrics))
  return jax.tree.map(np.asarray, state), history


def test_the_loss_falls_and_counts():
  state, history = run([batch()] * 20)
  assert history[-1].loss < 0.5 * history[0].loss
  assert state.step == 20
  assert history[0].weight == batch()['weight'].sum()
  total, weight = history[0].parts['all']
  np.testing.assert_allclose(total / weight, history[0].loss, rtol=1e-6)
  rates = [m.learning_rate for m in history]
  want = [CONFIG.schedule.learning_rate(i) for i in range(20)]
  np.testing.assert_allclose(rates, want, rtol=1e-5)


def test_the_gradient_is_that_of_the_mean_over_weights():
  nested = jax.tree.map(jnp.asarray, params())
  some = batch()

  def mean(head):
    sums = loss_sums({**nested, 'head': head}, some, jax.random.key(0))
    return sums.total / sums.weight

  gradient = jax.grad(mean)(nested['head'])
  want = np.sqrt(sum((g**2).sum() for g in jax.tree.leaves(gradient)))
  _, (metrics,) = run([some])
  np.testing.assert_allclose(metrics.grad_norm, want, rtol=1e-5)


@pytest.mark.parametrize('n', [2, 4, 16])
def test_micro_batches_change_nothing(n):
  whole, _ = run([batch(), batch()])
  cut, history = run([batch(), batch()], accumulate=n)
  for path, x in whole.trainable.items():
    np.testing.assert_allclose(cut.trainable[path], x, atol=1e-5)
  assert history[0].weight == batch()['weight'].sum()


def test_a_batch_that_micro_batches_do_not_divide_is_refused():
  with pytest.raises(BadInput, match='batch of 16 is not cut into 3'):
    run([batch()], accumulate=3)


def poison(some):
  return some | {'x': np.full_like(some['x'], np.nan)}


@pytest.mark.parametrize(
  'bad', [batch(np.zeros(N)), poison(batch())], ids=['no weight', 'not finite']
)
def test_a_bad_step_is_skipped_but_not_its_number(bad):
  optimiser, first, frozen = start()
  step = make_train_step(loss_sums, optimiser)
  before = jax.tree.map(np.array, first)
  state, metrics = step(first, frozen, bad)
  assert metrics.skipped
  assert state.step == 1
  for path, x in before.trainable.items():
    np.testing.assert_array_equal(state.trainable[path], x)
  jax.tree.map(np.testing.assert_array_equal, state.opt_state, before.opt_state)
  _, metrics = step(state, frozen, batch())
  assert not metrics.skipped
  want = CONFIG.schedule.learning_rate(1)
  np.testing.assert_allclose(metrics.learning_rate, want, rtol=1e-5)


def test_frozen_parameters_have_no_state_and_trained_ones_all():
  _, state, frozen = start()
  assert set(state.trainable) == {'head/kernel', 'head/bias'}
  assert set(frozen) == {'base/kernel'}
  names = {
    entry.key
    for path, _ in jax.tree_util.tree_leaves_with_path(state.opt_state)
    for entry in path
    if hasattr(entry, 'key')
  }
  assert names == {'head/kernel', 'head/bias'}


MESHES = [
  {'data': 8},
  {'fsdp': 8},
  {'data': 1, 'tensor': 8},
  {'data': 2, 'fsdp': 2, 'tensor': 2},
]


def dropping(params, batch, rng):
  return loss_sums(params, batch, rng, rate=0.5)


@pytest.mark.parametrize('accumulate', [1, 2])
@pytest.mark.parametrize('sizes', MESHES, ids=str)
def test_every_mesh_takes_the_same_steps_dropout_included(sizes, accumulate):
  one, want = run([batch()] * 3, loss=dropping, accumulate=accumulate)
  many, got = run(
    [batch()] * 3,
    loss=dropping,
    accumulate=accumulate,
    mesh=sharding.make_mesh(**sizes),
  )
  for a, b in zip(got, want, strict=True):
    np.testing.assert_allclose(a.loss, b.loss, atol=1e-5)
    np.testing.assert_allclose(a.grad_norm, b.grad_norm, atol=1e-5)
  for path, x in one.trainable.items():
    np.testing.assert_allclose(many.trainable[path], x, atol=1e-5)


def test_dropout_follows_seed_and_step():
  def losses(seed):
    optimiser, state, frozen = start()
    state = state._replace(rng=jax.random.key_data(jax.random.key(seed)))
    step = make_train_step(dropping, optimiser)
    out = []
    for _ in range(2):
      state, metrics = step(state, frozen, batch())
      state = state._replace(
        trainable=jax.tree.map(jnp.asarray, split(params(), ('head/.*',))[0])
      )
      out.append(float(metrics.loss))
    return out

  first = losses(0)
  assert first == losses(0)
  assert first[0] != first[1]  # the same parameters, another step
  assert first[0] != losses(1)[0]


def test_the_state_stays_where_it_lies_and_is_donated():
  mesh = sharding.make_mesh(fsdp=4, tensor=2)
  optimiser, state, frozen = start(mesh=mesh)
  lies = state_shardings(state.trainable, optimiser, mesh=mesh, axes=AXES)
  step = make_train_step(loss_sums, optimiser, mesh=mesh)
  some = sharding.global_batch(batch(), mesh)
  new, _ = step(state, frozen, some)
  assert all(x.is_deleted() for x in state.trainable.values())
  for x, where in zip(jax.tree.leaves(new), jax.tree.leaves(lies), strict=True):
    assert x.sharding.is_equivalent_to(where, x.ndim)
  kernel = new.trainable['head/kernel']
  assert kernel.sharding.shard_shape(kernel.shape) == (8, 2)


def test_evaluation_gives_sums_without_touching_anything():
  _, state, frozen = start()
  sums = make_eval_step(loss_sums)(state.trainable, frozen, batch())
  _, (metrics,) = run([batch()])
  np.testing.assert_allclose(sums.total / sums.weight, metrics.loss, rtol=1e-6)


def test_clipping_leaves_the_reported_norm_alone():
  config = dataclasses.replace(CONFIG, clip_norm=1e-3)
  _, (metrics,) = run([batch()], config=config)
  _, (plain,) = run([batch()])
  np.testing.assert_allclose(metrics.grad_norm, plain.grad_norm, rtol=1e-6)
