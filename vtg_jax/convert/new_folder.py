"""Folders that appear whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from vtg_jax.errors import BadInput, is_disk_full


@contextlib.contextmanager
def new_folder(
  out: Path | str,
  *,
  n_bytes: int = 0,
  may_replace: Callable[[Path], bool] | None = None,
) -> Iterator[Path]:
  """Makes a folder beside `out` and gives it that name once it is complete.

  Whatever interrupts the block, what was written is removed and an older
  `out` stays as it was.

  Args:
    out: the folder to make; an empty one there is taken over.
    n_bytes: how much will be written, checked against the free space.
    may_replace: says whether a non-empty `out` may be replaced; None refuses.

  Yields:
    The folder to write into.

  Raises:
    BadInput: `out` is in the way, its parent is missing, or the disk is full.
  """
  out = Path(os.path.abspath(out))  # '.' has a name too
  _check_place(out, may_replace)
  free = shutil.disk_usage(out.parent).free
  if free < n_bytes:
    raise _disk_full(out, f'{n_bytes / 1e9:.1f} GB are needed')
  partial = Path(
    tempfile.mkdtemp(prefix=f'{out.name}.partial-', dir=out.parent)
  )
  try:
    partial.chmod(0o777 & ~_umask())
    yield partial
    _check_place(out, may_replace)  # something may have come there since
    _take_name(partial, out)
  except BaseException as error:
    shutil.rmtree(partial, ignore_errors=True)
    if is_disk_full(error):
      raise _disk_full(out, 'it filled up while writing') from error
    raise


def _check_place(out: Path, may_replace: Callable[[Path], bool] | None) -> None:
  if not out.parent.is_dir():
    raise BadInput(f'{out.parent} is not a folder; create it first')
  if not os.access(out.parent, os.W_OK):
    raise BadInput(f'{out.parent} is not writable; choose another place')
  if not out.exists() and not out.is_symlink():
    return
  if not out.is_dir() or out.is_symlink():
    raise BadInput(f'{out} is not a folder; choose another name')
  if not any(out.iterdir()):
    return
  if may_replace is None:
    raise BadInput(f'{out} is not empty; choose another name or remove it')
  if not may_replace(out):
    raise BadInput(
      f'{out} is not empty and holds something else than a checkpoint of '
      'ours, so it is not overwritten; choose another name'
    )


def _take_name(partial: Path, out: Path) -> None:
  """Renames `partial` to `out`, keeping an older `out` until it has."""
  if out.exists() and any(out.iterdir()):
    old = Path(tempfile.mkdtemp(prefix=f'{out.name}.old-', dir=out.parent))
    try:
      os.rename(out, old)
    except OSError:
      old.rmdir()
      raise
    try:
      os.rename(partial, out)
    except BaseException:
      os.rename(old, out)
      raise
    shutil.rmtree(old, ignore_errors=True)
  else:
    os.rename(partial, out)


def _umask() -> int:
  mask = os.umask(0)
  os.umask(mask)
  return mask


def _disk_full(out: Path, detail: str) -> BadInput:
  return BadInput(
    f'{out} cannot be written because the disk has no room ({detail}); free '
    'some space or choose another disk'
  )
