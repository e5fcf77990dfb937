"""The top-down search as one compiled program over tables of windows.

Windows are numbers; seconds and text stay on the host. What is asked about is
a priority for each window, -inf where it is not; a level turns it into calls,
asks them batch by batch, and leaves the priorities of the next one:

    priority    [0 0 0 0 0 0 0 0]            all windows
    calls       0 0 1 1 2 2 3 3 | 4 4 ...    tokens of windows, a row a call
    answers     tokens 2 to 3                names window 1
    priority    [c c c - - - - -]            it and those beside it

It asks traced callables, so that a model and an oracle drive the same search;
the answers are those of `top_down`, which leads from call to call on the host.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.recursion.search_tables import (
  LevelShape,
  SearchShape,
  SearchTables,
)
from vtg_jax.recursion.table_ops import best_over, ordered, runs


class Named(NamedTuple):
  """Answers of a batch.

  Attributes:
    first: First token or frame that each names.
    last: Last one, included.
    is_found: Whether it names any.
    confidence: Of the answer.
  """

  first: Int[Array, ' C']
  last: Int[Array, ' C']
  is_found: Bool[Array, ' C']
  confidence: Float[Array, ' C']


# (level, window of each token [C R], whether it is shown [C R]) -> Named.
AskSparse = Callable[[int, Array, Array], Named]
# (dense window [C], whether it is asked about [C]) -> Named, in frames.
AskDense = Callable[[Array, Array], Named]


class Hits(NamedTuple):
  """Runs of windows that a level's calls name, in the order asked.

  Attributes:
    first: First window of the run that each token belongs to.
    last: Last one, included.
    confidence: Of the answer; -inf for a token that it does not name.
  """

  first: Int[Array, 'K R']
  last: Int[Array, 'K R']
  confidence: Float[Array, 'K R']


class Progress(NamedTuple):
  """Where a search stands.

  Attributes:
    priority: Of the sparse windows to ask about next, -inf for the others.
    dense_priority: Of the dense windows to read.
    is_found: Whether any level has found anything.
    is_over: Whether the search ends above the dense level.
    is_whole: Whether no level was cut short.
    n_sequences: Asked so far.
    n_tokens: Visual tokens shown so far.
    hits: Of each level, from the coarsest.
    denied: Confidence of the surest answer that denies a sparse window.
    seen: Whether each sparse window was shown.
    read: Whether each dense window was read.
    answer: What was answered to it.
  """

  priority: Float[Array, ' W']
  dense_priority: Float[Array, ' D']
  is_found: Bool[Array, '']
  is_over: Bool[Array, '']
  is_whole: Bool[Array, '']
  n_sequences: Int[Array, '']
  n_tokens: Int[Array, '']
  hits: tuple[Hits, ...]
  denied: Float[Array, ' W']
  seen: Bool[Array, ' W']
  read: Bool[Array, ' D']
  answer: Named


class _Calls(NamedTuple):
  """The calls of a level, those to be asked first in front."""

  start: Int[Array, ' K']
  length: Int[Array, ' K']
  zoom: Int[Array, ' K']
  count: Int[Array, '']
  windows: Int[Array, ' W']


class _Level(NamedTuple):
  """A level under way; fields as in `Progress`."""

  n_asked: Int[Array, '']
  n_sequences: Int[Array, '']
  n_tokens: Int[Array, '']
  priority: Float[Array, ' W']
  dense_priority: Float[Array, ' D']
  denied: Float[Array, ' W']
  hits: Hits
  seen: Bool[Array, ' W']


def search_on_device(
  tables: SearchTables,
  shape: SearchShape,
  ask_sparse: AskSparse,
  ask_dense: AskDense,
) -> Progress:
  """The end of a search of a video for one query; to be traced.

  Args:
    tables: From `search_tables`.
    shape: Static.
    ask_sparse: See `AskSparse`; what it returns for calls that show nothing
      is not looked at.
    ask_dense: See `AskDense`; likewise.
  """
  progress = _start(tables, shape)
  for place, keep in enumerate(tables.keep):
    progress = jax.lax.cond(
      progress.is_over,
      lambda p, *_: p,
      lambda p, keep, place=place: _ask_level(
        p, tables, shape, place, keep, ask_sparse
      ),
      progress,
      keep,
    )
  if not shape.dense_batch:
    return progress
  if not shape.levels:
    everything = jnp.where(tables.is_dense, 0.0, -jnp.inf)
    progress = progress._replace(dense_priority=everything)
  return jax.lax.cond(
    progress.is_over,
    lambda p: p,
    lambda p: _read_dense(p, tables, shape, ask_dense),
    progress,
  )


def _start(tables: SearchTables, shape: SearchShape) -> Progress:
  D = shape.n_dense
  zero, no = jnp.zeros((), jnp.int32), jnp.zeros((), bool)
  return Progress(
    priority=jnp.where(tables.is_sparse, 0.0, -jnp.inf),
    dense_priority=jnp.full(D, -jnp.inf),
    is_found=no,
    is_over=no,
    is_whole=~no,
    n_sequences=zero,
    n_tokens=zero,
    hits=tuple(_no_hits(level, shape) for level in shape.levels),
    denied=jnp.zeros(shape.n_sparse),
    seen=jnp.zeros(shape.n_sparse, bool),
    read=jnp.zeros(D, bool),
    answer=Named(
      first=jnp.zeros(D, jnp.int32),
      last=jnp.zeros(D, jnp.int32),
      is_found=jnp.zeros(D, bool),
      confidence=jnp.zeros(D),
    ),
  )


def _no_hits(level: LevelShape, shape: SearchShape) -> Hits:
  n_calls = sum(
    _most_calls(level, zoom, shape.n_sparse) for zoom in level.zooms
  )
  none = jnp.zeros((n_calls, level.n_segments), jnp.int32)
  return Hits(none, none, jnp.full(none.shape, -jnp.inf))


def _ask_level(progress, tables, shape, place, keep, ask_sparse) -> Progress:
  """Asks about the windows that have a priority and gives new ones."""
  level = shape.levels[place]
  calls = _calls(progress.priority, tables.spread, level)
  budget = tables.max_sequences

  def allowed(state):
    left = budget - state.n_sequences
    once = jnp.where(state.n_asked == 0, jnp.minimum(left, 1), 0)
    return jnp.maximum(left - keep, once)

  def goes_on(state):
    calls_left = state.n_asked < calls.count
    may_ask = allowed(state) > 0
    return calls_left & may_ask

  def ask(state):
    places = state.n_asked + jnp.arange(level.batch)
    n_active = jnp.minimum(calls.count - state.n_asked, allowed(state))
    active = jnp.arange(level.batch) < n_active
    return _ask_batch(
      state, calls, places, active, tables, shape, level, ask_sparse
    )

  W, D = shape.n_sparse, shape.n_dense
  zero = jnp.zeros((), jnp.int32)
  done = jax.lax.while_loop(
    goes_on,
    ask,
    _Level(
      n_asked=zero,
      n_sequences=progress.n_sequences,
      n_tokens=progress.n_tokens,
      priority=jnp.full(W, -jnp.inf),
      dense_priority=jnp.full(D, -jnp.inf),
      denied=progress.denied,
      hits=progress.hits[place],
      seen=progress.seen,
    ),
  )
  latest = jnp.isfinite(done.priority).any()
  # What was asked in vain goes on: the least surely denied first.
  asked = jnp.isfinite(progress.priority)
  again = jnp.where(asked, -done.denied, -jnp.inf)
  again = jnp.where(progress.is_found, progress.priority, again)
  again_dense = jnp.where(
    progress.is_found, progress.dense_priority, _dense_of(again, tables, shape)
  )
  return progress._replace(
    priority=jnp.where(latest, done.priority, again),
    dense_priority=jnp.where(latest, done.dense_priority, again_dense),
    is_found=progress.is_found | latest,
    is_over=~latest & (not shape.fall_back),
    is_whole=progress.is_whole & (done.n_asked == calls.count),
    n_sequences=done.n_sequences,
    n_tokens=done.n_tokens,
    denied=done.denied,
    seen=done.seen,
    hits=(*progress.hits[:place], done.hits, *progress.hits[place + 1 :]),
  )


def _calls(
  priority: Float[Array, ' W'], spread: Int[Array, ' W'], level: LevelShape
) -> _Calls:
  """All calls of a level; passes that come to the same are there once.

  Chunks of a pass differ by one at most, and a window is repeated as often as
  fits; see `windows.sparse_calls`.
  """
  W = priority.shape[0]
  asked = jnp.isfinite(priority)
  n = asked.sum()
  (windows,) = jnp.nonzero(asked, size=W, fill_value=0)
  starts, lengths, valids, keys, seen = [], [], [], [], []
  for zoom in level.zooms:
    most = level.n_segments // zoom
    n_chunks = -(-n // most)
    i = jnp.arange(_most_calls(level, zoom, W))
    edge = n * jnp.arange(len(i) + 1) // jnp.maximum(n_chunks, 1)
    is_new = jnp.array([n_chunks != other for other in seen]).all()
    starts.append(edge[:-1])
    lengths.append(jnp.maximum(edge[1:] - edge[:-1], 1))
    valids.append((i < n_chunks) & is_new)
    keys.append(spread[: len(i)])
    seen.append(n_chunks)
  start, length, valid = map(jnp.concatenate, (starts, lengths, valids))
  repeats = level.n_segments // length
  place = jnp.arange(W)
  inside = (place >= start[:, None]) & (place < (start + length)[:, None])
  best = jnp.where(inside, priority[windows], -jnp.inf).max(axis=1)
  order = ordered(~valid, repeats, -best, jnp.concatenate(keys))
  # Batches may reach beyond the last call.
  order = jnp.concatenate([order, jnp.zeros(level.batch, order.dtype)])
  return _Calls(
    start=start[order],
    length=length[order],
    zoom=repeats[order],
    count=valid.sum(),
    windows=windows,
  )


def _most_calls(level: LevelShape, zoom: int, n_sparse: int) -> int:
  """Calls of a pass over all windows of a table."""
  return math.ceil(n_sparse / (level.n_segments // zoom))


def _ask_batch(
  state, calls, places, active, tables, shape, level, ask_sparse
) -> _Level:
  """Asks a batch of calls and notes the windows they name or deny."""
  token = jnp.arange(level.n_segments)
  start, length, zoom = (x[places, None] for x in calls[:3])
  is_shown = (token < length * zoom) & active[:, None]
  shown = calls.windows[jnp.where(is_shown, start + token // zoom, 0)]
  named = ask_sparse(level.number, shown, is_shown)
  n_tokens = is_shown.sum(axis=1)
  is_found = named.is_found & active & (named.first < n_tokens)
  last = jnp.maximum(named.first, jnp.minimum(named.last, n_tokens - 1))
  hit = (token >= named.first[:, None]) & (token <= last[:, None])
  hit &= is_found[:, None] & is_shown
  confidence = jnp.where(hit, named.confidence[:, None], -jnp.inf)
  first, last = runs(shown, hit)
  W, D = shape.n_sparse, shape.n_dense
  n_windows = tables.is_sparse.sum()
  low = jnp.maximum(first - shape.margin, 0)
  high = jnp.minimum(last + shape.margin, n_windows - 1)
  denies = active & ~is_found
  doubt = jnp.where(is_shown & denies[:, None], named.confidence[:, None], 0.0)
  # Places beyond the last call are dropped.
  row = jnp.where(active, places, len(state.hits.first))
  hits = Hits(first, last, confidence)
  return _Level(
    n_asked=state.n_asked + active.sum(),
    n_sequences=state.n_sequences + active.sum(),
    n_tokens=state.n_tokens + is_shown.sum(),
    priority=jnp.maximum(state.priority, best_over(low, high, confidence, W)),
    dense_priority=jnp.maximum(
      state.dense_priority,
      best_over(*_dense_range(first, last, tables, shape), confidence, D),
    ),
    denied=state.denied.at[shown].max(doubt),
    seen=state.seen.at[shown].max(is_shown),
    hits=jax.tree.map(
      lambda old, new: old.at[row].set(new, mode='drop'), state.hits, hits
    ),
  )


def _dense_range(first, last, tables, shape) -> tuple[Array, Array]:
  """The dense windows to read for runs; see `SearchPlan.dense_under`."""
  n = tables.is_sparse.sum()
  last = jnp.minimum(last, n - 1)
  shares = tables.first[last] < tables.last[first]
  start = jnp.where(shares, last, first) - shape.margin
  end = jnp.where(shares, first, last) + shape.margin
  return (
    tables.dense_at_start[jnp.maximum(start, 0)],
    tables.dense_at_end[jnp.minimum(end, n - 1)],
  )


def _dense_of(priority, tables, shape) -> Float[Array, ' D']:
  """Priorities of dense windows under sparse ones, each by itself."""
  window = jnp.arange(shape.n_sparse)
  low, high = _dense_range(window, window, tables, shape)
  return best_over(low, high, priority, shape.n_dense)


def _read_dense(progress, tables, shape, ask_dense) -> Progress:
  """Reads the dense windows that have a priority, batch by batch."""
  priority = progress.dense_priority
  is_asked = jnp.isfinite(priority) & tables.is_dense
  count = is_asked.sum()
  order = ordered(~is_asked, -priority, tables.spread[: shape.n_dense])
  order = jnp.concatenate([order, jnp.zeros(shape.dense_batch, order.dtype)])
  most = jnp.minimum(
    tables.max_sequences - progress.n_sequences, tables.max_dense
  )
  most = jnp.minimum(most, count)

  def goes_on(state):
    return state[0] < most

  def read(state):
    n_read, is_read, answer = state
    places = n_read + jnp.arange(shape.dense_batch)
    active = places < most
    windows = jnp.where(active, order[places], shape.n_dense)
    named = ask_dense(jnp.where(active, windows, 0), active)
    answer = jax.tree.map(
      lambda old, new: old.at[windows].set(new, mode='drop'), answer, named
    )
    is_read = is_read.at[windows].set(True, mode='drop')
    return n_read + active.sum(), is_read, answer

  n_read, is_read, answer = jax.lax.while_loop(
    goes_on, read, (jnp.zeros((), jnp.int32), progress.read, progress.answer)
  )
  return progress._replace(
    is_whole=progress.is_whole & (n_read == count),
    n_sequences=progress.n_sequences + n_read,
    read=is_read,
    answer=answer,
  )
