"""Linear heads that name what features show: colour, shape and action.

What ShapeStories show is known, so features can learn to tell it apart before
anything is asked about them. The heads are thrown away at the end.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from vtg_jax.shape_stories.words import ACTIONS, COLOURS, PAIRS, SHAPES
from vtg_jax.systems.training.extra_heads import apply_head
from vtg_jax.train.loss import LossSums

# What is named -> its names in order of their number; 0 is that nothing is.
NAMES = {
  'colour': tuple(COLOURS),
  'shape': SHAPES,
  'action': ACTIONS,
}
# A cell without an object counts this much: there are many of them.
_EMPTY_WEIGHT = 0.15


def classes_of_pairs() -> Int[np.ndarray, 'N 3']:
  """Number of a pair -> classes of its parts; nothing, -1, is the last row."""
  parts = zip(*PAIRS, strict=True)  # colours, shapes, actions
  columns = [
    [*(names.index(part) + 1 for part in column), 0]
    for names, column in zip(NAMES.values(), parts, strict=True)
  ]
  return np.array(columns, np.int32).T


def naming_sums(
  params: dict,
  features: Float[Array, '*B D'],
  pairs: Int[Array, '*B'],
  *,
  prefix: str = '',
) -> LossSums:
  """How well the heads of `NAMES` name what some features tell of.

  Args:
    params: With the heads.
    features: Of anything.
    pairs: Number in `words.PAIRS` of what it is, or -1 for nothing.
    prefix: Of the heads' names, where there are several sets of them.

  Returns:
    Sums over features; the parts count what is named wrongly.
  """
  classes = jnp.asarray(classes_of_pairs())[pairs]  # [*B 3]
  is_object = classes[..., 0] > 0
  weights = jnp.where(is_object, 1.0, _EMPTY_WEIGHT)
  total, parts = 0.0, {}
  for i, name in enumerate(NAMES):
    logits = apply_head(params, prefix + name, features)
    wanted = classes[..., i]
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, wanted)
    total += (weights * losses).sum()
    wrong = is_object & (logits.argmax(-1) != wanted)
    parts[f'wrong/{prefix}{name}'] = (
      wrong.sum().astype(jnp.float32),
      is_object.sum().astype(jnp.float32),
    )
  return LossSums(total, weights.sum(), parts)


def naming_losses(
  params: dict,
  features: Float[Array, '*B D'],
  pairs: Int[Array, '*B M'],
) -> Float[Array, '*B']:
  """How far the heads of `NAMES` are from naming what some features tell of.

  Features that tell of several things may be called by any of them; those
  that tell of nothing, by nothing.

  Args:
    params: With the heads.
    features: Of anything.
    pairs: Numbers in `words.PAIRS` of what it is, or -1 for nothing.
  """
  classes = jnp.asarray(classes_of_pairs())[pairs]  # [*B M 3]
  is_object = pairs >= 0
  is_empty = ~is_object.any(-1, keepdims=True)
  first = jnp.arange(pairs.shape[-1]) == 0
  shares = jnp.where(is_empty, first, is_object).astype(jnp.float32)
  shares /= shares.sum(-1, keepdims=True)
  losses = 0.0
  for i, name in enumerate(NAMES):
    logits = jax.nn.log_softmax(apply_head(params, name, features))
    each = jnp.take_along_axis(logits, classes[..., i], -1)  # [*B M]
    losses -= (shares * each).sum(-1)
  return losses


def naming_heads(width: int, *, prefix: str = '') -> dict[str, tuple[int, int]]:
  """Sizes of the heads of `NAMES` for features of a width; 0 is nothing."""
  return {
    prefix + name: (width, len(known) + 1) for name, known in NAMES.items()
  }
