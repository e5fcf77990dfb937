"""When a generated row is finished: it ends with one of the stop sequences.

One text such as '###' can be written with different ids, so a row may have
several stop sequences of different lengths.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int


def ends_with_any(
  ids: Sequence[int], stop_ids: Sequence[Sequence[int]]
) -> bool:
  """Whether a row of ids ends with any of the stop sequences.

  ends_with_any([1, 5, 7], [[5, 7], [3]]) is True. A row shorter than a
  sequence does not end with it.
  """
  return any(
    len(stop) <= len(ids) and list(ids[-len(stop) :]) == list(stop)
    for stop in stop_ids
  )


def ends_with_stop(
  ids: Int[Array, 'B T'],
  length: Int[Array, ''] | Int[Array, ' B'] | int,
  stop_ids: Sequence[Sequence[int]],
) -> Bool[Array, ' B']:
  """`ends_with_any` for the rows of a buffer, inside a compiled loop.

  Args:
    ids: Buffer of generated ids; what lies behind `length` is not looked at.
    length: How many ids the rows hold so far, one for all or one a row.
    stop_ids: Stop sequences, static; none empty.

  Returns:
    Whether the first `length` ids of each row end with a stop sequence.
  """
  n_rows, capacity = ids.shape
  length = jnp.broadcast_to(jnp.asarray(length), (n_rows,))
  ended = jnp.zeros(n_rows, bool)
  for stop in stop_ids:
    if len(stop) > capacity:
      continue
    places = length[:, None] - len(stop) + jnp.arange(len(stop))  # [B, stop]
    tail = jnp.take_along_axis(ids, jnp.maximum(places, 0), axis=1)
    same = (tail == np.asarray(stop)).all(axis=1)
    ended = ended | (same & (length >= len(stop)))
  return ended
