"""What a file of named tensors is to the engine, whatever its format."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import ml_dtypes
import numpy as np

# The names of the safetensors format, also used in our manifest.
DTYPES: Mapping[str, np.dtype] = {
  'F64': np.dtype(np.float64),
  'F32': np.dtype(np.float32),
  'F16': np.dtype(np.float16),
  'BF16': np.dtype(ml_dtypes.bfloat16),
  'F8_E4M3': np.dtype(ml_dtypes.float8_e4m3fn),
  'F8_E5M2': np.dtype(ml_dtypes.float8_e5m2),
  'I64': np.dtype(np.int64),
  'I32': np.dtype(np.int32),
  'I16': np.dtype(np.int16),
  'I8': np.dtype(np.int8),
  'U64': np.dtype(np.uint64),
  'U32': np.dtype(np.uint32),
  'U16': np.dtype(np.uint16),
  'U8': np.dtype(np.uint8),
  'BOOL': np.dtype(np.bool_),
}
NAMES: Mapping[np.dtype, str] = {dtype: name for name, dtype in DTYPES.items()}
PARAM_DTYPES = frozenset({'F64', 'F32', 'F16', 'BF16'})
# The bits of the exponent, all ones in an infinity or a NaN.
_EXPONENT = {
  'F64': (np.uint64, 0x7FF0_0000_0000_0000),
  'F32': (np.uint32, 0x7F80_0000),
  'F16': (np.uint16, 0x7C00),
  'BF16': (np.uint16, 0x7F80),
}
_SCAN_ITEMS = 1 << 20


@dataclasses.dataclass(frozen=True)
class TensorInfo:
  """A tensor's header.

  Attributes:
    dtype: a key of `DTYPES`.
    shape: its axes.
  """

  dtype: str
  shape: tuple[int, ...]

  @property
  def n_bytes(self) -> int:
    return math.prod(self.shape) * DTYPES[self.dtype].itemsize


class TensorFile(Protocol):
  """Named tensors in one file; headers are in memory, values are not.

  Attributes:
    path: the file.
    metadata: the file's own strings, in their order.
    tensors: header of every tensor, in the file's order.
    nesting: the names on the way to a tensor, where the file has tables of
      tables; the tensor's key is then the last of them, joined by dots.
  """

  path: Path
  metadata: Mapping[str, str]
  tensors: Mapping[str, TensorInfo]
  nesting: Mapping[str, tuple[str, ...]]

  def read(self, key: str) -> np.ndarray:
    """Returns a fresh contiguous copy of one tensor, bits as stored."""


def first_ten(names) -> str:
  """Returns the first ten names and how many there are beyond them."""
  names = list(names)
  told = ', '.join(str(name) for name in names[:10])
  more = len(names) - 10
  return f'{told} and {more} more' if more > 0 else told


def has_non_finite(array: np.ndarray) -> bool:
  """Returns whether a float array of ours holds a NaN or an infinity."""
  name = next(n for n in _EXPONENT if DTYPES[n] == array.dtype)
  unsigned, mask = _EXPONENT[name]
  bits = array.reshape(-1).view(unsigned)
  mask = unsigned(mask)
  return any(
    (bits[i : i + _SCAN_ITEMS] & mask).max() == mask
    for i in range(0, bits.size, _SCAN_ITEMS)
  )
