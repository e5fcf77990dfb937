"""How far a conversion is."""

from collections.abc import Callable

# Called with (name, bytes done, bytes in all) after each tensor.
Progress = Callable[[str, int, int], None]


class Teller:
  """Adds up bytes and passes them on."""

  def __init__(self, n_bytes: int, progress: Progress | None):
    self._total, self._done, self._progress = n_bytes, 0, progress

  def __call__(self, name: str, n_bytes: int) -> None:
    self._done += n_bytes
    if self._progress is not None:
      self._progress(name, self._done, self._total)
