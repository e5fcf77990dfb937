"""What a user can choose about a search, checked."""

import dataclasses
import math
from collections.abc import Sequence

from vtg_jax.errors import BadInput
from vtg_jax.systems.hawkeye.frames import SAMPLINGS

MODES = ('score', 'generate')
# Most of each: beyond, tables and running time grow past use. Six rounds end
# at 1/64 of the video and have up to 364 intervals.
LIMITS = {'top_k': 64, 'beam_width': 64, 'max_rounds': 6, 'n_orders': 24}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions:
  """Options of `HawkEyeGrounder.ground`, which documents them.

  Raises:
    BadInput: when one is out of range, or two exclude each other.
  """

  top_k: int
  sampling: str
  mode: str
  max_rounds: int
  n_orders: int
  beam_width: int
  absent_below: float | None
  seed: int

  def __post_init__(self):
    for name, known in (('sampling', SAMPLINGS), ('mode', MODES)):
      value = getattr(self, name)
      if value not in known:
        raise BadInput(f'{name} {value!r} is unknown; use one of {known}')
    for name, most in LIMITS.items():
      value = getattr(self, name)
      if not 1 <= value <= most:
        raise BadInput(f'{name} is {value}; it must be from 1 to {most}')
    if self.beam_width < self.top_k:
      raise BadInput(
        f'beam_width {self.beam_width} cannot hold top_k {self.top_k} answers; '
        'use at least as many'
      )
    if self.absent_below is not None and not 0 <= self.absent_below <= 1:
      raise BadInput(
        f'absent_below is {self.absent_below}; it must be a probability'
      )
    if self.seed < 0:
      raise BadInput(f'seed is {self.seed}; it must not be negative')
    if self.mode == 'generate' and (self.beam_width, self.n_orders) != (1, 1):
      raise BadInput(
        'mode generate follows one path under one option order; use mode '
        'score for top_k, beam_width or n_orders above 1'
      )


def default_beam(top_k: int) -> int:
  """Searches to keep alive for the best `top_k` answers.

  Twice as many: a path that is behind early may lead to the better interval.
  """
  return 1 if top_k == 1 else min(2 * top_k, LIMITS['beam_width'])


def checked_queries(queries: str | Sequence[str], video_slot: str) -> list[str]:
  """The queries as a list.

  Args:
    queries: One sentence or several.
    video_slot: What marks the video in the prompt.

  Raises:
    BadInput: when there is none, or one cannot be asked.
  """
  queries = [queries] if isinstance(queries, str) else list(queries)
  if not queries:
    raise BadInput('there is no query; give at least one sentence')
  for query in queries:
    if not query.strip():
      raise BadInput('a query is empty; give a sentence to look for')
    try:
      query.encode()
    except UnicodeEncodeError as error:
      raise BadInput(
        f'the query {query[:60]!r} is not valid UTF-8; give it as Unicode text'
      ) from error
    if video_slot in query:
      raise BadInput(
        f'the query holds {video_slot}, which marks the place of the video in '
        'the prompt; leave it out'
      )
  return queries


def checked_score(score: float) -> float:
  """The score, if the weights make sense.

  Raises:
    BadInput: when it is not a number.
  """
  if not math.isfinite(score):
    raise BadInput(
      'the network computes NaN: its weights are damaged; convert or train '
      'the checkpoint again'
    )
  return score
