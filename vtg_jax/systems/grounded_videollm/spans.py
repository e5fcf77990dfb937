"""From scores over the time scale, and from written texts, to moments."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from vtg_jax.errors import BadInput
from vtg_jax.moments.moment import Moment
from vtg_jax.moments.span_distribution import best_spans, joint, place_range
from vtg_jax.moments.temporal_tokens import parse_spans, seconds_of_token
from vtg_jax.systems.checks import checked_score
from vtg_jax.systems.grounded_videollm.config import SYSTEM

# A boundary lies in its range with this probability, as the model sees it.
RANGE_LEVEL = 0.9


class TimeScale(NamedTuple):
  """The seconds behind the time tokens.

  Attributes:
    duration_s: What <M> stands for.
    n_intervals: M.
  """

  duration_s: float
  n_intervals: int

  def second(self, place: int) -> float:
    return seconds_of_token(place, self.duration_s, self.n_intervals)


def scored_moments(
  query: str,
  start: Float[np.ndarray, ' P'],
  end: Float[np.ndarray, ' P'],
  scale: TimeScale,
  *,
  top_k: int,
) -> list[Moment]:
  """The most probable spans of a query, best first.

  Args:
    query: The sentence.
    start: Log-probability of each place as the start.
    end: Of each place as the end.
    scale: Of the video.
    top_k: Most spans.

  Returns:
    At least one. Score: probability that the true span overlaps it at least
    by half. The ranges are those of the boundaries over all spans, and stand
    with the best one.

  Raises:
    BadInput: the network computed NaN.
  """
  checked_score(float(np.max(start) + np.max(end)))
  spans = joint(np.exp(start), np.exp(end))
  moments = []
  for found in best_spans(spans, top_k):
    ranges = {}
    if not moments:
      ranges = {
        'start_range_s': _seconds(spans.sum(1), scale),
        'end_range_s': _seconds(spans.sum(0), scale),
        'range_level': RANGE_LEVEL,
      }
    moments.append(
      Moment(
        start_s=scale.second(found.start),
        end_s=scale.second(found.end),
        score=found.score,
        query=query,
        system=SYSTEM,
        **ranges,
      )
    )
  return moments


def written_moments(
  query: str, text: str, log_prob: float, scale: TimeScale, *, top_k: int
) -> list[Moment]:
  """The spans that a freely written answer tells, in its order; maybe none.

  Args:
    query: The sentence.
    text: The answer.
    log_prob: Of the whole text, which is each moment's score.
    scale: Of the video.
    top_k: Most spans.
  """
  score = float(np.exp(checked_score(log_prob)))
  spans = parse_spans(text, scale.duration_s, scale.n_intervals)
  return [
    Moment(
      start_s=start_s, end_s=end_s, score=score, query=query, system=SYSTEM
    )
    for start_s, end_s in spans[:top_k]
  ]


def checked_spans(
  spans: Sequence[tuple[float, float]], duration_s: float, path: str
) -> list[tuple[float, float]]:
  """Spans of a video, cut off at its end.

  Raises:
    BadInput: there is none, or one is empty or outside the video.
  """
  if not len(spans):
    raise BadInput('there is no span; give at least one start and end')
  inside = []
  for start_s, end_s in spans:
    start_s, end_s = float(start_s), float(end_s)
    finite = math.isfinite(start_s) and math.isfinite(end_s)
    if not (finite and 0 <= start_s < end_s):
      raise BadInput(
        f'the span from {start_s:g} to {end_s:g} s is empty; give a start '
        'before its end'
      )
    if start_s >= duration_s:
      raise BadInput(
        f'the span starts at {start_s:g} s, {path} ends at {duration_s:g} s; '
        'give a span inside the video'
      )
    inside.append((start_s, min(end_s, duration_s)))
  return inside


def _seconds(probabilities, scale) -> tuple[float, float]:
  first, last = place_range(probabilities, RANGE_LEVEL)
  return scale.second(first), scale.second(last)
