"""A scanned stack is its layers one after the other."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import Dense, LoraConfig
from vtg_jax.nn.stack import scan_layers

N_LAYERS = 3
LORA = LoraConfig(rank=2, alpha=2.0, dropout=0.5, targets=('fc',))


class Block(nn.Module):
  """x + tanh(fc(x) + own + shared), and the state before."""

  @nn.compact
  def __call__(self, x, own, shared, deterministic):
    fc = Dense(x.shape[-1], ('embed', 'mlp'), Compute(), lora=LORA, name='fc')
    h = fc(x, deterministic=deterministic)
    return x + jnp.tanh(h + own + shared), x


def stack(*, remat=False):
  axes = (0, nn.broadcast, nn.broadcast)
  lifted = scan_layers(
    Block, N_LAYERS, remat=remat, in_axes=axes, switches=(2,)
  )
  return lifted()


def inputs():
  keys = jax.random.split(jax.random.key(0), 3)
  x = jax.random.normal(keys[0], (2, 4))
  own = jax.random.normal(keys[1], (N_LAYERS, 4))
  shared = jax.random.normal(keys[2], (4,))
  boxed = stack().init(jax.random.key(9), x, own, shared, True)['params']
  return boxed, (x, own, shared)


def test_scanning_is_unrolling():
  boxed, (x, own, shared) = inputs()
  params = nn.meta.unbox(boxed)
  got, before = jax.jit(stack().apply, static_argnums=4)(
    {'params': params}, x, own, shared, True
  )
  for index in range(N_LAYERS):
    layer = jax.tree.map(lambda leaf, i=index: leaf[i], params)
    np.testing.assert_allclose(before[index], x, atol=1e-6)
    x, _ = Block().apply({'params': layer}, x, own[index], shared, True)
  np.testing.assert_allclose(got, x, atol=1e-6)


def test_layers_start_different_under_a_leading_axis_of_their_name():
  boxed, _ = inputs()
  kernel = boxed['fc']['kernel']
  assert kernel.names == ('layers', 'embed', 'mlp')
  assert kernel.value.shape == (N_LAYERS, 4, 4)
  assert not np.array_equal(kernel.value[0], kernel.value[1])


def test_recomputing_in_the_backward_pass_changes_nothing():
  boxed, (x, own, shared) = inputs()
  params = nn.meta.unbox(boxed)
  b = jax.random.normal(jax.random.key(5), params['fc']['lora_b'].shape)
  params['fc']['lora_b'] = b

  def gradient(remat):
    def loss(params):
      out, _ = stack(remat=remat).apply(
        {'params': params},
        x,
        own,
        shared,
        False,
        rngs={'dropout': jax.random.key(3)},
      )
      return (out**2).sum()

    return jax.jit(jax.grad(loss))(params)

  plain, recomputed = gradient(False), gradient(True)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), plain, recomputed
  )
  assert all(np.any(leaf) for leaf in jax.tree.leaves(plain))


def test_every_layer_draws_its_own_dropout():
  _, (x, own, shared) = inputs()
  params = nn.meta.unbox(inputs()[0])
  same = jax.tree.map(lambda leaf: leaf[:1].repeat(N_LAYERS, 0), params)
  same['fc']['kernel'] *= 0
  same['fc']['lora_b'] = jnp.ones((N_LAYERS, 2, 4))

  _, before = stack().apply(
    {'params': same},
    jnp.ones((64, 4)),
    0 * own,
    0 * shared,
    False,
    rngs={'dropout': jax.random.key(3)},
  )
  kept = np.diff(before, axis=0)  # what layers 0 and 1 added
  assert not np.allclose(kept[0] > kept[0].mean(), kept[1] > kept[1].mean())
