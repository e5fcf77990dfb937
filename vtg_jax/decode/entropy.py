"""How much in doubt a step is, inside a compiled loop.

`recursion.scores` sums up the steps of an answer.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Keeps the logarithm of a probability of zero finite; it is in the record.
_TINY = 1e-10


def step_entropy(logits: Float[Array, '*B V']) -> Float[Array, '*B']:
  """Entropy of the softmax of raw scores, in float32 nats.

  Source: ReVisionLLM (arXiv 2411.14901), spec section 6.2.
  """
  p = jax.nn.softmax(logits.astype(jnp.float32), axis=-1)
  return -(p * jnp.log(p + _TINY)).sum(-1)
