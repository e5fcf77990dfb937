"""Adapters by name: worn exactly, chosen by a traced number, base held once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import Dense, LoraConfig, merge_lora
from vtg_jax.nn.named_lora import choose_adapter, split_adapter, wear_adapter

LORA = LoraConfig(rank=2, alpha=3.0, dropout=0.0, targets=('up', 'down'))
WIDTH = 256


class Pair(nn.Module):
  """Two layers, of which the second one has a bias and no adapter."""

  has_lora: bool = True

  @nn.compact
  def __call__(self, x):
    lora = LORA if self.has_lora else None
    axes = ('embed', 'mlp')
    x = Dense(WIDTH, axes, Compute(), use_bias=False, lora=lora, name='up')(x)
    return Dense(WIDTH, axes, Compute(), name='rest')(jnp.tanh(x))


X = jax.random.normal(jax.random.key(3), (5, WIDTH))


@pytest.fixture(scope='module')
def parts():
  """A base and three adapters that do something."""
  params = nn.meta.unbox(Pair().init(jax.random.key(0), X))['params']
  base, adapter = split_adapter(params)
  adapters = [
    jax.tree.map(
      lambda x, i=i: jax.random.normal(jax.random.key(i), x.shape), adapter
    )
    for i in range(3)
  ]
  return base, adapters


def run(params, *, has_lora=True):
  return Pair(has_lora).apply({'params': params}, X)


def test_a_worn_adapter_lies_beside_the_same_base(parts):
  base, adapters = parts
  worn = wear_adapter(base, adapters[1])
  assert worn['up']['kernel'] is base['up']['kernel']
  again, adapter = split_adapter(worn)
  assert again == base and adapter == adapters[1]
  assert 'rest' not in adapter and 'lora_a' not in base['up']


def test_worn_is_the_base_and_the_adapter_added(parts):
  base, adapters = parts
  plain = run(base, has_lora=False)
  for adapter in adapters:
    worn = wear_adapter(base, adapter)
    merged = run(merge_lora(worn, LORA.scale), has_lora=False)
    np.testing.assert_allclose(run(worn), merged, atol=2e-4)
    assert np.abs(run(worn) - plain).max() > 0.1


def test_a_number_chooses_as_a_name_does_bit_for_bit(parts):
  base, adapters = parts

  @jax.jit
  def chosen(base, adapters, index):
    return run(wear_adapter(base, choose_adapter(adapters, index)))

  @jax.jit
  def named(base, adapter):
    return run(wear_adapter(base, adapter))

  for i, adapter in enumerate(adapters):
    one = chosen(base, adapters, jnp.int32(i))
    np.testing.assert_array_equal(one, named(base, adapter))
    assert choose_adapter(adapters, i) is adapter


def test_levels_of_one_program_share_the_base(parts):
  base, adapters = parts
  bytes_of_base = sum(x.nbytes for x in jax.tree.leaves(base))

  @jax.jit
  def levels(base, adapters, index):
    first = run(wear_adapter(base, adapters[0]))
    second = run(wear_adapter(base, adapters[1]))
    return (
      first,
      second,
      run(wear_adapter(base, choose_adapter(adapters, index))),
    )

  compiled = levels.lower(base, adapters, jnp.int32(2)).compile()
  needed = compiled.memory_analysis().temp_size_in_bytes
  assert needed < bytes_of_base / 2


def test_gradients_reach_the_chosen_adapter_alone(parts):
  base, adapters = parts

  @jax.grad
  def slope(adapters, index):
    return run(wear_adapter(base, choose_adapter(adapters, index))).sum()

  slopes = slope(adapters, jnp.int32(1))
  sizes = [sum(np.abs(x).sum() for x in jax.tree.leaves(s)) for s in slopes]
  assert sizes[1] > 0 and sizes[0] == sizes[2] == 0
