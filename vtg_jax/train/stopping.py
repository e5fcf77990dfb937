"""Ends a run between two steps when the system or the user asks for it."""

import signal
import threading

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

# The later one decides where processes were asked for both.
_SIGNALS = (None, 'SIGINT', 'SIGTERM')


class StopRequest:
  """Notes SIGTERM and SIGINT instead of dying of them; a context.

  A second SIGINT raises KeyboardInterrupt where the program stands. Outside
  the main thread, where Python takes no signals, nothing is changed.

  Attributes:
    signal: name of the first one that came; None while there is none.
  """

  def __init__(self, names: tuple[str, ...] = ('SIGTERM', 'SIGINT')):
    self._names = names
    self._before = {}
    self.signal: str | None = None

  def __enter__(self) -> 'StopRequest':
    if threading.current_thread() is threading.main_thread():
      for name in self._names:
        number = getattr(signal, name)
        self._before[number] = signal.signal(number, self._note)
    return self

  def __exit__(self, *_) -> None:
    for number, handler in self._before.items():
      # None is one that was not made in Python, such as jax.distributed's.
      signal.signal(number, signal.SIG_DFL if handler is None else handler)

  def _note(self, number: int, _) -> None:
    again = self.signal is not None
    self.signal = self.signal or signal.Signals(number).name
    if again and number == signal.SIGINT:
      raise KeyboardInterrupt


class SharedStop:
  """What any process of a run was asked, known to all after the same step.

  A number from each device, of which all take the largest: a computation like
  any other, so that no process can take a step that another does not take. It
  is looked at a step later, when it is done anyway.
  """

  def __init__(self, mesh: Mesh):
    """Prepares the computation.

    Args:
      mesh: All devices of all processes.
    """
    self._shape = (mesh.devices.size,)
    self._sharding = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    whole = NamedSharding(mesh, PartitionSpec())
    self._largest = jax.jit(jnp.max, out_shardings=whole)
    self._asked: jax.Array | None = None

  def heard(self, name: str | None) -> str | None:
    """Tells the others, and returns what all knew when this was last called.

    Every process must call it after every step.

    Args:
      name: The signal that came to this process, if any.
    """
    own = np.full(1, _SIGNALS.index(name), np.int32)
    asked = jax.make_array_from_callback(
      self._shape, self._sharding, lambda _: own
    )
    before, self._asked = self._asked, self._largest(asked)
    return None if before is None else _SIGNALS[int(before)]
