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
from vtg_jax.recursion.windows import Windows

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

  def __init__(self):
    """Starts empty."""
    self.n_encoded = 0
    self._tokens: dict[tuple[int, int], np.ndarray] = {}

  def missing(self, windows: Windows, rows: Sequence[int]) -> list[int]:
    """Those of some windows that are not here; with the same frames, one.

    Args:
      windows: Of the video.
      rows: Which of them.
    """
    keys = {_ends(windows, row): row for row in rows}
    return [row for key, row in keys.items() if key not in self._tokens]

  def keep(
    self, windows: Windows, row: int, token: Float[np.ndarray, ' D']
  ) -> None:
    """Puts the token of a window here."""
    self._tokens[_ends(windows, row)] = token
    self.n_encoded += 1

  def tokens(
    self, windows: Windows, rows: Sequence[int]
  ) -> Float[np.ndarray, 'B D']:
    """Tokens of windows that are here, with repetitions as asked for."""
    distinct, place = np.unique(rows, return_inverse=True)
    own = [self._tokens[_ends(windows, row)] for row in distinct]
    return np.stack(own)[place]


def _ends(windows: Windows, row: int) -> tuple[int, int]:
  return int(windows.first[row]), int(windows.last[row])


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
