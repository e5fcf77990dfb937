"""Losses over token rows."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def next_token_loss(
  logits: Float[Array, 'B T V'], labels: Int[Array, 'B T'], *, ignore: int
) -> Float[Array, '']:
  """Cross entropy of each token given those before it, in float32.

  Args:
    logits: Position t scores the token at t + 1.
    labels: The tokens; `ignore` where no loss is taken.
    ignore: The label that does not count.

  Returns:
    Mean over the counted labels of the whole batch, not a mean of the rows'
    means. NaN when nothing counts, as in the reference.
  """
  targets = labels[:, 1:]
  counted = targets != ignore
  log_probs = jax.nn.log_softmax(logits[:, :-1].astype(jnp.float32))
  picked = jnp.take_along_axis(
    log_probs, jnp.where(counted, targets, 0)[..., None], axis=-1
  )[..., 0]
  return -jnp.sum(picked, where=counted) / counted.sum()
