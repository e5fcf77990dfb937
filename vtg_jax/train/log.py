"""Where a run's figures go: one JSON object a logged step, event files."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from vtg_jax.train.event_file import EventFile

# Where a run's JSON lines are.
FILE = 'log.jsonl'


class Log(Protocol):
  """Something that keeps the figures of logged steps."""

  def write(self, step: int, values: Mapping[str, float]) -> None:
    """Keeps one logged step."""

  def close(self) -> None:
    """Ends the log."""


class JsonLines:
  """A file with one JSON object a logged step, `step` first.

  {"step": 10, "loss": 3.2, "learning_rate": 1e-05}

  What is not finite is null: JSON has no word for it.

  Args:
    path: the file; it may hold what an interrupted run wrote.
    restored_step: the step the run goes on from. Lines after it are cut,
      and so is a last line that was not finished, so that every step stands
      there once.
  """

  def __init__(self, path: Path | str, *, restored_step: int = 0):
    self.path = Path(path)
    self.path.parent.mkdir(parents=True, exist_ok=True)
    _cut_after(self.path, restored_step)
    self._file = self.path.open('a', encoding='utf-8')

  def write(self, step: int, values: Mapping[str, float]) -> None:
    """Appends one line; the file is whole after each call."""
    finite = {
      name: value if math.isfinite(value) else None
      for name, value in values.items()
    }
    self._file.write(json.dumps({'step': step, **finite}) + '\n')
    self._file.flush()

  def close(self) -> None:
    self._file.close()


def read_json_lines(path: Path | str) -> list[dict]:
  """Returns the objects of a log.

  What a crash left is left out: a last line without its end, and lines that
  are none, such as the zeros that a power cut makes of one.
  """
  if not Path(path).is_file():
    return []
  lines = Path(path).read_bytes().split(b'\n')
  return [line for text in lines[:-1] if (line := _read_line(text))]


def _read_line(text: bytes) -> dict | None:
  try:
    line = json.loads(text)
  except (ValueError, RecursionError):
    return None
  is_line = isinstance(line, dict) and type(line.get('step')) is int
  return line if is_line else None


def _cut_after(path: Path, step: int) -> None:
  """Drops the lines after `step`; the older file stays until that is done."""
  lines = read_json_lines(path)
  kept = [line for line in lines if line['step'] <= step]
  partial = path.with_name(f'.{path.name}.partial')
  partial.write_text(
    ''.join(json.dumps(line) + '\n' for line in kept), encoding='utf-8'
  )
  os.replace(partial, path)


def open_logs(folder: Path | str, *, restored_step: int) -> tuple[Log, ...]:
  """Returns a run's logs: FOLDER/log.jsonl and FOLDER/tensorboard/."""
  return (
    JsonLines(Path(folder) / FILE, restored_step=restored_step),
    EventFile(Path(folder) / 'tensorboard', first_step=restored_step + 1),
  )
