"""A two-layer decoder with grouped heads, for the tests that need one."""

import functools

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from vtg_jax.llm.decoder import Decoder
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import LoraConfig

CONFIG = DecoderConfig(
  vocab_size=24,
  width=16,
  n_layers=2,
  n_heads=4,
  n_kv_heads=2,
  head_dim=6,
  mlp_hidden=20,
  norm_eps=1e-6,
  rope_theta=10000.0,
  max_positions=64,
  tied_embeddings=False,
  lora=LoraConfig(rank=2, alpha=4.0, dropout=0.5, targets=('q_proj', 'v_proj')),
)
DECODER = Decoder(CONFIG, Compute())
# Logical axis -> mesh axis; what is not here is on every device.
SHARDING = (
  ('batch', 'data'),
  ('embed', 'fsdp'),
  ('heads', 'tensor'),
  ('kv_heads', 'tensor'),
  ('mlp', 'tensor'),
  ('vocab', 'tensor'),
)


def whole(module, ids):
  """Logits of rows of ids, with no past."""
  T = ids.shape[1]
  positions = jnp.broadcast_to(jnp.arange(T), ids.shape)
  return module.logits(module(module.embed_tokens(ids), positions).hidden)


def boxed_params(decoder=DECODER):
  """Fresh parameters that know the names of their axes."""
  ids = jnp.zeros((1, 2), jnp.int32)
  init = jax.jit(lambda rng: decoder.init(rng, ids, method=whole))
  return init(jax.random.key(0))['params']


def random_params(decoder=DECODER, seed=1):
  """Parameters none of which is a zero or a one, adapters included."""
  leaves, tree = jax.tree.flatten(nn.meta.unbox(boxed_params(decoder)))
  keys = jax.random.split(jax.random.key(seed), len(leaves))
  leaves = [
    x + 0.3 * jax.random.normal(key, x.shape, x.dtype)
    for x, key in zip(leaves, keys, strict=True)
  ]
  return jax.tree.unflatten(tree, leaves)


def on_eight_devices(params, ids, decoder=DECODER):
  """Parameters and rows of ids, each device having a part of them."""
  if jax.device_count() < 8:
    pytest.skip(f'needs 8 devices, jax has {jax.device_count()}')
  axes = ('data', 'fsdp', 'tensor')
  auto = (jax.sharding.AxisType.Auto,) * 3
  mesh = jax.make_mesh((2, 2, 2), axes, axis_types=auto)
  named = nn.get_partition_spec(jax.eval_shape(lambda: boxed_params(decoder)))
  shardings = nn.logical_to_mesh_sharding(named, mesh, SHARDING)
  rows = nn.logical_to_mesh_sharding(
    jax.sharding.PartitionSpec('batch'), mesh, SHARDING
  )
  return jax.device_put(params, shardings), jax.device_put(ids, rows)


@functools.partial(jax.jit, static_argnames='decoder')
def score(params, ids, decoder=DECODER):
  """Logits [B T V] of rows of ids in one full pass."""
  return decoder.apply({'params': params}, ids, method=whole)


@functools.partial(jax.jit, static_argnames='decoder')
def prefill(params, ids, decoder=DECODER):
  """Keys, values and logits of rows of ids."""
  variables = {'params': params}
  embeds = decoder.apply(variables, ids, method='embed_tokens')
  positions = jnp.broadcast_to(jnp.arange(ids.shape[1]), ids.shape)
  out = decoder.apply(variables, embeds, positions)
  return out.kv, decoder.apply(variables, out.hidden, method='logits')
