"""What TimeChat's training minimises, and what learns by it."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float, Int

from vtg_jax.systems.timechat.ids import IGNORE
from vtg_jax.train.loss import LossSums, next_token_sums

# What TimeChat trains; image encoder, its norm and language model are frozen.
RELEASED_TRAINABLE = (
  r'.*/lora_[ab]',
  r'qformer/.*',
  r'video_qformer/.*',
  r'projector/.*',
)


def answer_sums(
  states: Float[Array, 'B T E'],
  labels: Int[Array, 'B T'],
  logits_of: Callable[[jax.Array], jax.Array],
) -> LossSums:
  """The losses of learnt tokens.

  Args:
    states: From `TimeChat.training_states`.
    labels: The tokens, IGNORE where nothing is learnt.
    logits_of: `TimeChat.logits` with its parameters.
  """
  losses, counts = next_token_sums(states, labels, logits_of, ignore=IGNORE)
  return LossSums(losses.sum(), counts.sum(), {})
