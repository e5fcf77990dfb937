"""Batches on the devices, one ahead of the step that needs it."""

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from vtg_jax.train.task import Batches


class Fed(NamedTuple):
  """One batch.

  Attributes:
    arrays: on the devices.
    state: where the data stand after this batch; belongs in the checkpoint of
      the step that learns from it.
    n_tokens: of this process.
    n_replaced: samples that could not be read so far and were replaced.
  """

  arrays: Mapping[str, jax.Array]
  state: Mapping[str, Any]
  n_tokens: int
  n_replaced: int


class Feed:
  """A thread that reads batches and sends them to the devices; a context.

  Args:
    batches: where the run stands.
    place: a batch -> the same on the devices.
    n_tokens: a batch -> how many tokens it holds.
  """

  def __init__(
    self,
    batches: Batches,
    *,
    place: Callable[[Mapping[str, np.ndarray]], Mapping[str, jax.Array]],
    n_tokens: Callable[[Mapping[str, np.ndarray]], int],
  ):
    self._batches, self._place, self._n_tokens = batches, place, n_tokens
    self._ready: queue.Queue[Fed | BaseException] = queue.Queue(maxsize=1)
    self._ended = threading.Event()
    self._thread = threading.Thread(
      target=self._read, name='batches', daemon=True
    )

  def __enter__(self) -> 'Feed':
    self._thread.start()
    return self

  def __exit__(self, kind, error, trace) -> None:
    self._ended.set()
    while self._thread.is_alive():
      try:
        self._ready.get_nowait()  # lets the thread see that it has ended
      except queue.Empty:
        self._thread.join(timeout=0.05)
      if kind is not None and issubclass(kind, KeyboardInterrupt):
        return  # a slow read is not waited for
    self._batches.close()

  def next(self) -> Fed:
    """Returns the next batch; raises what reading it raised."""
    fed = self._ready.get()
    if isinstance(fed, BaseException):
      raise fed
    return fed

  def _read(self) -> None:
    try:
      while not self._ended.is_set():
        batch = next(self._batches)
        fed = Fed(
          arrays=self._place(batch),
          state=self._batches.get_state(),
          n_tokens=self._n_tokens(batch),
          n_replaced=sum(self._batches.replaced.values()),
        )
        self._ready.put(fed)
    except BaseException as error:
      # A StopIteration would pass for the end of a loop elsewhere.
      ended = isinstance(error, StopIteration)
      self._ready.put(RuntimeError('the batches ended') if ended else error)
