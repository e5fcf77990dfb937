"""Where samplers take their random numbers from."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

# What 'fixed' samplers draw again, at most, before an item is given up.
MOST_DRAWS = 100


class Unusable(Exception):
  """An item of which no sample can be made; another one takes its place."""


class Draws(Protocol):
  """The part of `random.Random` that samplers use, in the released order."""

  def randint(self, a: int, b: int, /) -> int:
    """A whole number from `a` to `b`, both included."""

  def randrange(self, stop: int, /) -> int:
    """A whole number from 0 to before `stop`."""

  def choice(self, seq: Sequence[Any], /) -> Any:
    """One of them."""

  def sample(self, population: Sequence[Any], k: int, /) -> list[Any]:
    """`k` different ones of them, in random order."""


class NumpyDraws:
  """The draws of a numpy generator."""

  def __init__(self, rng: np.random.Generator):
    self._rng = rng

  def randint(self, a: int, b: int) -> int:
    """A whole number from `a` to `b`; raises ValueError if there is none."""
    return int(self._rng.integers(a, b, endpoint=True))

  def randrange(self, stop: int) -> int:
    """A whole number from 0 to before `stop`."""
    return int(self._rng.integers(stop))

  def choice(self, seq: Sequence[Any]) -> Any:
    """One of them."""
    return seq[int(self._rng.integers(len(seq)))]

  def sample(self, population: Sequence[Any], k: int) -> list[Any]:
    """`k` different ones, in random order; raises ValueError for too few."""
    chosen = self._rng.choice(len(population), size=k, replace=False)
    return [population[int(i)] for i in chosen]
