"""Losses over token rows, as sums that micro-batches and devices add up."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

# Most scores of one row that are held at a time: 65 tokens of 32000 words.
SCORES_AT_ONCE = 2**21


class LossSums(NamedTuple):
  """The loss of some samples, before any division.

  Attributes:
    total: Sum of what is minimised.
    weight: What the sum over the global batch is divided by, such as the
      number of learnt tokens.
    parts: Name -> (sum, weight) of what is reported, such as the objectives;
      logged as loss/NAME, or as it is where the name says what it counts, such
      as wrong/colour.
  """

  total: Float[Array, '']
  weight: Float[Array, '']
  parts: dict[str, tuple[Float[Array, ''], Float[Array, '']]]


def next_token_sums(
  states: Float[Array, 'B T D'],
  labels: Int[Array, 'B T'],
  logits_of: Callable[[jax.Array], jax.Array],
  *,
  ignore: int,
  scores_at_once: int = SCORES_AT_ONCE,
) -> tuple[Float[Array, ' B'], Float[Array, ' B']]:
  """Cross entropy of each token given those before it, row by row.

  Long rows are cut into stretches, of which one has its scores in memory at a
  time, in the backward pass too.

  Args:
    states: Position t scores the token at t + 1.
    labels: The tokens; `ignore` where no loss is taken.
    logits_of: Scores over V words of states; must not depend on their
      neighbours.
    ignore: The label that does not count.
    scores_at_once: Most scores of a row to hold.

  Returns:
    Each row's sum in float32, and how many labels it counted.
  """
  targets = jnp.pad(labels[:, 1:], ((0, 0), (0, 1)), constant_values=ignore)
  B, T = targets.shape
  n_words = jax.eval_shape(logits_of, states[:, :1]).shape[-1]
  n_stretches = -(-T // max(1, scores_at_once // n_words))
  if n_stretches == 1:
    return _row_sums(logits_of(states), targets, ignore)
  n_tokens = -(-T // n_stretches)

  def cut(x, fill):  # [B T ...] -> [n_stretches B n_tokens ...]
    short = n_stretches * n_tokens - T
    padding = [(0, 0), (0, short)] + [(0, 0)] * (x.ndim - 2)
    x = jnp.pad(x, padding, constant_values=fill)
    x = x.reshape(B, n_stretches, n_tokens, *x.shape[2:])
    return jnp.moveaxis(x, 1, 0)

  def stretch(sums, inputs):
    some_states, some_targets = inputs
    more = _row_sums(logits_of(some_states), some_targets, ignore)
    return jax.tree.map(jnp.add, sums, more), None

  zeros = jnp.zeros(B, jnp.float32)
  sums, _ = jax.lax.scan(
    jax.checkpoint(stretch, prevent_cse=False),
    (zeros, zeros),
    (cut(states, 0), cut(targets, ignore)),
  )
  return sums


def answer_sums(
  states: Float[Array, 'B T D'],
  labels: Int[Array, 'B T'],
  logits_of: Callable[[jax.Array], jax.Array],
  *,
  ignore: int,
) -> LossSums:
  """The losses of learnt tokens; arguments as of `next_token_sums`."""
  losses, counts = next_token_sums(states, labels, logits_of, ignore=ignore)
  return LossSums(losses.sum(), counts.sum(), {})


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
  total, counted = _row_sums(logits[:, :-1], labels[:, 1:], ignore)
  return total.sum() / counted.sum()


def _row_sums(logits, targets, ignore):
  logits = logits.astype(jnp.float32)
  counted = targets != ignore
  # Compared, not looked up: words may lie on several devices.
  words = jax.lax.broadcasted_iota(jnp.int32, logits.shape, 2)
  chosen = jnp.where(words == targets[..., None], logits, 0.0).sum(-1)
  losses = jax.nn.logsumexp(logits, axis=-1) - chosen
  losses = jnp.where(counted, losses, 0.0)
  return losses.sum(-1), counted.sum(-1).astype(jnp.float32)
