"""Rotary positions, rotate-half layout."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def rope_angles(
  positions: Int[Array, 'B T'], head_dim: int, theta: float
) -> tuple[Float[Array, 'B T H'], Float[Array, 'B T H']]:
  """Cosines and sines of every position, float32.

  Args:
    positions: Token positions, from 0.
    head_dim: Even width H of a head.
    theta: Base of the geometric frequencies.

  Returns:
    cos, sin; the second half of the last axis repeats the first.
  """
  frequencies = theta ** (
    -jnp.arange(0, head_dim, 2, dtype=jnp.float32) / head_dim
  )
  angles = positions[..., None].astype(jnp.float32) * frequencies
  angles = jnp.concatenate([angles, angles], axis=-1)
  return jnp.cos(angles), jnp.sin(angles)


def apply_rope(
  x: Float[Array, 'B T N H'],
  cos: Float[Array, '#B T H'],
  sin: Float[Array, '#B T H'],
) -> Float[Array, 'B T N H']:
  """Rotates each pair (x[i], x[i + H/2]) by its angle, in float32."""
  x32 = x.astype(jnp.float32)
  first, second = jnp.split(x32, 2, axis=-1)
  turned = jnp.concatenate([-second, first], axis=-1)
  return (x32 * cos[:, :, None] + turned * sin[:, :, None]).astype(x.dtype)
