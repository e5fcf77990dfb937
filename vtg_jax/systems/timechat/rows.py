"""Rows of ids with a video among them, laid out for the network."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from vtg_jax.llm.places import WORD
from vtg_jax.systems.timechat.ids import PAD_ID

SIDES = ('right', 'left')


class Rows(NamedTuple):
  """A batch of rows of one length.

  Attributes:
    input_ids: Words; `PAD_ID` under the video and on padding, whose embedding
      the release has there.
    places: See `llm.places`.
    attention_mask: True on what is real.
    positions: From 0 up on what is real, 1 on padding before it.
  """

  input_ids: Int[np.ndarray, 'B T']
  places: Int[np.ndarray, 'B T']
  attention_mask: Bool[np.ndarray, 'B T']
  positions: Int[np.ndarray, 'B T']


def lay_out(
  ids: Sequence[Sequence[int]],
  video_id: int,
  *,
  side: str = 'right',
  pad_to: int | None = None,
) -> Rows:
  """Puts the video's tokens where rows hold `video_id`, in their order.

  With 200 for a token of the video:

      ids [1 5 200 200 7]   places [-1 -1  0  1 -1]
          [1 200 8]                [-1  0 -1 -1 -1]

  Args:
    ids: Rows without padding.
    video_id: Stands for a token of the video.
    side: Of `SIDES`, where padding goes.
    pad_to: Length of the rows; that of the longest when None.

  Raises:
    ValueError: a row is longer than `pad_to`, or `side` is unknown.
  """
  if side not in SIDES:
    raise ValueError(f'{side=} is not one of {SIDES}')
  longest = max(map(len, ids))
  length = longest if pad_to is None else pad_to
  if longest > length:
    raise ValueError(f'a row of {longest} tokens exceeds {pad_to=}')
  input_ids = np.full((len(ids), length), PAD_ID, np.int32)
  mask = np.zeros(input_ids.shape, bool)
  for i, row in enumerate(ids):
    at = length - len(row) if side == 'left' else 0
    input_ids[i, at : at + len(row)] = row
    mask[i, at : at + len(row)] = True
  is_video = mask & (input_ids == video_id)
  places = np.where(is_video, np.cumsum(is_video, axis=1) - 1, WORD)
  positions = np.cumsum(mask, axis=1) - 1
  if side == 'left':
    positions = np.where(mask, positions, 1)
  return Rows(
    np.where(is_video, PAD_ID, input_ids),
    places.astype(np.int32),
    mask,
    positions.astype(np.int32),
  )
