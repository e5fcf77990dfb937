"""Parameters out of PyTorch tensors in memory, by the rules of conversion."""

from collections.abc import Mapping

import numpy as np

from vtg_jax.convert.param_tree import unflatten
from vtg_jax.convert.table import Table


def params_of(table: Table, tensors: Mapping[str, np.ndarray]) -> dict:
  """Nested parameters of what the rules know; fails on unknown keys.

  Args:
    table: Rules for the keys.
    tensors: Key -> array; what the table ignores may be among them, and second
      names of tied tensors, which are left out.
  """
  leaves = {}
  for key, tensor in tensors.items():
    slot = table.slot(key)
    if slot is None:
      assert table.ignore(key), key
    elif not slot.rule.tied:
      leaf = slot.rule.op.forward(tensor)
      leaves.setdefault(slot.path, {})[slot.index] = leaf
  return unflatten(
    {
      path: by_layer[None]
      if None in by_layer
      else np.stack([by_layer[i] for i in sorted(by_layer)])
      for path, by_layer in leaves.items()
    }
  )
