"""A folder that one process at a time writes into."""

import os
from pathlib import Path

from vtg_jax.errors import BadInput

try:
  import fcntl
except ImportError:  # Windows, where nothing is locked
  fcntl = None


class FolderLock:
  """Holds a folder against other runs; a context.

  The system lets go of it when the process ends, however it ends, and no file
  is left over. Where a file system knows no locks, nothing is held.

  Args:
    folder: exists.

  Raises:
    BadInput: another run holds it.
  """

  def __init__(self, folder: Path | str):
    self._file: int | None = None
    if fcntl is None:
      return
    file = os.open(folder, os.O_RDONLY)
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      os.close(file)
      raise BadInput(
        f'another run is writing in {folder}; wait for its end, or choose '
        'another folder'
      ) from error
    except OSError:
      os.close(file)
    else:
      self._file = file

  def __enter__(self) -> 'FolderLock':
    return self

  def __exit__(self, *_) -> None:
    self.release()

  def release(self) -> None:
    """Lets others in; nothing happens the second time."""
    if self._file is not None:
      os.close(self._file)
      self._file = None
