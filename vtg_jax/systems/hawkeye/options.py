"""What a user can choose about a search, checked."""

import dataclasses

from vtg_jax.errors import BadInput
from vtg_jax.systems.checks import (
  MODES,
  SAMPLINGS,
  check_absent_below,
  check_known,
)

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
    check_known('sampling', self.sampling, SAMPLINGS)
    check_known('mode', self.mode, MODES)
    check_limits(**{name: getattr(self, name) for name in LIMITS})
    if self.beam_width < self.top_k:
      raise BadInput(
        f'beam_width {self.beam_width} cannot hold top_k {self.top_k} answers; '
        'use at least as many'
      )
    check_absent_below(self.absent_below)
    if self.seed < 0:
      raise BadInput(f'seed is {self.seed}; it must not be negative')
    if self.mode == 'generate' and (self.beam_width, self.n_orders) != (1, 1):
      raise BadInput(
        'mode generate follows one path under one option order; use mode '
        'score for top_k, beam_width or n_orders above 1'
      )


def check_limits(**values: int) -> None:
  """Raises BadInput where an option is beyond its bound in LIMITS."""
  for name, value in values.items():
    if not 1 <= value <= LIMITS[name]:
      raise BadInput(f'{name} is {value}; it must be from 1 to {LIMITS[name]}')


def default_beam(top_k: int) -> int:
  """Searches to keep alive for the best `top_k` answers.

  Twice as many: a path that is behind early may lead to the better interval.
  """
  return 1 if top_k == 1 else min(2 * top_k, LIMITS['beam_width'])
