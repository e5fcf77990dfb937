"""Drawing tokens by their probabilities instead of taking the best one."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vtg_jax.decode.greedy import Sampler


def sampler(
  seed: Array | int,
  temperature: Float[Array, ''] | float,
  n_candidates: int,
  top_p: Float[Array, ''] | float = 1.0,
) -> Sampler:
  """Draws each token from the most probable ones.

  Args:
    seed: Of the draws; the same one draws the same tokens.
    temperature: Divides the scores; above 0. Below 1, the most probable
      tokens gain.
    n_candidates: How many of the most probable tokens are drawn from, static;
      1 takes the best.
    top_p: Of these only the first ones whose probabilities, of theirs alone,
      reach so much together; above 0. 1 leaves none out.
  """
  rng = jax.random.key(seed)

  def draw(logits: Float[Array, 'B V'], step: Array) -> Array:
    n = min(n_candidates, logits.shape[-1])
    scores, tokens = jax.lax.top_k(logits, n)
    scores = scores / temperature
    shares = jax.nn.softmax(scores)
    # Probabilities 0.5 0.3 0.2, top_p 0.6: before each 0 0.5 0.8, two are kept.
    before = jnp.cumsum(shares, axis=-1) - shares
    scores = jnp.where((before < top_p) | (top_p >= 1), scores, -jnp.inf)
    drawn = jax.random.categorical(jax.random.fold_in(rng, step), scores)
    return jnp.take_along_axis(tokens, drawn[:, None], axis=-1)[:, 0]

  return draw
