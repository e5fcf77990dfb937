"""Dropout whose masks are cheap to draw and to compile.

A mask is a hash of the place in the array and of the key: a dozen integer
operations a value, where jax's own generator takes about a hundred. On TPU
most of a training step's compile time went there, and on every machine a part
of the step.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float


def keep_mask(
  rng: jax.Array, rate: float, shape: tuple[int, ...]
) -> Bool[Array, '...']:
  """True where a value is kept.

  Depends on the key and the place alone: an array that is cut over devices
  has the mask of the whole one, and each device draws its own part.

  Args:
    rng: A key.
    rate: Share of values that are dropped, 0..1.
    shape: Of the array; places 2**32 apart share their fate.
  """
  seeds = jax.random.bits(rng, (2,), jnp.uint32)
  place = jnp.zeros(shape, jnp.uint32)
  for axis, size in enumerate(shape):
    at = jax.lax.broadcasted_iota(jnp.uint32, shape, axis)
    place = place * jnp.uint32(size) + at
  x = _mixed(place * jnp.uint32(0x9E3779B1) + seeds[0])
  x = _mixed(x ^ seeds[1])
  return x >= jnp.uint32(min(round(rate * 2**32), 2**32 - 1))


def _mixed(x):
  """A one-to-one map of 32-bit numbers of which every bit depends on all.

  Source: the finalizer of MurmurHash3, by Austin Appleby, public domain.
  """
  x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
  x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
  return x ^ (x >> 16)


class Dropout(nn.Module):
  """Sets a share of values to zero while training and scales up the others.

  Attributes:
    rate: The share, below 1.
    broadcast_dims: Axes along which values share their fate.
  """

  rate: float
  broadcast_dims: tuple[int, ...] = ()

  @nn.compact
  def __call__(
    self, x: Float[Array, '*B'], *, deterministic: bool
  ) -> Float[Array, '*B']:
    if deterministic or not self.rate:
      return x
    shape = tuple(
      1 if axis in self.broadcast_dims else size
      for axis, size in enumerate(x.shape)
    )
    keep = keep_mask(self.make_rng('dropout'), self.rate, shape)
    return jnp.where(keep, x / (1 - self.rate), jnp.zeros_like(x))
