"""Everything of a top-down search that is known before it runs.

    level 3   sparse   which of all windows, 100 a call      coarse
    level 2   sparse   which of those, 33 a call
    level 1   dense    when in the windows that are left     fine

    0 levels  one window over the whole video, frame by frame
    1 level   all dense windows

Deviates: the release has no top-down search; this is built from the paper's
description and the released passes.
Source: ReVisionLLM (arXiv 2411.14901) section 3.2.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Int

from vtg_jax.recursion import hits
from vtg_jax.recursion.cost import (
  FULL_SIZE,
  Cost,
  Prices,
  dense_cost,
  sparse_cost,
)
from vtg_jax.recursion.model import DENSE_LEVEL
from vtg_jax.recursion.quirks import CLEAN, Quirks
from vtg_jax.recursion.windows import (
  SparseCall,
  Windows,
  WindowSize,
  dense_windows,
  sparse_calls,
  sparse_windows,
  whole_video,
)

# A level above the last one that is named shows so many times more windows.
_GROWTH = 3
# A video has fewer windows than two to this.
_KEY_BITS = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseLevel:
  """A level that shows many windows a call, one token each.

  Attributes:
    n_segments: Tokens of a call, R.
    zooms: How often windows are repeated, pass by pass.
  """

  n_segments: int
  zooms: tuple[int, ...] = (4, 2, 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchConfig:
  """How to search.

  Attributes:
    size: Of a window.
    sparse_levels: From the finest, level 2, upwards.
    n_levels: Levels, the dense one included; None derives it from the length
      of the video.
    is_dense: Whether the search ends with the dense level; otherwise whole
      windows are its answers.
    margin: Windows beside a hit that are looked at, too.
    fall_back: Whether a level that finds nothing passes on what it was given;
      otherwise the search ends.
    top_k: Most moments to answer with.
    same_iou: A moment that overlaps a better one by this is not told; None
      tells all, as the paper does.
    dense_batches: Sizes that batches of dense windows are filled up to,
      ascending.
    shared_rows: Where several queries read them, a batch of the largest size
      has so many times more rows, which share its windows.
    sparse_batches: Of sparse calls.
    encode_batches: Of windows to encode.
    quirks: See `Quirks`.
  """

  size: WindowSize
  sparse_levels: tuple[SparseLevel, ...] = (
    SparseLevel(n_segments=33),
    SparseLevel(n_segments=100),
  )
  n_levels: int | None = None
  is_dense: bool = True
  margin: int = 1
  fall_back: bool = True
  top_k: int = 5
  same_iou: float | None = 0.5
  dense_batches: tuple[int, ...] = (2, 8)
  shared_rows: int = 4
  sparse_batches: tuple[int, ...] = (1, 4)
  encode_batches: tuple[int, ...] = (4, 32)
  quirks: Quirks = CLEAN

  def __post_init__(self):
    if self.n_levels is not None and self.n_levels < 0:
      raise ValueError(f'n_levels={self.n_levels} is negative; use 0 or more')
    if not self.is_dense and self.n_levels in (0, 1):
      raise ValueError(
        f'n_levels={self.n_levels} without the dense level leaves nothing; '
        'use 2 or more'
      )
    if not self.is_dense and not self.sparse_levels:
      raise ValueError('a search needs a sparse level or the dense one')
    for name in ('dense_batches', 'sparse_batches', 'encode_batches'):
      sizes = getattr(self, name)
      if not sizes or list(sizes) != sorted(set(sizes)) or sizes[0] < 1:
        raise ValueError(f'{name}={sizes} must ascend from 1 or more')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
  """A sparse level with its number, as the search comes to it."""

  number: int
  level: SparseLevel


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quote:
  """What a search will cost.

  Attributes:
    one_event: Where one call a pass shows all windows of a short event and
      finds it, and no other finds anything. A few more dense windows are read
      where two calls share the event's windows out.
    most: Where every level finds so much, or so little, that all windows go
      on to the next one.
    prices: By which it is counted.
  """

  one_event: Cost
  most: Cost
  prices: Prices = FULL_SIZE

  def __str__(self) -> str:
    """'46 to 186 calls, 750 to 14250 frames read one by one, ...'."""

    def span(least: float, most: float) -> str:
      told = [f'{x:,.0f}' if x >= 10 else f'{x:.2g}' for x in (least, most)]
      return ' to '.join(dict.fromkeys(told))

    few, all_ = self.one_event, self.most
    tflop = span(few.tflop(self.prices), all_.tflop(self.prices))
    return (
      f'{span(few.sequences, all_.sequences)} calls of the language model, '
      f'{span(few.frames, all_.frames)} frames read one by one, {tflop} TFLOP'
    )


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SearchPlan:
  """The windows of one video and how levels lead to one another.

  Attributes:
    config: How to search.
    n_features: Feature frames of the video.
    steps: The sparse levels from the coarsest to the finest.
    sparse: Windows of all sparse levels.
    dense: Windows of the dense level; the whole video where there are no
      levels.
    dense_at_start: The dense window in whose middle a sparse one starts.
    dense_at_end: The dense window in whose middle a sparse one ends.
  """

  config: SearchConfig
  n_features: int
  steps: tuple[Step, ...]
  sparse: Windows
  dense: Windows
  dense_at_start: Int[np.ndarray, ' W']
  dense_at_end: Int[np.ndarray, ' W']

  @property
  def duration_s(self) -> float:
    """Of the video, as far as its features tell."""
    return self.n_features / self.config.size.fps

  def calls(self, windows: Iterable[int], step: Step) -> list[SparseCall]:
    """The calls that ask about some sparse windows, in the order of time."""
    return sparse_calls(
      sorted(windows), step.level.n_segments, step.level.zooms,
      self.config.quirks,
    )  # fmt: skip

  def runs_named(self, call: SparseCall, answer: str) -> list[tuple[int, int]]:
    """First and last of the windows that an answer names, run by run.

    Windows 5, 20 and 21 are two runs: (5, 5) and (20, 21).
    """
    # Places count among the windows of the call alone.
    places = hits.hit_places(
      dataclasses.replace(call, start=0),
      answer,
      n_windows=len(call.windows),
      quirks=self.config.quirks,
    )
    runs: list[tuple[int, int]] = []
    for window in (call.windows[place] for place in places):
      if runs and window == runs[-1][1] + 1:
        runs[-1] = runs[-1][0], window
      else:
        runs.append((window, window))
    return runs

  def beside(self, first: int, last: int) -> range:
    """A run of windows with the margin on both sides."""
    margin = self.config.margin
    return range(
      max(0, first - margin), min(len(self.sparse), last + margin + 1)
    )

  def common_rows(self, first: int, last: int) -> tuple[int, int]:
    """The windows at which what a run has in common starts and ends.

        0  |-----------|
        1      |-----------|         common to 0..2: from the start of 2
        2          |-----------|     to the end of 0

    A run too long to have anything in common starts and ends itself.
    """
    if self.sparse.first[last] < self.sparse.last[first]:
      return last, first
    return first, last

  def dense_under(self, first: int, last: int) -> range:
    """The dense windows to read where a run of sparse ones is hit."""
    start, end = self.common_rows(first, last)
    start = max(0, start - self.config.margin)
    end = min(len(self.sparse) - 1, end + self.config.margin)
    return range(
      int(self.dense_at_start[start]), int(self.dense_at_end[end]) + 1
    )

  def run_s(self, first: int, last: int) -> tuple[float, float]:
    """What a run of windows has in common, seconds."""
    start, end = self.common_rows(first, last)
    return float(self.sparse.start_s[start]), float(self.sparse.end_s[end])

  def quote(self, prices: Prices = FULL_SIZE) -> Quote:
    """What the search will cost, told before it runs."""
    n_windows, n_frames = len(self.sparse), self.config.size.n_frames
    one_event, most = Cost(), Cost()
    for i, step in enumerate(self.steps):
      everywhere = self.calls(range(n_windows), step)
      most += sparse_cost(everywhere, prices, cached=True).filled(
        step.level.n_segments, prices
      )
      asked = self._event_windows() if i else range(n_windows)
      one_event += sparse_cost(self.calls(asked, step), prices)
    encodings = n_windows if self.steps else 0
    if self.config.is_dense:
      most += dense_cost(len(self.dense), n_frames, prices)
      n_read = self._event_dense() if self.steps else len(self.dense)
      one_event += dense_cost(n_read, n_frames, prices)
    return Quote(
      one_event=dataclasses.replace(one_event, encodings=encodings),
      most=dataclasses.replace(most, encodings=encodings),
      prices=prices,
    )

  def frames_of_share(self, share: float) -> int:
    """Frames to read for a share of the dense windows, whole windows alone.

    A budget of these looks closely at so much and no more.
    """
    return math.floor(share * len(self.dense)) * self.config.size.n_frames

  def cost_below(self, number: int, prices: Prices) -> Cost:
    """What following one hit down from a level costs."""
    cost = Cost()
    for step in self.steps:
      if step.number < number:
        cost += sparse_cost(self.calls(self._event_windows(), step), prices)
    if self.config.is_dense:
      n_frames = self.config.size.n_frames
      cost += dense_cost(self._event_dense(), n_frames, prices)
    return dataclasses.replace(cost, encodings=0)

  def _event_run(self) -> tuple[int, int]:
    """The windows that hold one short event, in the middle of the video."""
    one_place = self.config.quirks.first_place_only
    n_named = 1 if one_place else self.config.size.sparse_strides
    n_windows = len(self.sparse)
    first = max(0, (n_windows - n_named) // 2)
    return first, min(n_windows, first + n_named) - 1

  def _event_windows(self) -> range:
    return self.beside(*self._event_run())

  def _event_dense(self) -> int:
    return len(self.dense_under(*self._event_run()))


def plan_search(n_features: int, config: SearchConfig) -> SearchPlan:
  """Plans the search of a video.

  Args:
    n_features: Feature frames of the video, at least 1.
    config: How to search.

  Raises:
    ValueError: there are no frames.
  """
  if n_features < 1:
    raise ValueError(f'{n_features=}; a search needs a frame to look at')
  size, quirks = config.size, config.quirks
  sparse = sparse_windows(n_features, size, quirks)
  dense = dense_windows(n_features, size, quirks)
  n_levels = config.n_levels
  if n_levels is None:
    n_levels = levels_for(len(dense), len(sparse), config)
  if n_levels == 0 or not len(dense):
    dense, n_levels = whole_video(n_features, size), 0
  levels = _ladder(config, max(0, n_levels - 1))
  steps = tuple(
    Step(number=DENSE_LEVEL + 1 + i, level=level)
    for i, level in enumerate(levels)
  )
  inner_s = [high_s for _, high_s in hits.middle_edges(dense)[:-1]]
  return SearchPlan(
    config=config,
    n_features=n_features,
    steps=steps[::-1],
    sparse=sparse,
    dense=dense,
    dense_at_start=np.searchsorted(inner_s, sparse.start_s, side='right'),
    dense_at_end=np.searchsorted(inner_s, sparse.end_s, side='left'),
  )


def levels_for(n_dense: int, n_sparse: int, config: SearchConfig) -> int:
  """The number of levels that suits a video's length.

  As many sparse levels as it takes for one call to show all windows, of those
  there are; none where a hit would select all dense windows anyhow.
  """
  if config.is_dense and n_dense <= 2 * config.margin + 2:
    return 1
  n_sparse_levels = 0
  for level in config.sparse_levels:
    n_sparse_levels += 1
    if n_sparse <= level.n_segments:
      break
  return DENSE_LEVEL + n_sparse_levels


def _ladder(config: SearchConfig, n: int) -> Sequence[SparseLevel]:
  """The n finest sparse levels; more than there are grow on."""
  levels = list(config.sparse_levels[:n])
  while len(levels) < n:
    last = levels[-1] if levels else SparseLevel(n_segments=11)
    levels.append(
      dataclasses.replace(last, n_segments=last.n_segments * _GROWTH)
    )
  return levels


def spread_key(window: int) -> int:
  """Sorts windows so that any few of the first are all over the video.

  Its bits turned around: 0, 4, 2, 6, 1, 5, 3, 7 of eight windows.
  """
  return int(f'{window:0{_KEY_BITS}b}'[::-1], 2)


def share_covered(frames: Iterable[tuple[int, int]], n_features: int) -> float:
  """Share of a video's frames that some stretches cover together, 0..1.

  Args:
    frames: First and last frame of each, both included.
    n_features: Of the video.
  """
  covered, until = 0, 0
  for first, last in sorted(frames):
    covered += max(0, last + 1 - max(first, until))
    until = max(until, last + 1)
  return covered / n_features
