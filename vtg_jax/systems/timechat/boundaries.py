"""From the digits a network would write to where a moment begins and ends.

    how probable each first, second, third digit is  (`decode.digit_tree`)
      -> of 1000 places of the video, as the start and as the end
      -> the best spans that differ, and how far the boundaries may be off

All of it may be compiled and is for one query; `jax.vmap` makes it one for
several.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vtg_jax.moments import relative_position, span_distribution
from vtg_jax.moments.span_distribution import SpanArrays


class Boundaries(NamedTuple):
  """What the digits say about a moment.

  Attributes:
    spans: the best spans that differ, in places.
    start_range: first and last place between which the start lies.
    end_range: the same of the end.
  """

  spans: SpanArrays
  start_range: Int[Array, ' 2']
  end_range: Int[Array, ' 2']


def boundaries(
  start: Float[Array, ' P'],
  end: Float[Array, ' P'],
  *,
  count: int,
  level: float,
) -> Boundaries:
  """The best spans and the ranges of their boundaries.

  Args:
    start: log-probability of each place as the start.
    end: of each place as the end, behind the most probable start.
    count: how many spans; where there are fewer, the last ones score 0.
    level: probability of a boundary to lie in its range.
  """
  # Only their ratios count, and the largest ones must not vanish.
  start, end = jnp.exp(start - start.max()), jnp.exp(end - end.max())
  joint = span_distribution.joint_of(start, end, jnp)
  ranges = [
    jnp.stack(span_distribution.place_range_of(joint.sum(axis), level, jnp))
    for axis in (1, 0)
  ]
  spans = span_distribution.best_spans_of(joint, count, jnp)
  return Boundaries(spans, *ranges)


def seconds_of_place(
  place: int | Int[np.ndarray, '...'], n_digits: int, duration_s: float
):
  """The middle of the codes that begin with the digits of a place, seconds.

  Of four digits there is one code, of three ten: 72 with 3 digits stands for
  <0><7><2><0> to <0><7><2><9>.
  """
  n_codes = 10 ** (relative_position.N_DIGITS - n_digits)
  middle = np.asarray(place) * n_codes + (n_codes - 1) / 2
  return middle / relative_position.SCALE * duration_s
