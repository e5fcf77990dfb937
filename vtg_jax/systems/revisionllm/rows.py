"""Rows of ids with a video among them, laid out for the network.

Source: spec section 4.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from vtg_jax.llm.places import NOTHING, WORD
from vtg_jax.systems.revisionllm.prompt import IGNORE, PAD_ID, VIDEO_ID

SIDES = ('right', 'left')


class Rows(NamedTuple):
  """A batch of rows of one length.

  Attributes:
    input_ids: Words; `PAD_ID` elsewhere.
    places: See `llm.places`.
    attention_mask: True on words and visual rows.
    positions: From 0 up on what is real, 0 on padding.
    labels: `IGNORE` where nothing is learnt.
  """

  input_ids: Int[np.ndarray, 'B T']
  places: Int[np.ndarray, 'B T']
  attention_mask: Bool[np.ndarray, 'B T']
  positions: Int[np.ndarray, 'B T']
  labels: Int[np.ndarray, 'B T']


def lay_out(
  ids: Sequence[Sequence[int]],
  n_visual: int,
  labels: Sequence[Sequence[int]] | None = None,
  *,
  side: str = 'right',
  max_length: int | None = None,
  pad_to: int | None = None,
) -> Rows:
  """Puts `n_visual` visual rows in place of each row's `VIDEO_ID`.

  A row without one shows nothing of its video. For two visual rows:

      ids [1 5 -200 7]   places [-1 -1 0 1 -1]
          [1 6]                 [-1 -1 -2 -2 -2]

  Args:
    ids: Rows without padding, each with at most one `VIDEO_ID`.
    n_visual: Visual rows of each sample.
    labels: One an id; none is learnt when None.
    side: Of `SIDES`, where padding goes.
    max_length: What is beyond it is cut off; nothing when None.
    pad_to: Length of the rows; that of the longest when None.

  Raises:
    ValueError: a row shows two videos, or is longer than `pad_to`.
  """
  if side not in SIDES:
    raise ValueError(f'{side=} is not one of {SIDES}')
  if labels is None:
    labels = [[IGNORE] * len(row) for row in ids]
  rows = [
    _one(row, own, n_visual)[:max_length]
    for row, own in zip(ids, labels, strict=True)
  ]
  longest = max(map(len, rows))
  length = longest if pad_to is None else pad_to
  if longest > length:
    raise ValueError(f'a row of {longest} tokens exceeds {pad_to=}')
  padding = (PAD_ID, NOTHING, IGNORE)
  filled = np.array([[padding] * length] * len(rows), np.int32)
  mask = np.zeros(filled.shape[:2], bool)
  for i, row in enumerate(rows):
    at = length - len(row) if side == 'left' else 0
    filled[i, at : at + len(row)] = row
    mask[i, at : at + len(row)] = True
  positions = np.where(mask, np.cumsum(mask, axis=1) - 1, 0).astype(np.int32)
  input_ids, places, labelled = np.moveaxis(filled, -1, 0)
  return Rows(input_ids, places, mask, positions, labelled)


def _one(ids, labels, n_visual: int) -> np.ndarray:
  """(id, place, label) of each token of a row."""
  tokens = []
  for i, label in zip(ids, labels, strict=True):
    if i == VIDEO_ID:
      tokens += [(PAD_ID, place, IGNORE) for place in range(n_visual)]
    else:
      tokens.append((i, WORD, label))
  if list(ids).count(VIDEO_ID) > 1:
    raise ValueError('a row shows more than one video; give one a row')
  return np.array(tokens, np.int32).reshape(-1, 3)
