"""What a data builder writes: a record as it goes, and a whole file at the end.

The record has a line a video, so that a run can end anywhere and go on. Its
first line says what the run was made with; a record is only continued by a run
that would write the same. What a run that was killed left of a line is dropped.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from vtg_jax.errors import BadInput


class Record:
  """A file of JSON lines, begun or continued; memory holds none of them.

  Attributes:
    path: the file.
  """

  def __init__(
    self, path: str | os.PathLike, made_with: Mapping[str, Any], *, kind: str
  ):
    """Opens the record, or begins it.

    Args:
      path: the file.
      kind: what the lines are, with the number of their form.
      made_with: dotted names and values of what the lines depend on.

    Raises:
      BadInput: the file is something else, was made with other values, or has
        a line that cannot be read.
    """
    self.path = os.fspath(path)
    self._kind = kind
    self._offsets: dict[str, int] = {}
    header = {'format': kind, **made_with}
    offset = 0
    for number, line in enumerate(self._whole_lines(), 1):
      entry = self._parse(number, line)
      if number == 1:
        self._check(entry, json.loads(json.dumps(header)))
      elif 'video' not in entry:
        raise BadInput(
          f'line {number} of {self.path} names no video; remove that line'
        )
      else:
        self._offsets[entry['video']] = offset
      offset += len(line)
    if not offset:
      self._write(header)

  def read(self, video: str) -> dict[str, Any] | None:
    """A video's line; None if it has none."""
    if video not in self._offsets:
      return None
    with open(self.path, 'rb') as file:
      file.seek(self._offsets[video])
      return json.loads(file.readline())

  def append(self, entry: Mapping[str, Any]) -> None:
    """Adds a video's line, on disk when this returns."""
    self._offsets[entry['video']] = self._write(entry)

  def _whole_lines(self) -> Iterator[bytes]:
    """The file's lines; what follows the last line end is cut off."""
    if not os.path.exists(self.path):
      return
    n_bytes = 0
    with open(self.path, 'rb') as file:
      for line in file:
        if line.endswith(b'\n'):
          n_bytes += len(line)
          yield line
        # A text that is no record is not ours to cut.
        elif n_bytes or self._is_beginning(line):
          os.truncate(self.path, n_bytes)
        else:
          raise BadInput(self._foreign())

  def _parse(self, number: int, line: bytes) -> dict[str, Any]:
    try:
      entry = json.loads(line)
    except ValueError:
      entry = None
    if number == 1 and (
      not isinstance(entry, dict) or entry.get('format') != self._kind
    ):
      raise BadInput(self._foreign())
    if not isinstance(entry, dict):
      raise BadInput(
        f'line {number} of {self.path} is damaged; remove that line'
      )
    return entry

  def _check(self, before: dict[str, Any], now: dict[str, Any]) -> None:
    changed = [
      f'{name}={before.get(name)!r}, not {now.get(name)!r}'
      for name in sorted({*before, *now})
      if before.get(name) != now.get(name)
    ]
    if changed:
      raise BadInput(
        f'{self.path} was made with {"; ".join(changed)}: use the same, write '
        'elsewhere, or remove it to begin anew'
      )

  def _foreign(self) -> str:
    return f'{self.path} is no record of such a run; write elsewhere'

  def _write(self, entry: Mapping[str, Any]) -> int:
    """Appends a line; where it begins."""
    line = json.dumps(entry, allow_nan=False).encode() + b'\n'
    with open(self.path, 'ab') as file:
      offset = file.tell()
      file.write(line)
      file.flush()
      os.fsync(file.fileno())
    return offset

  def _is_beginning(self, partial: bytes) -> bool:
    start = json.dumps({'format': self._kind}).encode()[:-1]
    return partial[: len(start)] == start[: len(partial)]


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
  """A file that gets its name only once it is complete."""
  handle, partial = tempfile.mkstemp(
    prefix=f'.{path.name}-', suffix='.part', dir=path.parent
  )
  try:
    with os.fdopen(handle, 'w', encoding='utf-8') as file:
      yield file
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(partial, 0o666 & ~mask)
    os.replace(partial, path)
  except BaseException:
    os.unlink(partial)
    raise
