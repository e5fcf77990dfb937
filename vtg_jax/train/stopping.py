"""Ends a run between two steps when the system or the user asks for it."""

import signal
import threading


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
      signal.signal(number, handler)

  def _note(self, number: int, _) -> None:
    again = self.signal is not None
    self.signal = self.signal or signal.Signals(number).name
    if again and number == signal.SIGINT:
      raise KeyboardInterrupt
