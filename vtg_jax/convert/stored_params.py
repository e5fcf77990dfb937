"""Reads the parameters of an Orbax checkpoint, whole or one layer at a time.

Only the checkpoint's own index and TensorStore are used, so that reading does
not import Orbax; checkpoints that Orbax wrote in its other layout (OCDBT) are
read too.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorstore as ts

from vtg_jax.errors import BadInput


class StoredParams:
  """The parameters in a checkpoint; values are read when asked for.

  Attributes:
    folder: the Orbax checkpoint.
    shapes: shape of every parameter, by path.
    dtypes: type of every parameter, by path.
  """

  def __init__(self, folder: Path | str):
    """Opens every array, reading none.

    Args:
      folder: the Orbax checkpoint.

    Raises:
      BadInput: there is no checkpoint or it is damaged.
    """
    self.folder = Path(folder)
    try:
      index = json.loads((self.folder / '_METADATA').read_text())
      paths = [
        tuple(str(part['key']) for part in entry['key_metadata'])
        for entry in index['tree_metadata'].values()
      ]
      self._stores = _open_all(
        self.folder, paths, use_zarr3=bool(index.get('use_zarr3'))
      )
    except (
      OSError,
      ValueError,
      KeyError,
      TypeError,
      AttributeError,
      RecursionError,
    ) as error:
      raise BadInput(
        f'{self.folder} is not a whole checkpoint ({_reason(error)}); convert '
        'or download it again'
      ) from error
    self.shapes: Mapping[str, tuple[int, ...]] = {
      path: tuple(store.shape) for path, store in self._stores.items()
    }
    self.dtypes: Mapping[str, np.dtype] = {
      path: np.dtype(store.dtype.numpy_dtype)
      for path, store in self._stores.items()
    }

  def read(self, path: str, index: int | None = None) -> np.ndarray:
    """Returns a parameter, or one layer of its leading axis.

    Args:
      path: the parameter.
      index: the layer; None reads all.

    Raises:
      BadInput: the stored bytes are damaged.
    """
    store = self._stores[path]
    try:
      return (store if index is None else store[index]).read().result()
    except (ValueError, OSError) as error:
      raise BadInput(
        f'{self.folder} is damaged at {path} ({_reason(error)}); convert or '
        'download it again'
      ) from error


def _open_all(
  folder: Path, paths: list[tuple[str, ...]], *, use_zarr3: bool
) -> dict[str, ts.TensorStore]:
  """Returns an open array for every path, in the paths' order."""
  is_ocdbt = (folder / 'manifest.ocdbt').is_file()
  context = ts.Context()
  opening = {}
  for path in paths:
    name = '.'.join(path)
    place = folder.resolve()  # TensorStore takes no path with ..
    kvstore: dict = {'driver': 'file', 'path': f'{place / name}/'}
    if is_ocdbt:
      kvstore = {
        'driver': 'ocdbt',
        'base': {'driver': 'file', 'path': f'{place}/'},
        'path': f'{name}/',
      }
    opening['/'.join(path)] = ts.open(
      {
        'driver': 'zarr3' if use_zarr3 else 'zarr',
        'kvstore': kvstore,
        # A chunk that is not there is damage, not zeros.
        'fill_missing_data_reads': False,
      },
      open=True,
      read=True,
      context=context,
    )
  return {path: future.result() for path, future in opening.items()}


def _reason(error: Exception) -> str:
  """Returns the first clause of an error, for use inside a sentence."""
  if isinstance(error, OSError) and error.strerror:
    return error.strerror.lower()
  text = str(error).splitlines()[0] if str(error) else type(error).__name__
  return text.split(' [')[0].rstrip('.')
