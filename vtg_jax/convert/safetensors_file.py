"""The safetensors format, read and written one tensor at a time.

Values are read with plain reads rather than through a memory map, so that
resident memory is the tensor in hand.

Source: https://huggingface.co/docs/safetensors (format).
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from vtg_jax.convert.tensor_file import DTYPES, TensorInfo
from vtg_jax.errors import BadInput

_MAX_HEADER_BYTES = 100_000_000  # the format's own limit
_METADATA = '__metadata__'


class _Malformed(Exception):
  """What is wrong with a header."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SafetensorsFile:
  """A safetensors file whose header has been read and checked.

  Attributes:
    path: the file.
    metadata: its `__metadata__` strings.
    tensors: header of every tensor, in the order of the bytes.
    starts: position of each tensor's first byte in the file.
    nesting: empty; the format has no tables of tables.
  """

  path: Path
  metadata: Mapping[str, str]
  tensors: Mapping[str, TensorInfo]
  starts: Mapping[str, int]
  nesting: Mapping[str, tuple[str, ...]] = dataclasses.field(
    default_factory=dict
  )

  @classmethod
  def open(cls, path: Path) -> 'SafetensorsFile':
    """Returns the file at `path`; raises BadInput if it is not whole."""
    try:
      header, data_start, n_data = _read_header(path)
      metadata = header.pop(_METADATA, {})
      if not isinstance(metadata, dict):
        raise _Malformed('its metadata is not a table')
      tensors, starts = _check_tensors(header, data_start, n_data)
    except (_Malformed, OSError) as error:
      reason = error.strerror if isinstance(error, OSError) else str(error)
      raise BadInput(
        f'{path} is not a whole safetensors file ({reason}); download or '
        'save it again'
      ) from error
    return cls(path=path, metadata=metadata, tensors=tensors, starts=starts)

  def read(self, key: str) -> np.ndarray:
    """Returns a fresh contiguous copy of one tensor."""
    info = self.tensors[key]
    array = np.empty(info.shape, DTYPES[info.dtype])
    target = memoryview(array.reshape(-1).view(np.uint8))
    with open(self.path, 'rb', buffering=0) as file:
      file.seek(self.starts[key])
      while target:
        n_read = file.readinto(target)
        if not n_read:
          raise BadInput(
            f'{self.path} ended inside {key}; it changed while being read, '
            'so run again when nothing writes to it'
          )
        target = target[n_read:]
    return array


def _read_header(path: Path) -> tuple[dict, int, int]:
  """Returns the header, where the data begins, and the bytes of data."""
  n_bytes = path.stat().st_size
  with open(path, 'rb') as file:
    first = file.read(8)
    n_header = int.from_bytes(first, 'little')
    if len(first) < 8:
      raise _Malformed(f'{n_bytes} bytes are too few')
    if n_header > _MAX_HEADER_BYTES or 8 + n_header > n_bytes:
      raise _Malformed(f'a header of {n_header} bytes in {n_bytes} bytes')
    text = file.read(n_header)
  try:
    header = json.loads(text, object_pairs_hook=_without_twins)
  except (ValueError, RecursionError) as error:
    raise _Malformed('its header is not JSON') from error
  if not isinstance(header, dict):
    raise _Malformed('its header is not a table')
  return header, 8 + n_header, n_bytes - 8 - n_header


def _without_twins(pairs: list[tuple[str, object]]) -> dict:
  table = dict(pairs)
  if len(table) < len(pairs):
    raise _Malformed('its header names a tensor twice')
  return table


def _check_tensors(
  header: dict, data_start: int, n_data: int
) -> tuple[dict[str, TensorInfo], dict[str, int]]:
  """Returns tensors and their positions, in the order of the bytes."""
  spans = []
  for key, entry in header.items():
    try:
      dtype, shape = entry['dtype'], tuple(entry['shape'])
      start, stop = entry['data_offsets']
    except (TypeError, KeyError, ValueError) as error:
      raise _Malformed(f'the entry of {key} is incomplete') from error
    if not isinstance(dtype, str) or dtype not in DTYPES:
      raise _Malformed(f'{key} has the unknown type {dtype}')
    numbers = (*shape, start, stop)
    if any(type(n) is not int or n < 0 for n in numbers):
      raise _Malformed(f'{key} has an impossible shape or position')
    info = TensorInfo(dtype, shape)
    if info.n_bytes != stop - start:
      raise _Malformed(f'{key} of shape {shape} has {stop - start} bytes')
    spans.append((start, stop, key, info))
  spans.sort(key=lambda span: span[:2])
  reached = 0
  for start, stop, key, _ in spans:
    if start != reached:
      raise _Malformed(f'{key} does not begin where the tensor before ends')
    reached = stop
  if reached != n_data:
    raise _Malformed(f'{n_data} bytes of data where {reached} are announced')
  return (
    {key: info for _, _, key, info in spans},
    {key: data_start + start for start, _, key, _ in spans},
  )


def write_safetensors(
  path: Path,
  tensors: Mapping[str, TensorInfo],
  arrays: Iterable[np.ndarray],
  metadata: Mapping[str, str] | None = None,
) -> None:
  """Writes a safetensors file while `arrays` are produced one by one.

  Args:
    path: the new file.
    tensors: every tensor's header, in the order of the file.
    arrays: their values in the same order.
    metadata: strings for the header.

  Raises:
    ValueError: an array is not what its header says.
  """
  header: dict = {_METADATA: dict(metadata)} if metadata else {}
  position = 0
  for key, info in tensors.items():
    header[key] = {
      'dtype': info.dtype,
      'shape': list(info.shape),
      'data_offsets': [position, position + info.n_bytes],
    }
    position += info.n_bytes
  text = json.dumps(header, separators=(',', ':'), ensure_ascii=False).encode()
  text += b' ' * (-len(text) % 8)
  with open(path, 'wb') as file:
    file.write(len(text).to_bytes(8, 'little') + text)
    for (key, info), array in zip(tensors.items(), arrays, strict=True):
      if array.shape != info.shape or array.dtype != DTYPES[info.dtype]:
        raise ValueError(f'{key}: {array.dtype}{array.shape} is not {info}')
      file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    file.flush()
    os.fsync(file.fileno())
