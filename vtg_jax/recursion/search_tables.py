"""A plan as tables of one of a few sizes, for the compiled search."""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Int

from vtg_jax.recursion.cost import Prices
from vtg_jax.recursion.search_plan import SearchPlan, spread_key
from vtg_jax.recursion.windows import DENSE_STRIDES

# The smallest table of windows, and how much larger each next one is.
_LEAST_WINDOWS, _GROWTH = 16, 4
_NO_LIMIT = np.iinfo(np.int32).max


@dataclasses.dataclass(frozen=True, kw_only=True)
class LevelShape:
  """A sparse level's number, tokens of a call, zooms and calls of a batch."""

  number: int
  n_segments: int
  zooms: tuple[int, ...]
  batch: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchShape:
  """All that a compilation depends on.

  Attributes:
    levels: From the coarsest.
    n_sparse: Size W of the table of sparse windows.
    n_dense: Size D of that of dense ones.
    dense_batch: Dense windows of a batch; 0 leaves them out.
    margin: Windows beside a hit that are looked at, too.
    fall_back: See `SearchConfig`.
  """

  levels: tuple[LevelShape, ...]
  n_sparse: int
  n_dense: int
  dense_batch: int
  margin: int
  fall_back: bool


class SearchTables(NamedTuple):
  """A video's windows; rows beyond its own are not there.

  Attributes:
    is_sparse: Whether a sparse window is there.
    is_dense: Whether a dense window is.
    first: First feature frame of each sparse window.
    last: Last one, included.
    dense_at_start: See `SearchPlan`.
    dense_at_end: See `SearchPlan`.
    spread: Key of calls, and of dense windows, of equal priority.
    keep: Sequences that each level leaves to those below it.
    max_sequences: That may be asked in all.
    max_dense: Dense windows that may be read.
  """

  is_sparse: Bool[Array, ' W']
  is_dense: Bool[Array, ' D']
  first: Int[Array, ' W']
  last: Int[Array, ' W']
  dense_at_start: Int[Array, ' W']
  dense_at_end: Int[Array, ' W']
  spread: Int[Array, ' W']
  keep: Int[Array, ' L']
  max_sequences: Int[Array, '']
  max_dense: Int[Array, '']


def search_shape(plan: SearchPlan) -> SearchShape:
  """The smallest shape that a plan fits; few serve videos of any length."""
  config = plan.config
  W = _LEAST_WINDOWS
  while len(plan.sparse) > W:
    W *= _GROWTH
  return SearchShape(
    levels=tuple(
      LevelShape(
        number=step.number,
        n_segments=step.level.n_segments,
        zooms=step.level.zooms,
        batch=config.sparse_batches[-1],
      )
      for step in plan.steps
    ),
    n_sparse=W,
    n_dense=_dense_rows(W, config.size.sparse_strides),
    dense_batch=config.dense_batches[-1] if config.is_dense else 0,
    margin=config.margin,
    fall_back=config.fall_back,
  )


def _dense_rows(n_sparse: int, sparse_strides: int) -> int:
  """Dense windows that a video with so many sparse ones has at most."""
  return n_sparse * DENSE_STRIDES // sparse_strides + 4


def search_tables(
  plan: SearchPlan,
  shape: SearchShape,
  prices: Prices,
  *,
  max_sequences: int | None = None,
  max_frames: int | None = None,
) -> SearchTables:
  """A plan's tables on the host, at the size of a shape.

  Args:
    plan: Of the video.
    shape: From `search_shape`.
    prices: For what levels leave to those below.
    max_sequences: That may be asked; None sets no limit.
    max_frames: That may be read on the dense level; likewise.
  """
  n_frames = plan.config.size.n_frames
  keep = [
    plan.cost_below(level.number, prices).sequences for level in shape.levels
  ]

  def padded(values, size):
    table = np.zeros(size, np.int32)
    table[: len(values)] = values
    return table

  return SearchTables(
    is_sparse=np.arange(shape.n_sparse) < len(plan.sparse),
    is_dense=np.arange(shape.n_dense) < len(plan.dense),
    first=padded(plan.sparse.first, shape.n_sparse),
    last=padded(plan.sparse.last, shape.n_sparse),
    dense_at_start=padded(plan.dense_at_start, shape.n_sparse),
    dense_at_end=padded(plan.dense_at_end, shape.n_sparse),
    spread=np.array(
      [spread_key(row) for row in range(shape.n_sparse)], np.int32
    ),
    keep=np.array(keep, np.int32),
    max_sequences=np.int32(
      _NO_LIMIT if max_sequences is None else max_sequences
    ),
    max_dense=np.int32(
      _NO_LIMIT if max_frames is None else max_frames // n_frames
    ),
  )
