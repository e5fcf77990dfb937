"""Weights of a golden set as our parameters, and gradients under their keys."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.convert.engine import Plan, canonical_tensors, unconvert
from vtg_jax.convert.param_tree import flatten, unflatten
from vtg_jax.convert.table import Table
from vtg_jax.convert.tensor_file import TensorInfo


def read_params(steps: Plan) -> dict:
  """The parameters that a plan fills, as a nested dict in memory."""
  leaves = {}
  for leaf in steps.leaves:
    pieces = [steps.read(piece) for piece in leaf.pieces]
    stacked = leaf.pieces[0].slot.index is not None
    leaves[leaf.path] = jnp.asarray(np.stack(pieces) if stacked else pieces[0])
  return unflatten(leaves)


def changed_keys(steps: Plan, params: Mapping) -> list[str]:
  """Keys whose tensor does not come back from our parameters bit for bit.

  Args:
    steps: What filled the parameters.
    params: They.
  """
  stored = _InMemory(flatten(jax.tree.map(np.asarray, params)))
  changed = []
  for leaf in steps.leaves:
    for piece in leaf.pieces:
      source = steps.sources[piece.source]
      back = unconvert(stored, piece.slot, source.tensors[piece.key])
      if back.tobytes() != source.read(piece.key).tobytes():
        changed.append(piece.key)
  return changed


def released_tensors(params: Mapping, table: Table) -> dict[str, np.ndarray]:
  """Our parameters, or their gradients, under the released key names."""
  stored = _InMemory(flatten(jax.tree.map(np.asarray, params)))
  return {
    key: unconvert(stored, slot, TensorInfo('F32', shape))
    for key, slot, shape in canonical_tensors(stored.shapes, table)
  }


def without_lora(params: Mapping) -> dict:
  """The parameters with adapters that add nothing."""
  return jax.tree_util.tree_map_with_path(
    lambda path, x: x * 0 if path[-1].key == 'lora_b' else x, params
  )


class _InMemory:
  """Parameters as `convert.engine.Params`."""

  def __init__(self, flat):
    self._flat = flat
    self.shapes = {path: array.shape for path, array in flat.items()}

  def read(self, path, index=None):
    array = self._flat[path]
    return array if index is None else array[index]
