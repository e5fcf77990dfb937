"""What an index of features is made of: its header, and its rows as bytes.

HEAD  JSON: what of, made with what      `IndexHeader`
ROWS  first row, rows n; times_s float64 [n]; features [n, D]
DONE  JSON: rows in all, SHA-256 of the source

See `record_file` for what stands around them.
"""

import dataclasses
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from input_pipeline import record_file
from vtg_jax.errors import BadInput

DTYPES = {'float16': np.dtype('<f2'), 'float32': np.dtype('<f4')}
FORMAT = record_file.Format(magic=b'vtg-features', version=1)
HEAD, ROWS, DONE = b'HEAD', b'ROWS', b'DONE'
_SPAN = struct.Struct('<QQ')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
  """A video as it was when it was encoded.

  Attributes:
    name: last part of its path.
    n_bytes: its size; of a folder of images, the sum of theirs.
    mtime_ns: when it last changed; of a folder, its latest image.
  """

  name: str
  n_bytes: int
  mtime_ns: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Made:
  """What features were made with; other values give other features.

  Attributes:
    model: the encoder's name, for people.
    fingerprint: of its parameters and sizes.
    resize: how frames were resized, see `pixels.Resize`.
    fps: rows per second.
    dtype: of `DTYPES`.
  """

  model: str
  fingerprint: str
  resize: str
  fps: float
  dtype: str = 'float32'

  def __post_init__(self):
    if not (math.isfinite(self.fps) and self.fps > 0):
      raise BadInput(
        f'{self.fps} frames per second is no rate; give a number > 0'
      )
    if self.dtype not in DTYPES:
      raise BadInput(f'dtype {self.dtype!r} is unknown; use one of {[*DTYPES]}')


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexHeader:
  """What an index says of itself.

  Attributes:
    source: the video.
    made: with what.
    duration_s: of the video.
    n_rows: rows there are in the end.
    width: channels D of a row.
  """

  source: Source
  made: Made
  duration_s: float
  n_rows: int
  width: int

  def to_json(self) -> bytes:
    return json.dumps(dataclasses.asdict(self), sort_keys=True).encode()

  @classmethod
  def from_json(cls, payload: bytes) -> 'IndexHeader':
    """What `to_json` wrote; raises ValueError or TypeError for anything else.

    Entries that are not known come from a later version and say more than is
    needed here.
    """
    entries = json.loads(payload)
    parts = {
      'source': _known(Source, entries['source']),
      'made': _known(Made, entries['made']),
    }
    header = _known(cls, {**entries, **parts})
    if min(header.n_rows, header.width) < 1:
      raise ValueError('no rows')
    if not (math.isfinite(header.duration_s) and header.duration_s > 0):
      raise ValueError(f'a video of {header.duration_s} s')
    return header

  @property
  def row_dtype(self) -> np.dtype:
    return DTYPES[self.made.dtype]


def rows_payload(
  first: int,
  times_s: Float64[np.ndarray, 'M'],
  features: Float[np.ndarray, 'M D'],
  header: IndexHeader,
) -> bytes:
  """What a ROWS record holds."""
  return (
    _SPAN.pack(first, len(features))
    + np.ascontiguousarray(times_s, '<f8').tobytes()
    + np.ascontiguousarray(features, header.row_dtype).tobytes()
  )


def rows_of(
  payload: bytes, header: IndexHeader
) -> tuple[int, Float64[np.ndarray, 'M'], Float[np.ndarray, 'M D']]:
  """What `rows_payload` wrote; raises ValueError for anything else."""
  if len(payload) < _SPAN.size:
    raise ValueError(f'rows in {len(payload)} bytes')
  first, n = _SPAN.unpack_from(payload)
  split = _SPAN.size + 8 * n
  n_bytes = split + n * header.width * header.row_dtype.itemsize
  if len(payload) != n_bytes or first + n > header.n_rows:
    raise ValueError(f'{n} rows from {first} in {len(payload)} bytes')
  times_s = np.frombuffer(payload[_SPAN.size : split], '<f8')
  features = np.frombuffer(payload[split:], header.row_dtype)
  return first, times_s, features.reshape(n, header.width)


def _known(kind, entries: Mapping[str, Any]):
  """A dataclass of plain entries, each of the type that its field has."""
  values = {}
  for field in dataclasses.fields(kind):
    value = entries[field.name]
    if field.type is float and type(value) is int:
      value = float(value)
    if type(value) is not field.type:
      raise TypeError(f'{field.name} is {value!r}')
    values[field.name] = value
  return kind(**values)
