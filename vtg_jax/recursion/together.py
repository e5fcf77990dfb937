"""Searches that ask together: several queries about one video in one batch.

A search is a generator. It yields what it wants to ask next and is sent the
replies, so that whoever leads several may ask what they want at once:

    query 0   wants dense windows 3 4 5    \\     batch  0 1 | 0 1 | 0 1
    query 1   wants dense windows 3 4 5    /             3 3 | 4 4 | 5 5

A dense window is shown once to all queries of a batch that look at it.
"""

import dataclasses
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from vtg_jax.recursion.at_once import in_order
from vtg_jax.recursion.model import (
  DENSE_LEVEL,
  Model,
  Reply,
  TokenCache,
  batches,
  filled,
)
from vtg_jax.recursion.windows import SparseCall, Windows


class Panel(Protocol):
  """Answers several queries about one video; each row is about one of them.

  As `Model` otherwise: rows may be repeated to fill a batch up.
  """

  def encode(
    self, queries: Int[np.ndarray, ' B'], frame_idx: Int[np.ndarray, 'B F']
  ) -> Float[np.ndarray, 'B D']:
    """One token for each window, in the light of its query."""
    ...

  def ask_sparse(
    self,
    level: int,
    queries: Int[np.ndarray, ' B'],
    tokens: Float[np.ndarray, 'B R D'],
    is_shown: Bool[np.ndarray, 'B R'],
  ) -> Sequence[Reply]:
    """See `Model.ask_sparse`."""
    ...

  def ask_dense(
    self,
    queries: Int[np.ndarray, ' B'],
    frame_idx: Int[np.ndarray, 'W F'],
    window: Int[np.ndarray, ' B'],
  ) -> Sequence[Reply]:
    """During which frames of its window each query is seen.

    Args:
      queries: Of each row.
      frame_idx: Of windows, W <= B.
      window: Of each row, as a row of `frame_idx`.
    """
    ...


class OneQuery:
  """A model of one query as a panel."""

  def __init__(self, model: Model):
    self._model = model

  def encode(self, queries, frame_idx):
    return self._model.encode(frame_idx)

  def ask_sparse(self, level, queries, tokens, is_shown):
    return self._model.ask_sparse(level, tokens, is_shown)

  def ask_dense(self, queries, frame_idx, window):
    return self._model.ask_dense(frame_idx[window])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Wanted:
  """What a search wants to ask next, all on one level.

  Attributes:
    level: Of the recursion.
    windows: Of the video, on this level.
    rows: Sparse calls; on the dense level, windows by number.
    batches: Sizes that batches are filled up to; without any, all rows are
      one batch.
    encode_batches: Likewise, of windows that are encoded.
    n_tokens: What sparse sequences are filled up to; None leaves each as long
      as the first of its batch.
    is_filled: Whether batches are filled up at all.
    shared: A batch of the largest size may have so many times more rows, if
      several queries look at its dense windows.
  """

  level: int
  windows: Windows
  rows: Sequence[SparseCall] | Sequence[int]
  batches: tuple[int, ...] = ()
  encode_batches: tuple[int, ...] = ()
  n_tokens: int | None = None
  is_filled: bool = True
  shared: int = 1


class Answered(NamedTuple):
  """Replies to each row wanted, and the seconds that are due to them."""

  replies: list[Reply]
  seconds: float


Search = Generator[Wanted, Answered, Any]


def search_alone(
  model: Model,
  search: Search,
  cache: TokenCache,
  *,
  clock: Callable[[], float] = time.monotonic,
):
  """What a search of one query returns."""
  (result,) = search_together(OneQuery(model), [search], [cache], clock=clock)
  return result


def search_together(
  panel: Panel,
  searches: Sequence[Search],
  caches: Sequence[TokenCache],
  *,
  queries: Sequence[int] | None = None,
  clock: Callable[[], float] = time.monotonic,
  at_once: int = 1,
) -> list:
  """Leads searches of one video at once, level by level.

  Args:
    panel: Answers all of them.
    searches: One for each query; of plans of one kind.
    caches: Of each query's tokens.
    queries: Which of the panel's queries they are; all where None.
    clock: Seconds from any fixed point.
    at_once: Most batches that the panel is asked at the same time, by as many
      threads.

  Returns:
    What each search returns.
  """
  queries = range(len(searches)) if queries is None else queries
  wanted: dict[int, Wanted] = {}
  results: list = [None] * len(searches)

  def go_on(i: int, answered: Answered | None) -> None:
    try:
      wanted[i] = searches[i].send(answered)
    except StopIteration as end:
      wanted.pop(i, None)
      results[i] = end.value

  for i in range(len(searches)):
    go_on(i, None)
  while wanted:
    # The coarsest first: so the others come to where most rows are together.
    level = max(one.level for one in wanted.values())
    together = {i: one for i, one in wanted.items() if one.level == level}
    ask = _ask_dense if level == DENSE_LEVEL else _ask_sparse
    own: dict[int, dict[int, Reply]] = {i: {} for i in together}
    seconds = dict.fromkeys(together, 0.0)
    began_s = clock()
    for rows, replies in ask(panel, together, queries, caches, at_once):
      took_s, began_s = clock() - began_s, clock()
      for (i, place), reply in zip(rows, replies, strict=False):
        own[i][place] = reply
        seconds[i] += took_s / len(rows)
    for i, one in together.items():
      replies = [own[i][place] for place in range(len(one.rows))]
      go_on(i, Answered(replies, seconds[i]))
  return results


