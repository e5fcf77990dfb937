"""How probable each place of a scale is that is told digit by digit.

    prompt - <0> - <0> <1> ... <9>      one forward pass over the prompt and
           - <1> - <0> <1> ... <9>      all digits but the last ones, each
           ...                          seeing the prompt and its ancestors
           - <9> - <0> <1> ... <9>

The last digits' probabilities are those behind each branch, so that a tree of
10 + 100 tokens gives 1000 places. Only digits count: at each step they sum up
to one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.decode.choices import tree_mask
from vtg_jax.llm.decoder import Decoder, Past


class DigitTree(NamedTuple):
  """The digits of a tree, level by level, each level in order of its numbers.

  Attributes:
    digit: Of each node.
    level: How many digits stand before it.
    sees: [node, other]: whether the other is an ancestor or itself.
  """

  digit: Int[np.ndarray, ' N']
  level: Int[np.ndarray, ' N']
  sees: Bool[np.ndarray, 'N N']


def digit_tree(n_levels: int) -> DigitTree:
  """The tree of all numbers of so many digits; empty without any."""
  digits, levels, parents = [], [], []
  first = 0
  for level in range(n_levels):
    for number in range(10 ** (level + 1)):
      digits.append(number % 10)
      levels.append(level)
      parents.append(first + number // 10 if level else -1)
    first = len(digits) - 10 ** (level + 1)
  sees = np.eye(len(digits), dtype=bool)
  for node, parent in enumerate(parents):
    if parent >= 0:
      sees[node] |= sees[parent]
  return DigitTree(np.array(digits, int), np.array(levels, int), sees)


def place_log_probs(
  levels: Sequence[Float[Array | np.ndarray, 'B _ 10']],
) -> Float[Array, 'B P']:
  """Log-probabilities of all places from the scores of the digits.

  Args:
    levels: Of the first digit [B 1 10], of the second one behind each first
      one [B 10 10], and so on.

  Returns:
    Of 10 ** len(levels) places.
  """
  n_rows = levels[0].shape[0]
  out = jnp.zeros((n_rows, 1))
  for scores in levels:
    out = (out[..., None] + jax.nn.log_softmax(scores)).reshape(n_rows, -1)
  return out


def score_places(
  decoder: Decoder,
  params,
  past: Sequence[Past],
  prompt_ids: Int[Array, 'B T'],
  prompt_len: Int[Array, ' B'],
  position: Int[Array, ' B'],
  digit_ids: Int[Array | np.ndarray, ' 10'],
  *,
  n_digits: int,
  sequence_length: Int[Array, ''] | int | None = None,
) -> Float[Array, 'B P']:
  """Log-probability of each place whose digits follow the prompt.

  Args:
    decoder: The module.
    params: Its parameters.
    past: What comes before `prompt_ids`.
    prompt_ids: The (rest of the) prompt, at least one token, padded right.
    prompt_len: Real tokens of each prompt.
    position: Rotary position of the first prompt token.
    digit_ids: Tokens of 0 to 9.
    n_digits: How many digits tell a place; the tree grows tenfold with each.
    sequence_length: See `score_choices`.

  Returns:
    Of 10 ** n_digits places, float32.
  """
  B, T = prompt_ids.shape
  tree = digit_tree(n_digits - 1)
  N = len(tree.digit)
  if sequence_length is None and not past:
    sequence_length = T + n_digits - 1

  def apply(*args, **kwargs):
    return decoder.apply({'params': params}, *args, **kwargs)

  nodes = jnp.broadcast_to(jnp.asarray(digit_ids)[tree.digit], (B, N))
  ids = jnp.concatenate([prompt_ids, nodes], axis=1)
  places = jnp.concatenate(
    [
      jnp.broadcast_to(jnp.arange(T), (B, T)),
      prompt_len[:, None] + jnp.asarray(tree.level),
    ],
    axis=1,
  )
  mask = tree_mask(prompt_len, T, N, 1)
  mask |= np.pad(tree.sees, ((T, 0), (T, 0)))
  out = apply(
    apply(ids, method='embed_tokens'),
    position[:, None] + places,
    mask=mask,
    past=past,
    sequence_length=sequence_length,
  )
  last = jnp.take_along_axis(
    out.hidden, (prompt_len - 1)[:, None, None], axis=1
  )
  hidden = jnp.concatenate([last, out.hidden[:, T:]], axis=1)
  scores = apply(hidden, method='logits')[..., jnp.asarray(digit_ids)]
  ends = np.cumsum([10**level for level in range(n_digits)])
  return place_log_probs(jnp.split(scores, ends[:-1], axis=1))
