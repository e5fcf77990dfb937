"""Batches of several loaders in turn: one kind of step, then another."""

import collections
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from input_pipeline.loader import Batches, Fault, Sample
from vtg_jax.errors import BadInput


class AlternatingBatches:
  """Batch i is of loader i modulo their number; see `loader.Batches`.

  Attributes:
    steps_per_epoch: batches until the first loader has gone through its data.
  """

  def __init__(self, parts: Sequence[Batches]):
    """Takes the loaders over.

    Args:
      parts: one or more.
    """
    self._parts, self._turn = tuple(parts), 0
    self.steps_per_epoch = len(parts) * parts[0].steps_per_epoch

  @property
  def replaced(self) -> collections.Counter[str]:
    """How many samples were replaced, by kind."""
    return sum((p.replaced for p in self._parts), collections.Counter())

  @property
  def first_faults(self) -> list[Fault]:
    """The first complaints of each loader."""
    return [fault for part in self._parts for fault in part.first_faults]

  def __iter__(self) -> Iterator[Sample]:
    return self

  def __next__(self) -> Sample:
    batch = next(self._parts[self._turn])
    self._turn = (self._turn + 1) % len(self._parts)
    return batch

  def get_state(self) -> dict[str, Any]:
    """Where all loaders stand, as JSON."""
    return {
      'turn': self._turn,
      'parts': [part.get_state() for part in self._parts],
    }

  def set_state(self, state: Mapping[str, Any]) -> None:
    """Goes on from a state.

    Raises:
      BadInput: the state belongs to other loaders.
    """
    states = state.get('parts', ())
    if len(states) != len(self._parts):
      raise BadInput(
        f'the saved place in the data is of {len(states)} loaders in turn and '
        f'this run has {len(self._parts)}; give the same data, or begin a new '
        'run'
      )
    for part, own in zip(self._parts, states, strict=True):
      part.set_state(own)
    self._turn = state['turn']

  def close(self) -> None:
    """Ends the loader processes; the next batch starts them again."""
    for part in self._parts:
      part.close()