# A search by its number, and a place among the rows that it wants.
_Row = tuple[int, int]
_Replies = Iterator[tuple[list[_Row], Sequence[Reply]]]


def _ask_sparse(
  panel: Panel,
  together: Mapping[int, Wanted],
  queries: Sequence[int],
  caches: Sequence[TokenCache],
  at_once: int,
) -> _Replies:
  """Asks sparse calls batch by batch."""
  rows = [(i, place) for i, one in together.items() for place in _places(one)]
  kind = next(iter(together.values()))
  shown_rows = {
    i: [row for call in one.rows for row in call.windows]
    for i, one in together.items()
  }
  encode_missing(
    panel,
    kind.windows,
    shown_rows,
    queries,
    caches,
    kind.encode_batches,
    at_once=at_once,
  )
  cut = list(batches(rows, kind.batches))

  def arrays(batch, size):
    shown = [together[i].rows[place].shown for i, place in batch]
    owners = [i for i, _ in batch]
    n_tokens = len(shown[0]) if kind.n_tokens is None else kind.n_tokens
    known = [
      caches[i].tokens(kind.windows, windows)
      for i, windows in zip(owners, shown, strict=True)
    ]
    is_shown = np.zeros((len(batch), n_tokens), bool)
    tokens = np.zeros((*is_shown.shape, known[0].shape[1]), known[0].dtype)
    for row, own in enumerate(known):
      tokens[row, : len(own)] = own
      is_shown[row, : len(own)] = True
    size = size if kind.is_filled else 0
    about = np.array([queries[i] for i in owners])
    return kind.level, *(filled(x, size) for x in (about, tokens, is_shown))

  asked = (arrays(*one) for one in cut)
  replies = in_order(panel.ask_sparse, asked, at_once=at_once)
  yield from zip((batch for batch, _ in cut), replies, strict=True)


def encode_missing(
  panel: Panel,
  windows: Windows,
  rows: Mapping[int, Sequence[int]],
  queries: Sequence[int],
  caches: Sequence[TokenCache],
  sizes: Sequence[int],
  *,
  at_once: int = 1,
) -> None:
  """Encodes the windows that no cache has yet, those of all queries at once.

  Args:
    panel: Encodes them.
    windows: Of the video.
    rows: Search by its number -> those that it wants.
    queries: See `search_together`.
    caches: Of each search.
    sizes: See `Wanted.encode_batches`.
    at_once: See `search_together`.
  """
  missing = [
    (i, row)
    for i, own in rows.items()
    for row in caches[i].missing(windows, own)
  ]
  cut = list(batches(missing, sizes))

  def arrays(batch, size):
    frame_idx = windows.frame_idx([row for _, row in batch])
    about = np.array([queries[i] for i, _ in batch])
    return filled(about, size), filled(frame_idx, size)

  asked = (arrays(*one) for one in cut)
  made = in_order(panel.encode, asked, at_once=at_once)
  for (batch, _), tokens in zip(cut, made, strict=True):
    for (i, row), token in zip(batch, np.asarray(tokens), strict=False):
      caches[i].keep(windows, row, token)


def _ask_dense(
  panel: Panel,
  together: Mapping[int, Wanted],
  queries: Sequence[int],
  caches: Sequence[TokenCache],
  at_once: int,
) -> _Replies:
  """Reads dense windows batch by batch."""
  del caches
  kind = next(iter(together.values()))
  rows = [(i, place) for i, one in together.items() for place in _places(one)]
  windows = [int(together[i].rows[place]) for i, place in rows]
  shared = kind.shared if len(together) > 1 else 1
  cut = list(dense_batches(windows, kind.batches, shared=shared))

  def arrays(places, n_windows, n_rows):
    own = [windows[place] for place in places]
    shown = list(dict.fromkeys(own))
    window = np.array([shown.index(one) for one in own])
    about = np.array([queries[rows[place][0]] for place in places])
    if not kind.is_filled:
      n_windows = n_rows = 0
    return (
      filled(about, n_rows),
      filled(kind.windows.frame_idx(shown), n_windows),
      filled(window, n_rows),
    )

  asked = (arrays(*one) for one in cut)
  replies = in_order(panel.ask_dense, asked, at_once=at_once)
  for (places, _, _), own in zip(cut, replies, strict=True):
    yield [rows[place] for place in places], own


def _places(wanted: Wanted) -> range:
  return range(len(wanted.rows))


def dense_batches(
  windows: Sequence[int], sizes: Sequence[int], *, shared: int = 1
) -> Iterator[tuple[list[int], int, int]]:
  """Cuts rows that look at windows into batches of few shapes.

  dense_batches([3, 4, 3, 4, 5], (2,), shared=2)  ->  [0, 2, 1, 3] 2 4
                                                      [4]          2 2

  Args:
    windows: Of each row.
    sizes: Ascending, of windows and of rows; without any, all is one batch.
    shared: A batch of the largest size may have so many times more rows. Those
      that look at one window are then put together.

  Yields:
    Rows by number, the windows they are filled up to, and the rows.
  """
  if shared == 1:
    for batch, size in batches(range(len(windows)), sizes):
      yield batch, size, size
    return
  most = sizes[-1] if sizes else max(1, len(windows))
  order = sorted(range(len(windows)), key=lambda row: windows[row])
  while order:
    n, seen = 0, set()
    while n < len(order) and n < most * shared:
      seen.add(windows[order[n]])
      if len(seen) > most:
        break
      n += 1
    batch, order = order[:n], order[n:]
    size = next((size for size in sizes if size >= n), None)
    yield (batch, size, size) if size else (batch, most, most * shared)
