"""PyTorch files, read by the safe loader only.

Torch is imported inside the functions: it is an optional extra.
"""

import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from vtg_jax.convert.safetensors_file import SafetensorsFile
from vtg_jax.convert.tensor_file import (
  DTYPES,
  NAMES,
  TensorInfo,
  first_ten,
)
from vtg_jax.errors import BadInput

# Pages read through a memory map stay resident until the map is closed, so it
# is closed and opened again after so many bytes.
_MAPPED_BYTES = 1 << 29


class TorchFile:
  """A `.pth` or `.bin` file of tensors.

  Where the file holds a table under `model`, that table is the state dict, as
  in the reference's loader; otherwise the file itself is.

  Attributes:
    path: the file.
    metadata: empty; the format has none.
    tensors: header of every tensor, in the file's order.
    nesting: the names on the way to a tensor that lies in tables of tables.
  """

  def __init__(self, path: Path):
    """Reads the headers.

    Args:
      path: the file.

    Raises:
      BadInput: torch is not installed, the safe loader refuses the file, or
        it is not a table of dense tensors.
    """
    self.path = path
    self.metadata: Mapping[str, str] = {}
    self._state, self.nesting = _load(path)
    self._n_mapped = 0
    self.tensors = {
      key: TensorInfo(_dtype_name(tensor), tuple(tensor.shape))
      for key, tensor in self._state.items()
    }

  def read(self, key: str) -> np.ndarray:
    """Returns a fresh contiguous copy of one tensor."""
    import torch

    if self._n_mapped > _MAPPED_BYTES:
      self._state, self._n_mapped = None, 0
      self._state, _ = _load(self.path)
    info = self.tensors[key]
    self._n_mapped += info.n_bytes
    tensor = self._state[key].detach().contiguous()
    if tensor.dtype == torch.bfloat16:
      bits = tensor.view(torch.int16).numpy()
      return bits.view(ml_dtypes.bfloat16).copy()
    return tensor.numpy().astype(DTYPES[info.dtype], order='C', copy=True)


def write_torch(
  path: Path, safetensors: Path, nesting: Mapping[str, Sequence[str]]
) -> None:
  """Writes the tensors of a safetensors file as a PyTorch state dict.

  Args:
    path: the new `.pth` file.
    safetensors: the file to copy; it is memory-mapped.
    nesting: the names on the way to a tensor that goes in tables of tables.

  Raises:
    BadInput: torch is not installed.
  """
  torch = import_torch(path)
  from safetensors.torch import load_file

  state: dict[str, Any] = {}
  tensors = load_file(safetensors)
  for key in SafetensorsFile.open(safetensors).tensors:  # in the file's order
    *tables, name = nesting.get(key, (key,))
    table = state
    for inner in tables:
      table = table.setdefault(inner, {})
    table[name] = tensors[key]
  torch.save(state, path)


def import_torch(path: Path):
  """Returns torch; raises BadInput, naming what needs it, if not installed."""
  try:
    import torch
  except ImportError as error:
    raise BadInput(
      f'{path} needs torch, which is not installed; run pip install '
      '"vtg-jax[torch]"'
    ) from error
  return torch


def _load(path: Path) -> tuple[dict, dict[str, tuple[str, ...]]]:
  """Returns the state dict of a file, memory-mapped, and what was nested."""
  torch = import_torch(path)
  with open(path, 'rb') as file:
    is_zip = file.read(4) == b'PK\x03\x04'
  try:
    with warnings.catch_warnings():
      # Of unusual pickle protocols, which the safe loader then refuses anyway.
      warnings.simplefilter('ignore')
      state = torch.load(
        path, map_location='cpu', weights_only=True, mmap=is_zip
      )
  except pickle.UnpicklingError as error:
    raise BadInput(
      f'{path} holds Python objects that are not plain tensors, and pickles '
      'are never executed here; save its state_dict as safetensors, where '
      'you trust the file, and give that'
    ) from error
  except Exception as error:  # a damaged file fails in many places of torch
    if is_zip and _is_program(path):
      raise BadInput(
        f'{path} is a TorchScript program, which is not executed here; save '
        'its state_dict() as safetensors, where you trust the file, and give '
        'that'
      ) from error
    raise BadInput(
      f'{path} is truncated or not a PyTorch file; download or save it again'
    ) from error
  above: tuple[str, ...] = ()
  if isinstance(state, Mapping) and isinstance(state.get('model'), Mapping):
    state, above = state['model'], ('model',)
  if not isinstance(state, Mapping):
    raise BadInput(
      f'{path} holds a {type(state).__name__} instead of named tensors; give '
      'a file made with torch.save(model.state_dict())'
    )
  named, nesting = {}, {}
  strangers = []
  for names, value in _flat(state):
    key = '.'.join(map(str, names))
    if not isinstance(names[-1], str) or not _is_dense(value) or key in named:
      strangers.append(key)
    named[key] = value
    if above or len(names) > 1:
      nesting[key] = (*above, *names)
  if strangers:
    raise BadInput(
      f'{path} holds values that are not dense tensors, or two of one name, '
      f'under {first_ten(strangers)}; save only its state_dict and give that'
    )
  return named, nesting


def _is_program(path: Path) -> bool:
  """Whether a zip file is a TorchScript archive."""
  try:
    with zipfile.ZipFile(path) as archive:
      return any(n.endswith('/constants.pkl') for n in archive.namelist())
  except (OSError, zipfile.BadZipFile):
    return False


def _flat(
  state: Mapping, above: tuple[object, ...] = ()
) -> Iterator[tuple[tuple[object, ...], object]]:
  """Names on the way to a value, and the value; tables are looked into."""
  for key, value in state.items():
    names = (*above, key)
    if isinstance(value, Mapping) and isinstance(key, str):
      yield from _flat(value, names)
    else:
      yield names, value


def _is_dense(value: object) -> bool:
  import torch

  return (
    isinstance(value, torch.Tensor)
    and value.layout == torch.strided
    and not value.is_quantized
    and not value.is_meta
    and _dtype_name(value) is not None
  )


def _dtype_name(tensor) -> str | None:
  """Returns our name of a tensor's type; None for one we do not read."""
  name = str(tensor.dtype).removeprefix('torch.')
  if name == 'bfloat16':
    return 'BF16'
  try:
    return NAMES.get(np.dtype(name))
  except TypeError:
    return None
