"""Scores of every step of a generation, from one pass over it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

# Name of a method of the network and its inputs -> what it gives.
Apply = Callable[..., jax.Array]


def step_logits(
  apply: Apply,
  embeds: Float[jax.Array, 'B T E'],
  attention_mask: Bool[np.ndarray, 'B T'],
  ids: Int[np.ndarray, 'B G'],
) -> Float[np.ndarray, 'B G V']:
  """Scores of all steps in one pass over the prompt and what was written.

  Rows that have ended are fed what was written after their end.

  Args:
    apply: Of the network: 'embed_tokens', 'row_states' and 'logits'.
    embeds: The prompts, padded on the left.
    attention_mask: False on padding.
    ids: What was written.
  """
  G = ids.shape[1]
  written = apply('embed_tokens', jnp.asarray(ids[:, :-1]))
  mask = np.pad(attention_mask, [(0, 0), (0, G - 1)], constant_values=True)
  states = apply(
    'row_states',
    jnp.concatenate([embeds, written], axis=1),
    mask,
    np.maximum(np.cumsum(mask, axis=1) - 1, 0),
  )
  return np.asarray(apply('logits', states[:, -G:]))
