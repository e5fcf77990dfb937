"""What a search asks of a model, and what it gets for an answer.

A search knows windows by number; a model knows the video's features and the
query, about which it is asked all questions of one search.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from vtg_jax.recursion.scores import EntropyStats
from vtg_jax.recursion.windows import SparseCall, Windows

# The level that shows frames; those above it show windows.
DENSE_LEVEL = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reply:
  """One answer.

  Attributes:
    answer: In the time language of `moments.frame_answers`.
    entropy: How much in doubt its steps were.
  """

  answer: str
  entropy: EntropyStats


class Model(Protocol):
  """Answers one query about one video, a batch at a time.

  Rows may be repeated to fill a batch up; replies to these are not looked at.
  """

  def encode(
    self, frame_idx: Int[np.ndarray, 'B F']
  ) -> Float[np.ndarray, 'B D']:
    """One token for each window, in the light of the query."""
    ...

  def ask_sparse(
    self,
    level: int,
    tokens: Float[np.ndarray, 'B R D'],
    is_shown: Bool[np.ndarray, 'B R'],
  ) -> Sequence[Reply]:
    """In which of the windows shown the query is seen.

    Args:
      level: 2 for the finest sparse level, and so on upwards.
      tokens: Of the windows, from `encode`.
      is_shown: False for what only fills a sequence up, at its end.
    """
    ...

  def ask_dense(self, frame_idx: Int[np.ndarray, 'B F']) -> Sequence[Reply]:
    """During which frames of each window the query is seen."""
    ...


class TokenCache:
  """The tokens of windows, each encoded once for a query.

  Attributes:
    n_encoded: Windows encoded so far.
  """

  def __init__(self, model: Model, batch_sizes: Sequence[int] = ()):
    """Starts empty.

    Args:
      model: Bound to the query.
      batch_sizes: Sizes that batches are filled up to; see `batches`.
    """
    self.n_encoded = 0
    self._model, self._batch_sizes = model, batch_sizes
    self._tokens: dict[tuple[int, int], np.ndarray] = {}

  def tokens(
    self, windows: Windows, rows: Sequence[int]
  ) -> Float[np.ndarray, 'B D']:
    """Tokens of some windows, with repetitions as asked for.

    Args:
      windows: Of the video; windows with the same frames are one.
      rows: Which of them.
    """
    keys = [(int(windows.first[r]), int(windows.last[r])) for r in rows]
    missing = {
      key: row
      for key, row in zip(keys, rows, strict=True)
      if key not in self._tokens
    }
    for batch, size in batches(list(missing.items()), self._batch_sizes):
      frame_idx = windows.frame_idx([row for _, row in batch])
      made = np.asarray(self._model.encode(filled(frame_idx, size)))
      for (key, _), token in zip(batch, made, strict=False):
        self._tokens[key] = token
    self.n_encoded += len(missing)
    return np.stack([self._tokens[key] for key in keys])


def ask_calls(
  model: Model,
  cache: TokenCache,
  windows: Windows,
  level: int,
  calls: Sequence[SparseCall],
  *,
  n_calls: int,
  n_tokens: int,
) -> list[Reply]:
  """Answers to a batch of sparse calls.

  Args:
    model: Bound to the video and the query.
    cache: Of the windows' tokens.
    windows: Those that the calls number.
    level: Of the recursion.
    calls: At least one.
    n_calls: What the batch is filled up to.
    n_tokens: What each sequence is filled up to.
  """
  shown = [call.shown for call in calls]
  encoded = cache.tokens(windows, [row for one in shown for row in one])
  tokens = np.zeros((len(calls), n_tokens, encoded.shape[1]), encoded.dtype)
  is_shown = np.zeros((len(calls), n_tokens), bool)
  place = 0
  for i, one in enumerate(shown):
    tokens[i, : len(one)] = encoded[place : place + len(one)]
    is_shown[i, : len(one)] = True
    place += len(one)
  replies = model.ask_sparse(
    level, filled(tokens, n_calls), filled(is_shown, n_calls)
  )
  return list(replies[: len(calls)])


def batches(rows: Sequence, sizes: Sequence[int]):
  """Cuts rows into batches, each with the size it is to be filled up to.

  batches('abcdefgh', (2, 4))  ->  'abcd' 4, 'efgh' 4
  batches('abcde', (2, 4))     ->  'abcd' 4, 'e' 2

  Args:
    rows: What is to be asked about.
    sizes: Ascending; without any, all rows are one batch.
  """
  rows = list(rows)
  most = sizes[-1] if sizes else max(1, len(rows))
  for start in range(0, len(rows), most):
    batch = rows[start : start + most]
    size = next((size for size in sizes if size >= len(batch)), len(batch))
    yield batch, size


def filled(rows: np.ndarray, size: int) -> np.ndarray:
  """A batch with its first row repeated up to a size."""
  missing = size - len(rows)
  if missing <= 0:
    return rows
  return np.concatenate([rows, np.repeat(rows[:1], missing, axis=0)])
