"""Rotary positions, rotate-half layout."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongRope:
  """LongRoPE: each frequency is slowed by a factor of its own.

  There are two tables of factors, and all positions of a sequence are turned
  by one of them. Which one is a matter of the sequence's length when they are
  turned: keys in a cache stay as they are when the sequence outgrows the first
  table.

  Source: arXiv 2402.13753; `Phi3ForCausalLM` of Hugging Face.

  Attributes:
    short_factors: What each of the H/2 frequencies is divided by.
    long_factors: The same, in sequences of more than `original_positions`.
    original_positions: Longest sequence before the context was extended.
  """

  short_factors: tuple[float, ...]
  long_factors: tuple[float, ...]
  original_positions: int

  def __post_init__(self):
    n_short, n_long = len(self.short_factors), len(self.long_factors)
    if n_short != n_long:
      raise ValueError(f'{n_short} short factors, but {n_long} long factors')
    if self.original_positions < 2:
      raise ValueError(f'{self.original_positions=} is below 2')

  def factors(
    self, sequence_length: Int[Array, ''] | int
  ) -> Float[Array, ' half']:
    """The table for sequences of this length."""
    return jnp.where(
      sequence_length > self.original_positions,
      jnp.asarray(self.long_factors, jnp.float32),
      jnp.asarray(self.short_factors, jnp.float32),
    )

  def amplitude(self, max_positions: int) -> float:
    """What cosines and sines are multiplied by, whichever table is in use.

    Extending 4096 positions to 131072 gives 1.19024.

    Args:
      max_positions: Longest sequence after the context was extended.
    """
    extension = max(max_positions / self.original_positions, 1.0)
    return math.sqrt(
      1 + math.log(extension) / math.log(self.original_positions)
    )


def rope_angles(
  positions: Int[Array, 'B T'],
  head_dim: int,
  theta: float,
  *,
  factors: Float[Array, ' half'] | None = None,
  amplitude: float = 1.0,
) -> tuple[Float[Array, 'B T H'], Float[Array, 'B T H']]:
  """Cosines and sines of every position, float32.

  Args:
    positions: Token positions, from 0.
    head_dim: Even width H of a head.
    theta: Base of the geometric frequencies.
    factors: What each frequency is divided by; nothing when None.
    amplitude: What cosines and sines are multiplied by.

  Returns:
    cos, sin; the second half of the last axis repeats the first.
  """
  # On the host: powers in float32 are off by several units in the last place,
  # which position 100000 multiplies.
  frequencies = theta ** (-np.arange(0, head_dim, 2) / head_dim)
  frequencies = jnp.asarray(frequencies, jnp.float32)
  if factors is not None:
    frequencies = frequencies / factors
  angles = positions[..., None].astype(jnp.float32) * frequencies
  angles = jnp.concatenate([angles, angles], axis=-1)
  cos, sin = jnp.cos(angles), jnp.sin(angles)
  if amplitude != 1.0:
    cos, sin = cos * amplitude, sin * amplitude
  return cos, sin


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
