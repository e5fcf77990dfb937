"""Parameters of a decoder from the tensors of a PyTorch language model."""

import numpy as np

from vtg_jax.convert.param_tree import unflatten


def decoder_params(table, tensors):
  """Nested parameters under `llm/` of what the rules know, in memory.

  Args:
    table: Rules for the keys.
    tensors: Key -> NumPy array; what the table ignores may be among them.
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
      path.removeprefix('llm/'): by_layer[None]
      if None in by_layer
      else np.stack([by_layer[i] for i in sorted(by_layer)])
      for path, by_layer in leaves.items()
    }
  )
