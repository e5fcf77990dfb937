"""How a video is searched, as a user says it and as `recursion` knows it."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.recursion import quirks as search_quirks
from vtg_jax.recursion.quirks import Quirks
from vtg_jax.recursion.search_plan import SearchConfig, SparseLevel
from vtg_jax.recursion.search_result import Budget
from vtg_jax.recursion.windows import WindowSize
from vtg_jax.systems.checks import MODES, check_absent_below, check_known
from vtg_jax.systems.revisionllm.config import LevelConfig, ReVisionLlmConfig

TOP_DOWN, RELEASED, DENSE, SPARSE = 'top_down', 'released', 'dense', 'sparse'
# Top-down as one program; and without the language model.
COMPILED, LIKENESS = 'compiled', 'likeness'
SEARCHES = (TOP_DOWN, COMPILED, RELEASED, DENSE, SPARSE, LIKENESS)
# What moments are ranked by: how sure the language model is, alone or with how
# alike frames and sentence are.
RANKS = BOTH, CONFIDENCE = 'both', 'confidence'
MOST_ANSWERS = 64
MOST_LEVELS = 8
_ZOOMS = (4, 2, 1)


# What changes what a score is worth, and values that leave it as it is.
_USUAL = {
  'search': (TOP_DOWN, COMPILED),
  'levels': (None,),
  'mode': ('score',),
  'rank': (BOTH,),
  'quirks': ('clean',),
}


def other_scores(options: Mapping[str, Any]) -> list[str]:
  """Those of some options that make scores of a kind of their own."""
  return [name for name, x in options.items() if x not in _USUAL.get(name, [x])]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions:
  """Options of `ground`; see there.

  Raises:
    BadInput: one is out of range.
  """

  top_k: int = 1
  absent_below: float | None = None
  search: str = TOP_DOWN
  levels: int | None = None
  mode: str = 'score'
  rank: str = BOTH
  quirks: str = 'clean'
  budget: str | Mapping[str, float] | Budget | None = None
  seed: int = 0

  def __post_init__(self):
    check_absent_below(self.absent_below)
    check_known('search', self.search, SEARCHES)
    check_known('mode', self.mode, MODES)
    check_known('rank', self.rank, RANKS)
    check_known('quirks', self.quirks, tuple(search_quirks.PRESETS))
    if not 1 <= self.top_k <= MOST_ANSWERS:
      raise BadInput(
        f'top_k is {self.top_k}; it must be from 1 to {MOST_ANSWERS}'
      )
    if self.levels is not None:
      if self.search in (RELEASED, DENSE, LIKENESS):
        raise BadInput(
          f"search '{self.search}' has its own levels; leave out levels, or "
          f"use search '{TOP_DOWN}'"
        )
      least = 2 if self.search == SPARSE else 0
      if not least <= self.levels <= MOST_LEVELS:
        raise BadInput(
          f"levels is {self.levels}; search '{self.search}' has {least} to "
          f'{MOST_LEVELS}'
        )
    if self.seed < 0:
      raise BadInput(f'seed is {self.seed}; use 0 up')
    _ = self.limits
    if self.search in (RELEASED, LIKENESS) and self.budget:
      raise BadInput(
        f"search '{self.search}' looks at everything and keeps no budget; "
        'leave it out'
      )

    if self.search == COMPILED:
      self._check_compiled()

  def _check_compiled(self):
    for option, is_other, remedy in (
      ("mode 'generate'", self.mode != 'score', "mode 'score'"),
      ("quirks 'released'", self.is_released, "quirks 'clean'"),
      (
        'a budget of seconds',
        self.limits.seconds is not None,
        'one of calls or frames',
      ),
    ):
      if is_other:
        raise BadInput(
          f"search '{COMPILED}' cannot have {option}; use {remedy}, or search "
          f"'{TOP_DOWN}'"
        )

  @property
  def limits(self) -> Budget:
    """What may be spent on a query."""
    if isinstance(self.budget, Budget):
      return self.budget
    known = [field.name for field in dataclasses.fields(Budget)]
    given = self.budget or {}
    given = _numbers(given) if isinstance(given, str) else dict(given)
    if 'calls' in given:  # of the language model
      given.setdefault('sequences', given.pop('calls'))
    for name, value in given.items():
      check_known('budget of', name, known)
      if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f'a budget of {value!r} {name} is no number; give one')
      if not 0 <= value < math.inf:
        raise BadInput(f'a budget of {value} {name} is none; give 0 or more')
      if name != 'seconds' and value % 1:
        raise BadInput(f'a budget of {value} {name} is none; give whole ones')
      given[name] = value if name == 'seconds' else int(value)
    return Budget(**given)

  @property
  def is_released(self) -> bool:
    """Whether what the release does wrong is done, too."""
    return self.quirks == 'released'

  @property
  def has_own_score(self) -> bool:
    """Whether the search itself scores by the frames, so that no more counts.

    The released order does, as released, with the entropy besides.
    """
    if self.search == LIKENESS:
      return True
    return self.search == RELEASED and self.is_released

  @property
  def is_by_both(self) -> bool:
    """Whether moments are ranked by their frames, too, once all are found."""
    return self.rank == BOTH and not self.has_own_score

  @property
  def own_quirks(self) -> Quirks:
    return search_quirks.PRESETS[self.quirks]

  def search_config(self, config: ReVisionLlmConfig) -> SearchConfig:
    """The search that these options make of a network's levels.

    Raises:
      BadInput: the network has not got the levels.
    """
    sparse = sparse_levels(config)
    n_levels = self.levels
    if self.search == DENSE:
      n_levels = 1
    elif self.search == RELEASED:
      n_levels = 1 + len(sparse)
    if not sparse and (self.search == SPARSE or (n_levels or 0) > 1):
      raise BadInput(
        'this model has no sparse level, which shows many windows at once; '
        f"use search '{DENSE}'"
      )
    if self.search != SPARSE and not config.has_dense_level:
      raise BadInput(
        'this model has no dense level, which shows a window frame by frame; '
        f"use search '{SPARSE}'"
      )
    quirks = self.own_quirks
    try:
      return SearchConfig(
        size=WindowSize(
          window_s=config.window_s, n_frames=config.n_frames, fps=config.fps
        ),
        sparse_levels=tuple(
          SparseLevel(
            n_segments=level.n_windows,
            zooms=tuple(zoom for zoom in _ZOOMS if zoom <= level.n_windows),
          )
          for level in sparse
        ),
        n_levels=n_levels,
        is_dense=self.search != SPARSE,
        # What ranks higher by both may be far down by one.
        top_k=MOST_ANSWERS if self.is_by_both else self.top_k,
        same_iou=None if self.is_released else 0.5,
        dense_batches=(8,),
        sparse_batches=(8,),
        encode_batches=(32,),
        quirks=quirks,
      )
    except ValueError as error:
      raise BadInput(f'this search cannot be made: {error}') from error


def _numbers(text: str) -> dict[str, float]:
  """'frames=500,seconds=2.5' as numbers by name."""
  numbers = {}
  for entry in text.split(','):
    name, _, value = entry.partition('=')
    try:
      number = float(value)
    except ValueError:
      raise BadInput(
        f'the budget {text!r} is none; give it as frames=500,seconds=2.5'
      ) from None
    numbers[name.strip()] = number
  return numbers


def sparse_levels(config: ReVisionLlmConfig) -> list[LevelConfig]:
  """The levels of whole windows, the finest first."""
  levels = [level for level in config.levels if not level.is_dense]
  return sorted(levels, key=lambda level: level.n_windows)
