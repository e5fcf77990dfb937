"""How sure an answer is, by the entropy of the steps it was written in.

Source: spec section 6.2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

# Which steps count. The released code averages over all steps that its batch
# took, so that a row's entropy depends on the longest row beside it; 'clean'
# takes those of a row up to its end, which is one of them.
STEPS = ('clean', 'released')
_FLOOR = 1e-10


class EntropyStats(NamedTuple):
  """Of a row's steps, in nats; the order is the release's.

  Attributes:
    max: largest entropy.
    min: smallest.
    mean: over the steps.
    std: unbiased, NaN for a single step.
  """

  max: Float[Array, ' B']
  min: Float[Array, ' B']
  mean: Float[Array, ' B']
  std: Float[Array, ' B']

  @property
  def confidence(self) -> Float[Array, ' B']:
    """The paper's score of an answer: the inverse of the mean."""
    return 1 / self.mean


def step_entropy(logits: Float[Array, '*B V']) -> Float[Array, '*B']:
  """Entropy of a step's distribution, from raw scores, in float32 nats."""
  p = jax.nn.softmax(logits.astype(jnp.float32), axis=-1)
  return -(p * jnp.log(p + _FLOOR)).sum(-1)


def entropy_stats(
  entropies: Float[Array, 'B G'],
  length: Int[Array, ' B'],
  *,
  steps: str = 'clean',
) -> EntropyStats:
  """What the entropies of the rows' steps amount to.

  Args:
    entropies: Of every step; what lies behind the counted ones is not looked
      at.
    length: Steps of each row up to its end, at least one.
    steps: Of `STEPS`.

  Raises:
    ValueError: `steps` is unknown.
  """
  if steps not in STEPS:
    raise ValueError(f'{steps=} is not one of {STEPS}')
  if steps == 'released':
    length = jnp.full_like(length, length.max())
  counts = jnp.arange(entropies.shape[1]) < length[:, None]
  n = length.astype(jnp.float32)
  mean = jnp.where(counts, entropies, 0).sum(1) / n
  squares = jnp.where(counts, (entropies - mean[:, None]) ** 2, 0).sum(1)
  return EntropyStats(
    max=jnp.where(counts, entropies, -jnp.inf).max(1),
    min=jnp.where(counts, entropies, jnp.inf).min(1),
    mean=mean,
    std=jnp.sqrt(squares / (n - 1)),
  )
