"""The top-down search: look at many windows a little, then at few closely.

    all windows   ->  calls  ->  hits            level 3
    windows hit   ->  calls  ->  hits            level 2
    under hits    ->  dense windows  ->  spans   level 1

Where a level finds nothing, what it was given goes on. The host leads from
call to call, so that the search can end wherever its budget does.

Source: ReVisionLLM (arXiv 2411.14901) section 3.2; a reconstruction, see
`search_plan`.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

from vtg_jax.moments.moment import Moment
from vtg_jax.recursion import hits
from vtg_jax.recursion.cost import (
  FULL_SIZE,
  Cost,
  Prices,
  dense_cost,
  sparse_cost,
)
from vtg_jax.recursion.model import DENSE_LEVEL, Model, Reply, TokenCache
from vtg_jax.recursion.search_plan import (
  SearchPlan,
  Step,
  share_covered,
  spread_key,
)
from vtg_jax.recursion.search_result import (
  Budget,
  Examined,
  Hit,
  SearchResult,
)
from vtg_jax.recursion.together import Answered, Search, Wanted, search_alone
from vtg_jax.recursion.told_search import told_moments
from vtg_jax.recursion.windows import SparseCall


def search_top_down(
  model: Model,
  plan: SearchPlan,
  *,
  budget: Budget | None = None,
  prices: Prices = FULL_SIZE,
  cache: TokenCache | None = None,
  clock: Callable[[], float] = time.monotonic,
) -> SearchResult:
  """Searches a video for one query.

  A level that a budget cuts short leaves enough for following one hit down
  to the dense level, and passes its best hits on first.

  Args:
    model: Bound to the video and the query.
    plan: Of the video.
    budget: What may be spent; no limit, where None.
    prices: For counting prompt tokens.
    cache: Tokens of the same video and query from an earlier search.
    clock: Seconds from any fixed point.
  """
  if cache is None:
    cache = TokenCache()
  search = top_down_steps(
    plan, cache, budget=budget, prices=prices, clock=clock
  )
  return search_alone(model, search, cache, clock=clock)


def top_down_steps(
  plan: SearchPlan,
  cache: TokenCache,
  *,
  budget: Budget | None = None,
  prices: Prices = FULL_SIZE,
  clock: Callable[[], float] = time.monotonic,
) -> Search:
  """The same as a generator, to be led together with others.

  Returns:
    Yields what it wants to ask; returns a `SearchResult`. A budget of seconds
    counts those that others take, too: lead such a search alone.
  """
  config = plan.config
  search = _Search(plan, budget or Budget(), prices, cache, clock)
  found: list[Hit] = []
  asked: Mapping[int, float] = dict.fromkeys(range(len(plan.sparse)), 0.0)
  for step in plan.steps:
    latest = yield from search.ask_sparse(step, asked)
    if not (latest or config.fall_back):
      found = []
      break
    if latest:
      asked = _beside(plan, latest)
    elif not found:
      asked = search.least_denied(asked)
    found = latest or found
    if search.ends_here():
      break
  else:
    if config.is_dense:
      yield from search.ask_dense(_dense_order(plan, found, asked))
  return search.result(found)


class _Search:
  """One search under way: what was asked, found and spent."""

  def __init__(self, plan, budget, prices, cache, clock):
    self._plan, self._budget, self._prices = plan, budget, prices
    self._cache, self._clock = cache, clock
    self._start_s = clock()
    self._encoded_before = cache.n_encoded
    self._took_s: dict[int, float] = {}
    self._spent = Cost()
    self._is_whole = True
    self._examined: list[Examined] = []
    self._hits: list[Hit] = []
    self._moments: list[Moment] = []
    # Confidence of the surest answer that denies a window.
    self._denied: dict[int, float] = {}
    self._read: set[int] = set()

  def ends_here(self) -> bool:
    """Whether there is no time for anything more."""
    left_s = self._seconds_left()
    if left_s is None or left_s > 0:
      return False
    self._is_whole = False
    return True

  def ask_sparse(
    self, step: Step, asked: Mapping[int, float]
  ) -> Generator[Wanted, Answered, list[Hit]]:
    """Asks about windows on a level, those of high priority first.

    The pass with the most windows a call comes first: it has seen the whole
    video soonest.
    """
    level = step.number
    calls = sorted(
      self._plan.calls(asked, step),
      key=lambda call: (
        call.zoom,
        -max(asked[window] for window in call.windows),
        spread_key(call.number),
      ),
    )
    keep = self._plan.cost_below(level, self._prices)
    found: list[Hit] = []
    config = self._plan.config
    n_asked = 0
    while n_asked < len(calls):
      n_allowed = self._allowed(level, keep, is_first=not n_asked)
      batch = self._next(calls[n_asked:], n_allowed, config.sparse_batches)
      if not batch:
        self._is_whole = False
        break
      replies = yield from self._ask(
        Wanted(
          level=level,
          windows=self._plan.sparse,
          rows=batch,
          batches=config.sparse_batches,
          encode_batches=config.encode_batches,
          n_tokens=step.level.n_segments,
        )
      )
      n_asked += len(batch)
      self._spent += dataclasses.replace(
        sparse_cost(batch, self._prices), encodings=0
      )
      for call, reply in zip(batch, replies, strict=True):
        found += self._note(level, call, reply)
    self._hits += found
    return found

  def _note(self, level: int, call: SparseCall, reply: Reply) -> list[Hit]:
    self._examined.append(
      Examined(level=level, windows=call.windows, reply=reply)
    )
    confidence = reply.entropy.confidence
    runs = self._plan.runs_named(call, reply.answer)
    if not runs:
      for window in call.windows:
        doubt = self._denied.get(window, 0.0)
        self._denied[window] = max(doubt, confidence)
    return [
      Hit(level=level, first=first, last=last, confidence=confidence)
      for first, last in runs
    ]

  def _next(self, rows: Sequence, n: int | None, sizes: Sequence[int]) -> list:
    """The rows to ask about next: a batch where seconds are counted."""
    rows = list(rows[:n])
    return rows if self._budget.seconds is None else rows[: sizes[-1]]

  def _ask(
    self, wanted: Wanted
  ) -> Generator[Wanted, Answered, Sequence[Reply]]:
    began_s = self._clock()
    answered = yield wanted
    self._took_s[wanted.level] = self._clock() - began_s
    self._spent += Cost(seconds=answered.seconds)
    return answered.replies

  def ask_dense(
    self, order: Sequence[int]
  ) -> Generator[Wanted, Answered, None]:
    """Reads dense windows in an order."""
    plan = self._plan
    n_frames, sizes = plan.config.size.n_frames, plan.config.dense_batches
    n_asked = 0
    while n_asked < len(order):
      n_allowed = self._allowed(DENSE_LEVEL, Cost(), is_first=False)
      batch = self._next(order[n_asked:], n_allowed, sizes)
      if not batch:
        self._is_whole = False
        break
      replies = yield from self._ask(
        Wanted(
          level=DENSE_LEVEL,
          windows=plan.dense,
          rows=batch,
          batches=sizes,
          shared=plan.config.shared_rows,
        )
      )
      n_asked += len(batch)
      self._spent += dense_cost(len(batch), n_frames, self._prices)
      for window, reply in zip(batch, replies, strict=True):
        self._read_window(window, reply)

  def _read_window(self, window: int, reply: Reply) -> None:
    plan = self._plan
    n_frames = plan.config.size.n_frames
    self._read.add(window)
    self._examined.append(
      Examined(level=DENSE_LEVEL, windows=(window,), reply=reply)
    )
    span = hits.frame_span(
      reply.answer,
      n_frames=n_frames,
      n_video_frames=n_frames,
      quirks=plan.config.quirks,
    )
    if span is None or span[0] > min(span[1], n_frames):
      return
    self._moments.append(
      Moment(
        start_s=plan.dense.second_of(window, span[0]),
        end_s=plan.dense.second_of(window, min(span[1], n_frames)),
        score=reply.entropy.confidence,
      )
    )

  def least_denied(self, asked: Iterable[int]) -> dict[int, float]:
    """Windows that were asked about in vain: the least surely denied first."""
    return {window: -self._denied.get(window, 0.0) for window in asked}

  def _allowed(self, level: int, keep: Cost, *, is_first: bool) -> int | None:
    """Rows that may be asked about next; None for any number.

    Args:
      level: That asks.
      keep: What is left to the levels below.
      is_first: Whether the level has not asked anything yet: then it may ask
        once, whatever it leaves.
    """
    left_s = self._seconds_left()
    if left_s is not None and left_s <= self._took_s.get(level, 0.0):
      return 0
    limits = []
    if self._budget.sequences is not None:
      left = self._budget.sequences - self._spent.sequences
      limits.append(max(left - keep.sequences, min(left, int(is_first))))
    if self._budget.frames is not None and level == DENSE_LEVEL:
      left = self._budget.frames - self._spent.frames
      limits.append(left // self._plan.config.size.n_frames)
    return max(0, min(limits)) if limits else None

  def _seconds_left(self) -> float | None:
    if self._budget.seconds is None:
      return None
    return self._budget.seconds - (self._clock() - self._start_s)

  def result(self, found: Sequence[Hit]) -> SearchResult:
    """The answer, from what was read and, where it was not, from hits."""
    plan = self._plan
    dense = [
      (int(plan.dense.first[row]), int(plan.dense.last[row]))
      for row in self._read
    ]
    shown = {
      window
      for one in self._examined
      if one.level != DENSE_LEVEL
      for window in one.windows
    }
    sparse = [
      (int(plan.sparse.first[row]), int(plan.sparse.last[row])) for row in shown
    ]
    return SearchResult(
      moments=told_moments(plan, self._moments, found, self._read),
      looked_at=share_covered([*dense, *sparse], plan.n_features),
      read=share_covered(dense, plan.n_features),
      spent=dataclasses.replace(
        self._spent,
        encodings=self._cache.n_encoded - self._encoded_before,
      ),
      is_whole=self._is_whole,
      examined=tuple(self._examined),
      hits=tuple(self._hits),
    )


def _beside(plan: SearchPlan, found: Sequence[Hit]) -> dict[int, float]:
  """The windows of hits and beside them, with the best hit's confidence."""
  priorities: dict[int, float] = {}
  for hit in found:
    for window in plan.beside(hit.first, hit.last):
      best = priorities.get(window, -math.inf)
      priorities[window] = max(best, hit.confidence)
  return priorities


def _dense_order(
  plan: SearchPlan, found: Sequence[Hit], asked: Mapping[int, float]
) -> list[int]:
  """Dense windows to read: under hits, else under all windows asked about.

  Those of equal priority are read in an order that spreads over the video.
  """
  priorities: dict[int, float] = {}

  def add(windows: Iterable[int], priority: float) -> None:
    for window in windows:
      best = priorities.get(window, -math.inf)
      priorities[window] = max(best, priority)

  if not plan.steps:
    add(range(len(plan.dense)), 0.0)
  elif found:
    for hit in found:
      add(plan.dense_under(hit.first, hit.last), hit.confidence)
  else:
    for window, priority in asked.items():
      add(plan.dense_under(window, window), priority)
  return sorted(priorities, key=lambda row: (-priorities[row], spread_key(row)))
