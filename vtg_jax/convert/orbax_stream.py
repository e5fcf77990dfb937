"""Writes an ordinary Orbax checkpoint from parameters that are not in memory.

Orbax asks a type handler to write each leaf of a tree. Ours is handed leaves
that only know their shape, and makes their values one layer at a time: each
layer is one chunk of a Zarr array, so it can be read back alone.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorstore as ts

from vtg_jax.convert.param_tree import unflatten

Chunks = Iterator[tuple[int | None, np.ndarray]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamedArray:
  """An array that is made while it is written.

  Attributes:
    path: the parameter's path.
    shape: its shape.
    dtype: its type.
    stacked: whether `chunks` yields its layers rather than the whole.
    chunks: yields (layer or None, values) in order.
  """

  path: str
  shape: tuple[int, ...]
  dtype: np.dtype
  stacked: bool
  chunks: Callable[[], Chunks]


def write_params(folder: Path, arrays: Iterable[StreamedArray]) -> None:
  """Writes parameters as an Orbax checkpoint, one chunk in memory at a time.

  Args:
    folder: the checkpoint's new folder.
    arrays: every parameter.
  """
  import orbax.checkpoint as ocp

  tree = unflatten({array.path: array for array in arrays})
  with ocp.Checkpointer(_streaming_handler()) as checkpointer:
    checkpointer.save(folder.absolute(), ocp.args.PyTreeSave(tree))


def _streaming_handler():
  """Returns Orbax's handler for trees, made to write streamed arrays."""
  # Orbax takes seconds to import, so it comes in where something is written.
  import jax
  import orbax.checkpoint as ocp

  class StreamedArrayHandler(ocp.type_handlers.NumpyHandler):
    """Stores a StreamedArray as what Orbax stores a NumPy array as."""

    async def serialize(self, values, infos, args=None):
      del args  # arrays are stored as they come
      for value, info in zip(values, infos, strict=True):
        await info.await_path_creation()
        # Blocks on purpose: memory holds one chunk, and an interrupt ends it.
        _write(value, Path(info.parent_dir), info.name)
      return []

  registry = ocp.type_handlers.create_type_handler_registry(
    (StreamedArray, StreamedArrayHandler()),
    # Unused; without it Orbax warns.
    (jax.Array, ocp.type_handlers.ArrayHandler()),
  )
  handler = ocp.PyTreeCheckpointHandler(
    use_ocdbt=False, type_handler_registry=registry
  )
  # One folder an array: nothing to merge, of which Orbax would warn.
  handler.finalize = lambda directory: None
  return handler


def _write(array: StreamedArray, parent: Path, name: str) -> None:
  chunk = (1, *array.shape[1:]) if array.stacked else array.shape
  store = ts.open(
    {
      'driver': 'zarr',
      'kvstore': {'driver': 'file', 'path': f'{parent / name}/'},
      'metadata': {'compressor': None},
    },
    create=True,
    dtype=ts.dtype(array.dtype.name),
    shape=array.shape,
    chunk_layout=ts.ChunkLayout(chunk_shape=[max(n, 1) for n in chunk]),
  ).result()
  for layer, values in array.chunks():
    part = store if layer is None else store[layer]
    part.write(values).result()
