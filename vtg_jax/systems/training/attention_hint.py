"""A hint to an attention head: where in the row it should look."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def states_at(
  states: Float[Array, 'B T D'], positions: Int[Array, 'B N']
) -> Float[Array, 'B N D']:
  """Those of some positions of each row."""
  return jnp.take_along_axis(states, positions[:, :, None], 1)


def attention_losses(
  queries: Float[Array, 'B N D'],
  keys: Float[Array, 'B T D'],
  seen: Bool[Array, '#B N T'],
  wanted: Bool[Array, '#B #N T'],
) -> Float[Array, 'B N']:
  """How much of a head's attention misses what it should look at.

  Args:
    queries: Of one head.
    keys: Of the same, of the whole row.
    seen: Which keys a query may look at.
    wanted: Where to look.

  Returns:
    Minus the logarithm of the share of wanted tokens.
  """
  logits = jnp.einsum('bnd,btd->bnt', queries, keys) * keys.shape[-1] ** -0.5
  logits = logits.astype(jnp.float32)
  low = jnp.finfo(jnp.float32).min
  everything = jnp.where(seen, logits, low)
  right = jnp.where(seen & wanted, logits, low)
  return jax.nn.logsumexp(everything, -1) - jax.nn.logsumexp(right, -1)
