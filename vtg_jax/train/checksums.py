"""Checksums of arrays on devices, whatever mesh they lie on."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree, UInt32


def checksums(state: PyTree) -> UInt32[Array, ' n']:
  """Returns a number for each leaf that changes when any bit of it does.

  The bits of each element, times an odd number of its own, are summed in
  wrapping integers, so that the order of summation and with it the mesh does
  not matter. TensorStore compares checksums of its index only.

  Args:
    state: arrays of at most 32 bits an element, and random keys.
  """
  leaves = [
    jax.random.key_data(leaf)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    else leaf
    for leaf in jax.tree.leaves(state)
  ]
  meshes = {
    leaf.sharding.mesh
    for leaf in leaves
    if isinstance(leaf.sharding, jax.sharding.NamedSharding)
  }
  everywhere = jax.sharding.PartitionSpec()
  return _summed(
    jax.sharding.NamedSharding(meshes.pop(), everywhere) if meshes else None
  )(leaves)


@functools.cache
def _summed(out: jax.sharding.Sharding | None):
  return jax.jit(
    lambda leaves: jnp.stack([_checksum(leaf) for leaf in leaves]),
    out_shardings=out,
  )


def _checksum(leaf: Array) -> UInt32[Array, '']:
  bits = {1: jnp.uint8, 2: jnp.uint16, 4: jnp.uint32}[leaf.dtype.itemsize]
  if leaf.dtype == jnp.bool_:
    leaf = leaf.astype(bits)
  words = jax.lax.bitcast_convert_type(leaf, bits).astype(jnp.uint32)
  weight = jnp.uint32(1)
  for axis, size in enumerate(words.shape):
    place = jax.lax.broadcasted_iota(jnp.uint32, words.shape, axis)
    weight = weight * jnp.uint32(size | 1) + 2 * place
  return jnp.sum(words * weight, dtype=jnp.uint32)
