"""JSON in a checkpoint, a file for each process, with a checksum."""

import dataclasses
import json
import zlib
from typing import Any

import jax
import orbax.checkpoint as ocp

from vtg_jax.errors import BadInput


class ProcessJson(ocp.CheckpointHandler):
  """JSON that differs from process to process, a file each."""

  def save(self, directory, args: 'ProcessJsonSave') -> None:
    text = json.dumps(args.value)
    checked = json.dumps({'crc32': zlib.crc32(text.encode()), 'json': text})
    (directory / _process_file()).write_text(checked)

  def restore(self, directory, args: 'ProcessJsonRestore') -> Any:
    """Returns this process's value.

    Where the number of processes changed, the value that all of them had.

    Raises:
      BadInput: the number of processes changed and the values differ.
    """
    del args
    file = directory / _process_file()
    if file.exists():
      return _checked(file.read_text())
    values = [_checked(f.read_text()) for f in directory.glob('process_*.json')]
    if not values:
      raise FileNotFoundError(f'{directory} holds no process_*.json')
    if any(value != values[0] for value in values):
      raise BadInput(
        f'the run was saved by {len(values)} processes whose data stand at '
        f'different places, and now there are {jax.process_count()}; use '
        f'{len(values)}'
      )
    return values[0]


@ocp.args.register_with_handler(ProcessJson, for_save=True)
@dataclasses.dataclass
class ProcessJsonSave(ocp.args.CheckpointArgs):
  """What this process saves."""

  value: Any


@ocp.args.register_with_handler(ProcessJson, for_restore=True)
@dataclasses.dataclass
class ProcessJsonRestore(ocp.args.CheckpointArgs):
  """Asks for what this process saved."""


def _checked(text: str) -> Any:
  """The value that a file holds; ValueError when it was damaged."""
  file = json.loads(text)
  if zlib.crc32(file['json'].encode()) != file['crc32']:
    raise ValueError('its checksum is wrong')
  return json.loads(file['json'])


def _process_file() -> str:
  return f'process_{jax.process_index()}-of-{jax.process_count()}.json'
