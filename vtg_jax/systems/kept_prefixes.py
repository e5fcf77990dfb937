"""What is known of the videos asked about last, kept within a bound."""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import jax

# Of all that is kept: the keys and values of one video take 1.4 GB in the
# model with Phi-3.5, in bfloat16.
KEPT_BYTES = 4 * 2**30


class KeptPrefixes:
  """Arrays by video and purpose; those used longest ago are dropped first.

  What was made last is kept whatever its size. A video that nobody holds any
  more takes its arrays with it.

  Args:
    most_bytes: Of all that is kept.
  """

  def __init__(self, most_bytes: int = KEPT_BYTES):
    self._most_bytes = most_bytes
    self._kept: OrderedDict[tuple[weakref.ref, Hashable], Any] = OrderedDict()

  @property
  def n_bytes(self) -> int:
    """Of all arrays that are kept."""
    return sum(map(_n_bytes, self._kept.values()))

  def holds(self, video: Any, purpose: Hashable) -> bool:
    """Whether what was made of a video for a purpose is kept."""
    return (weakref.ref(video), purpose) in self._kept

  def get(self, video: Any, purpose: Hashable, make: Callable[[], Any]) -> Any:
    """What was made of a video for a purpose; made now if it is not kept.

    Args:
      video: Told apart by identity.
      purpose: What it is made for, and how.
      make: Makes a tree of arrays.
    """
    key = weakref.ref(video, self._forget), purpose
    if key in self._kept:
      self._kept.move_to_end(key)
      return self._kept[key]
    made = make()
    self._kept[key] = made
    while len(self._kept) > 1 and self.n_bytes > self._most_bytes:
      self._kept.popitem(last=False)
    return made

  def _forget(self, gone: weakref.ref) -> None:
    for key in [key for key in self._kept if key[0] is gone]:
      del self._kept[key]


def _n_bytes(tree) -> int:
  return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))
