"""What Grounded-VideoLLM's training minimises, and what learns by it."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float, Int

from vtg_jax.systems.grounded_videollm.rows import IGNORE
from vtg_jax.train.loss import LossSums, next_token_sums

# What the paper trains, in its first stage and afterwards; the encoders and
# the learned rows between the streams are always frozen.
PROJECTORS = (r'two_stream/(image|video)_projector/.*',)
TUNED = (*PROJECTORS, r'llm/embed/.*', r'llm/lm_head/.*', r'.*/lora_[ab]')


def answer_sums(
  states: Float[Array, 'B S H'],
  labels: Int[Array, 'B S'],
  logits_of: Callable[[jax.Array], jax.Array],
) -> LossSums:
  """The losses of learnt tokens.

  Args:
    states: From `GroundedVideoLlm.training_states`.
    labels: The tokens, IGNORE where nothing is learnt.
    logits_of: `GroundedVideoLlm.logits` with its parameters.
  """
  losses, counts = next_token_sums(states, labels, logits_of, ignore=IGNORE)
  return LossSums(losses.sum(), counts.sum(), {})
