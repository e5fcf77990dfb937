"""Linear layers and the adapter beside their kernel."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import Dense, LoraConfig, merge_lora

LORA = LoraConfig(rank=3, alpha=6.0, dropout=0.5, targets=('q_proj',))
ADAPTED = Dense(5, ('embed', 'heads'), Compute(), lora=LORA)


def x_and_params(layer=ADAPTED):
  x = jax.random.normal(jax.random.key(1), (2, 7, 4))
  params = nn.meta.unbox(layer.init(jax.random.key(0), x))['params']
  return x, params


def trained(params):
  b = jax.random.normal(jax.random.key(2), params['lora_b'].shape)
  return params | {'lora_b': b, 'bias': jnp.arange(5.0)}


def test_a_linear_layer_is_x_times_kernel_plus_bias():
  layer = ADAPTED.clone(lora=None)
  x, params = x_and_params(layer)
  params['bias'] = jnp.arange(5.0)
  got = jax.jit(layer.apply)({'params': params}, x)
  want = np.einsum('bti,io->bto', x, params['kernel']) + np.arange(5)
  np.testing.assert_allclose(got, want, atol=1e-6)


def test_without_a_bias_there_is_no_bias():
  layer = ADAPTED.clone(use_bias=False, lora=None)
  assert set(x_and_params(layer)[1]) == {'kernel'}


def test_a_fresh_adapter_changes_nothing():
  x, params = x_and_params()
  assert np.any(params['lora_a'])
  bare = {name: params[name] for name in ('kernel', 'bias')}
  np.testing.assert_array_equal(
    ADAPTED.apply({'params': params}, x),
    ADAPTED.clone(lora=None).apply({'params': bare}, x),
  )


def test_a_merged_kernel_does_what_the_adapter_does():
  x, params = x_and_params()
  params = trained(params)
  low_rank = params['lora_a'] @ params['lora_b']
  merged = merge_lora(params, LORA.scale)
  assert LORA.scale == 2.0 and set(merged) == {'kernel', 'bias'}
  np.testing.assert_allclose(
    merged['kernel'], params['kernel'] + 2 * low_rank, rtol=1e-5
  )
  np.testing.assert_allclose(
    ADAPTED.apply({'params': params}, x),
    ADAPTED.clone(lora=None).apply({'params': merged}, x),
    atol=1e-5,
  )


def test_merging_reaches_stacked_layers_and_leaves_the_rest():
  key = jax.random.key(3)
  a = jax.random.normal(key, (6, 4, 3))
  b = jax.random.normal(key, (6, 3, 5))
  kernel = jnp.ones((6, 4, 5), jnp.bfloat16)
  params = {
    'layers': {'o_proj': {'kernel': kernel, 'lora_a': a, 'lora_b': b}},
    'norm': {'scale': jnp.ones(4)},
  }
  merged = merge_lora(params, 0.5)
  got = merged['layers']['o_proj']
  assert set(got) == {'kernel'} and got['kernel'].dtype == jnp.bfloat16
  want = 1 + 0.5 * np.einsum('lir,lro->lio', a, b)
  np.testing.assert_allclose(
    np.asarray(got['kernel'], np.float32), want, rtol=1e-2, atol=1e-2
  )
  assert 'lora_a' in params['layers']['o_proj']  # not taken from the caller
  np.testing.assert_array_equal(merged['norm']['scale'], np.ones(4))


def test_dropout_acts_on_the_adapter_alone_and_only_while_training():
  x, params = x_and_params()
  params = trained(params)

  def apply(params, seed, *, deterministic=False):
    return ADAPTED.apply(
      {'params': params},
      x,
      deterministic=deterministic,
      rngs={'dropout': jax.random.key(seed)},
    )

  quiet = apply(params, 0, deterministic=True)
  np.testing.assert_array_equal(quiet, apply(params, 1, deterministic=True))
  assert not np.array_equal(apply(params, 0), apply(params, 1))
  off = params | {'lora_b': jnp.zeros((3, 5))}
  np.testing.assert_array_equal(apply(off, 0), apply(off, 1))


def test_kernel_axes_are_named_and_the_rank_has_its_own():
  x = jnp.zeros((1, 4))
  boxed = ADAPTED.init(jax.random.key(0), x)['params']
  assert {name: box.names for name, box in boxed.items()} == {
    'kernel': ('embed', 'heads'),
    'bias': ('heads',),
    'lora_a': ('embed', 'lora'),
    'lora_b': ('lora', 'heads'),
  }


def test_a_wide_rank_is_cut_where_the_other_axis_is_not():
  wide = ADAPTED.clone(lora=dataclasses.replace(ADAPTED.lora, rank=64))
  boxed = wide.init(jax.random.key(0), jnp.zeros((1, 4)))['params']
  assert boxed['lora_a'].names == ('embed', 'lora')
  assert boxed['lora_b'].names == ('wide_lora', 'heads')


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_compute_dtype_and_storage_dtype_are_apart(dtype):
  layer = ADAPTED.clone(compute=Compute(dtype=dtype))
  x, params = x_and_params(layer)
  assert all(p.dtype == jnp.float32 for p in params.values())
  assert layer.apply({'params': params}, x).dtype == dtype
  layer = ADAPTED.clone(compute=Compute(param_dtype=dtype))
  x, params = x_and_params(layer)
  assert all(p.dtype == dtype for p in params.values())
  assert layer.apply({'params': params}, x).dtype == jnp.float32


def test_gradients_are_finite_and_reach_every_parameter():
  x, params = x_and_params()
  gradients = jax.grad(
    lambda params: (ADAPTED.apply({'params': params}, x) ** 2).sum()
  )(trained(params))
  for gradient in gradients.values():
    assert np.isfinite(gradient).all() and np.any(gradient)
