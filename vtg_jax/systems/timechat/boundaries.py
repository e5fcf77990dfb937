"""From the digits a network would write to where a moment begins and ends.

    how probable each first, second, third digit is  (`decode.digit_tree`)
      -> of 1000 places of the video, as the start and as the end
      -> the best spans that differ, and how far the boundaries may be off

All of it may be compiled and is for one query; `jax.vmap` makes it one for
several.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vtg_jax.moments import relative_position, span_distribution
from vtg_jax.moments.moment import Moment
from vtg_jax.moments.span_distribution import SpanArrays
from vtg_jax.systems.checks import checked_score
from vtg_jax.systems.timechat.config import SYSTEM

# A boundary lies in its range with this probability, as the model sees it.
RANGE_LEVEL = 0.9


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


def placed_moments(
  query: str,
  start: Float[np.ndarray, ' P'],
  end: Float[np.ndarray, ' P'],
  duration_s: float,
  *,
  top_k: int,
) -> list[Moment]:
  """The most probable spans of a query, best first.

  Args:
    query: the sentence.
    start: log-probability of each place as the start; there are 10, 100, ...
    end: of each place as the end.
    duration_s: of the video.
    top_k: most spans.

  Returns:
    At least one. Score: probability that the true span overlaps it at least
    by half. The ranges are those of the boundaries over all spans, and stand
    with the best one.

  Raises:
    BadInput: the network computed NaN.
  """
  checked_score(float(np.max(start) + np.max(end)))
  n_digits = len(str(len(start))) - 1

  def seconds(places):
    return seconds_of_place(np.asarray(places), n_digits, duration_s).tolist()

  found = _compiled(top_k)(start, end)
  ranges = {
    'start_range_s': tuple(seconds(found.start_range)),
    'end_range_s': tuple(seconds(found.end_range)),
    'range_level': RANGE_LEVEL,
  }
  moments = []
  for span_start, span_end, score in zip(
    seconds(found.spans.start),
    seconds(found.spans.end),
    np.asarray(found.spans.score).tolist(),
    strict=True,
  ):
    if moments and not score:
      break
    if span_start == span_end:  # inside one place: it may take all of it
      half_s = seconds_of_place(0, n_digits, duration_s)
      span_start, span_end = span_start - half_s, span_end + half_s
    moments.append(
      Moment(
        start_s=span_start,
        end_s=span_end,
        score=score,
        query=query,
        system=SYSTEM,
        **({} if moments else ranges),
      )
    )
  return moments


@functools.cache
def _compiled(count: int):
  return jax.jit(functools.partial(boundaries, count=count, level=RANGE_LEVEL))
