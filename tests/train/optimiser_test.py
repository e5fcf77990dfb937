"""AdamW against torch's by hand, what decays, and groups of rates."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.train.optimiser import (
  OptimiserConfig,
  RateGroup,
  decays,
  make_optimiser,
)

CONFIG = OptimiserConfig(
  peak=0.1, warmup_steps=0, total_steps=100, weight_decay=0.5
)
AXES = {'a/kernel': ('embed', 'mlp'), 'a/bias': ('mlp',)}
PARAMS = {
  'a/kernel': jnp.array([[1.0, -2.0], [3.0, 0.5]]),
  'a/bias': jnp.array([1.0, -1.0]),
}


def run(config, gradients, axes=AXES):
  """Parameters after some steps, and the state."""
  optimiser = make_optimiser(config, axes)
  params, state = PARAMS, optimiser.init(PARAMS)
  for step, g in enumerate(gradients):
    params, state = jax.jit(optimiser.update)(g, state, params, step)
  return params, state


def gradients(n, seed=0):
  rng = np.random.default_rng(seed)
  return [
    {
      k: jnp.asarray(rng.normal(size=x.shape), jnp.float32)
      for k, x in PARAMS.items()
    }
    for _ in range(n)
  ]


def test_three_steps_are_adamw_by_its_definition():
  some = gradients(3)
  got, _ = run(CONFIG, some)
  for path, start in PARAMS.items():
    x = np.asarray(start, np.float64)
    m = v = np.zeros_like(x)
    decay = 0.5 if path == 'a/kernel' else 0.0
    for t, g in enumerate(some):
      g = np.asarray(g[path], np.float64)
      rate = CONFIG.schedule.learning_rate(t)
      m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
      x = x * (1 - rate * decay)
      x = x - rate * (m / (1 - 0.9 ** (t + 1))) / (
        np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8
      )
    np.testing.assert_allclose(got[path], x, rtol=2e-5)


@pytest.mark.torch
def test_torch_takes_the_same_steps():
  torch = pytest.importorskip('torch')
  some = gradients(5)
  theirs = {
    k: torch.nn.Parameter(torch.tensor(np.asarray(x)))
    for k, x in PARAMS.items()
  }
  adamw = torch.optim.AdamW(
    [
      {'params': [theirs['a/kernel']], 'weight_decay': 0.5},
      {'params': [theirs['a/bias']], 'weight_decay': 0.0},
    ],
    lr=1.0,
  )
  for t, g in enumerate(some):
    for group in adamw.param_groups:
      group['lr'] = CONFIG.schedule.learning_rate(t)
    for path, x in theirs.items():
      x.grad = torch.tensor(np.asarray(g[path]))
    adamw.step()
  ours, _ = run(CONFIG, some)
  for path, x in theirs.items():
    np.testing.assert_allclose(ours[path], x.detach().numpy(), rtol=2e-5)


@pytest.mark.parametrize(
  ('path', 'names', 'yes'),
  [
    ('llm/layers/q_proj/lora_a', ('layers', 'embed', 'lora'), True),
    ('qformer/query_tokens', ('queries', 'embed'), True),
    ('qformer/word_embeddings/embedding', ('words', 'embed'), True),
    ('llm/layers/input_norm/scale', ('layers', 'norm'), False),
    ('encoder/layers/qkv/q_bias', ('layers', 'heads'), False),
    ('projector/bias', ('norm',), False),
    ('x/bias', ('embed', 'mlp'), False),
  ],
)
def test_matrices_decay_and_vectors_and_biases_do_not(path, names, yes):
  assert decays(path, names) == yes


def test_a_stack_of_vectors_is_not_pulled_at():
  axes = {'a/kernel': ('layers', 'norm'), 'a/bias': ('mlp',)}
  zero = jax.tree.map(jnp.zeros_like, PARAMS)
  got, _ = run(CONFIG, [zero], axes)
  np.testing.assert_array_equal(got['a/kernel'], PARAMS['a/kernel'])
  pulled, _ = run(CONFIG, [zero])
  np.testing.assert_allclose(
    pulled['a/kernel'], PARAMS['a/kernel'] * (1 - 0.1 * 0.5), rtol=1e-6
  )


def test_what_is_spared_does_not_decay():
  nothing = [jax.tree.map(jnp.zeros_like, PARAMS)]
  spared = dataclasses.replace(CONFIG, spared=('a/k.*',))
  np.testing.assert_array_equal(
    run(spared, nothing)[0]['a/kernel'], PARAMS['a/kernel']
  )
  assert (run(CONFIG, nothing)[0]['a/kernel'] != PARAMS['a/kernel']).all()
  with pytest.raises(BadInput, match=r'optimiser\.spared'):
    run(dataclasses.replace(CONFIG, spared=('b/.*',)), nothing)


def test_a_first_rate_makes_it_the_cosine_under_a_warmup():
  config = OptimiserConfig(
    peak=3e-5, warmup_steps=10, total_steps=100, floor=1 / 3, start=1 / 30
  )
  rates = [config.schedule.learning_rate(step) for step in (0, 5, 50, 100)]
  assert rates == pytest.approx([1e-6, 1.55e-5, 2e-5, 1e-5], rel=1e-12)
  for wrong in ({'start': 2.0}, {'zero_first': True}):
    with pytest.raises(BadInput, match=r'optimiser\.start'):
      dataclasses.replace(config, **wrong)


def test_a_group_learns_at_its_own_rate():
  config = dataclasses.replace(
    CONFIG,
    weight_decay=0.0,
    groups=(
      RateGroup(pattern='.*/bias', multiplier=10.0),
      RateGroup(pattern='.*/kernel', peak=0.02),
    ),
  )
  one = jax.tree.map(jnp.ones_like, PARAMS)
  got, _ = run(config, [one])
  np.testing.assert_allclose(
    got['a/kernel'] - PARAMS['a/kernel'], -0.02, rtol=1e-4
  )
  np.testing.assert_allclose(got['a/bias'] - PARAMS['a/bias'], -1.0, rtol=1e-4)


@pytest.mark.parametrize(
  ('patterns', 'said'),
  [
    (('bias', '.*'), "optimiser.groups 'bias' matches no"),
    (('.*', '.*/bias'), "a/bias is in two of optimiser.groups, '.*' and '.*/b"),
    (('.*/bias',), 'a/kernel trains and is in none of optimiser.groups'),
  ],
)
def test_every_parameter_is_in_one_group(patterns, said):
  groups = tuple(RateGroup(pattern=p, multiplier=1.0) for p in patterns)
  with pytest.raises(BadInput, match=said):
    make_optimiser(dataclasses.replace(CONFIG, groups=groups), AXES)


@pytest.mark.parametrize(
  'wrong',
  [{}, {'multiplier': 1.0, 'peak': 1.0}, {'peak': 0.0}, {'multiplier': -1.0}],
)
def test_a_group_has_one_rate_above_zero(wrong):
  with pytest.raises(BadInput, match='give one of them, above 0'):
    RateGroup(pattern='.*', **wrong)


@pytest.mark.torch
def test_torch_clips_and_has_groups_alike():
  torch = pytest.importorskip('torch')
  config = OptimiserConfig(
    peak=2e-3,
    warmup_steps=1,
    total_steps=8,
    floor=0.0,
    weight_decay=0.0,
    clip_norm=1.0,
    groups=(
      RateGroup(pattern='.*/kernel', peak=2e-3),
      RateGroup(pattern='.*/bias', peak=2e-2),
    ),
  )
  some = gradients(5)
  theirs = {
    k: torch.nn.Parameter(torch.tensor(np.asarray(x)))
    for k, x in PARAMS.items()
  }
  adamw = torch.optim.AdamW(
    [
      {'params': [theirs['a/kernel']], 'peak': 2e-3},
      {'params': [theirs['a/bias']], 'peak': 2e-2},
    ],
    weight_decay=0.0,
  )
  for t, g in enumerate(some):
    for group in adamw.param_groups:
      share = config.schedule.learning_rate(t) / config.peak
      group['lr'] = share * group['peak']
    for path, x in theirs.items():
      x.grad = torch.tensor(np.asarray(g[path]))
    torch.nn.utils.clip_grad_norm_(theirs.values(), 1.0)
    adamw.step()
  ours, _ = run(config, some)
  for path, x in theirs.items():
    np.testing.assert_allclose(ours[path], x.detach().numpy(), rtol=2e-5)


def test_long_gradients_are_scaled_down_only_when_asked_for():
  clipped = dataclasses.replace(CONFIG, clip_norm=0.5)
  (g,) = gradients(1)
  norm = np.sqrt(sum((np.asarray(x) ** 2).sum() for x in g.values()))
  assert norm > 0.5
  _, state = run(clipped, [g])
  moments = jax.tree.leaves(state)
  _, plain = run(CONFIG, [g])
  for a, b in zip(moments, jax.tree.leaves(plain), strict=True):
    if a.ndim == 2 and a.min() < 0:  # first moments of the kernel
      np.testing.assert_allclose(2 * a * norm, b, rtol=1e-5)


def test_16_bit_parameters_keep_their_type_and_have_float32_moments():
  optimiser = make_optimiser(CONFIG, AXES)
  half = jax.tree.map(lambda x: x.astype(jnp.bfloat16), PARAMS)
  state = optimiser.init(half)
  assert all(
    x.dtype in (jnp.float32, jnp.int32) for x in jax.tree.leaves(state)
  )
  new, _ = optimiser.update(gradients(1)[0], state, half, 0)
  assert {x.dtype for x in new.values()} == {jnp.dtype('bfloat16')}


@pytest.mark.parametrize(
  'wrong',
  [
    {'peak': 0.0},
    {'floor': 1.5},
    {'betas': (0.9, 1.0)},
    {'betas': (0.9,)},
    {'epsilon': 0.0},
    {'weight_decay': -0.1},
    {'clip_norm': 0.0},
    {'total_steps': 0},
    {'warmup_steps': -1},
  ],
)
def test_numbers_out_of_range_are_refused(wrong):
  (name,) = wrong
  with pytest.raises(BadInput, match=f'optimiser.{name} is'):
    dataclasses.replace(CONFIG, **wrong)


def test_a_schedule_without_steps_is_refused():
  with pytest.raises(BadInput, match='total_steps is None'):
    make_optimiser(OptimiserConfig(peak=1.0), AXES)
