"""A run's answers on disk: one JSON line a sample, written as they come.

FOLDER/
  settings.json  what was run: a rerun with other settings is refused
  samples.jsonl  one line a sample, in the order answered
  summary.json   the scores, written whole at the end
"""

import contextlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.folder_lock import FolderLock

SETTINGS, SAMPLES, SUMMARY = 'settings.json', 'samples.jsonl', 'summary.json'


class Records:
  """The samples of one run; those of an earlier, cut-off one are kept.

  Attributes:
    folder: where they are.
    done: sample number -> its line.
  """

  def __init__(self, folder: str | os.PathLike, settings: Mapping[str, Any]):
    """Opens a folder, new or of an earlier run of the same settings.

    Args:
      folder: is created where it does not exist.
      settings: everything that decides the answers, of JSON types.

    Raises:
      BadInput: the folder holds another run's samples or a damaged line, is
        being written by another run, or cannot be made.
    """
    self.folder = Path(folder)
    settings = json.loads(json.dumps(settings))
    try:
      self.folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
      raise BadInput(f'{folder} is a file; name a folder') from error
    self._path = self.folder / SAMPLES
    self.done: dict[int, dict[str, Any]] = {}
    self._lock = FolderLock(self.folder)
    try:
      if self._path.exists() and self._path.stat().st_size:
        _check_same(self.folder, settings)
        self._read()
      else:
        write_whole(self.folder / SETTINGS, as_json(settings))
      # Half a character, which JSON can write, is written as JSON has it.
      self._file = self._path.open(
        'a', encoding='utf-8', errors='backslashreplace'
      )
    except BaseException:
      self._lock.release()
      raise

  def append(self, record: Mapping[str, Any]) -> None:
    """Writes one sample's line, and keeps it in `done`."""
    line = json.dumps(without_nan(record), ensure_ascii=False, allow_nan=False)
    self._file.write(line + '\n')
    self._file.flush()
    self.done[record['sample']] = json.loads(line)

  def close(self) -> None:
    self._file.close()
    self._lock.release()

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.close()

  def _read(self) -> None:
    """Reads the lines; a last one that was cut off is taken away."""
    data = self._path.read_bytes()
    whole = data.rfind(b'\n') + 1
    if whole < len(data):
      os.truncate(self._path, whole)
    for number, line in enumerate(data[:whole].splitlines(), 1):
      try:
        record = json.loads(line)
        self.done[int(record['sample'])] = record
      except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
          f'line {number} of {self._path} is no sample; delete that line and '
          'run it again'
        ) from error


def write_whole(path: Path, text: str) -> None:
  """Gives a file its new contents at once, or leaves it as it was."""
  partial = path.with_name(f'.{path.name}.partial')
  try:
    with partial.open('w', encoding='utf-8') as file:
      file.write(text)
      file.flush()
      os.fsync(file.fileno())
    os.replace(partial, path)
  except BaseException:
    with contextlib.suppress(OSError):
      partial.unlink()
    raise


def as_json(document: Any) -> str:
  """Returns indented JSON; what is not a number becomes null."""
  text = json.dumps(
    without_nan(document), indent=1, ensure_ascii=False, allow_nan=False
  )
  # Half a character, which no file can hold, becomes JSON's escape for it.
  return text.encode('utf-8', 'backslashreplace').decode() + '\n'


def without_nan(value: Any) -> Any:
  """Returns plain JSON types with null for NaN, which JSON lacks."""
  if isinstance(value, Mapping):
    return {str(key): without_nan(one) for key, one in value.items()}
  if isinstance(value, list | tuple):
    return [without_nan(one) for one in value]
  if isinstance(value, float):
    return value if math.isfinite(value) else None
  return value


def _check_same(folder: Path, settings: Mapping[str, Any]) -> None:
  """Raises BadInput naming what differs from the run in the folder."""
  file = folder / SETTINGS
  try:
    before = json.loads(file.read_text(encoding='utf-8'))
  except (OSError, ValueError) as error:
    raise BadInput(
      f'{folder} holds samples but no readable {SETTINGS}; use another folder'
    ) from error
  old, new = dict(_entries(before)), dict(_entries(settings))
  for name in sorted(old.keys() | new.keys()):
    if old.get(name) != new.get(name):
      raise BadInput(
        f'{folder} holds samples with {name} {old.get(name)!r}, not '
        f'{new.get(name)!r}; use another folder'
      )


def _entries(settings: Any, prefix: str = ''):
  """Yields dotted names and values."""
  if not isinstance(settings, Mapping):
    yield prefix.removesuffix('.'), settings
    return
  for name, value in settings.items():
    yield from _entries(value, f'{prefix}{name}.')
