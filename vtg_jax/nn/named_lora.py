"""Several adapters over one base: kept apart by name, worn one at a time.

    base      {'layers': {'q_proj': {'kernel': W}, ...}, ...}
    adapter   {'layers': {'q_proj': {'lora_a': A, 'lora_b': B}, ...}}
    wear      {'layers': {'q_proj': {'kernel': W, 'lora_a': A, 'lora_b': B}}}

Wearing one is a dict operation on what is traced: the base's arrays are the
same ones whatever adapter lies beside them, so a program that needs another
adapter at each of its levels holds the base once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jaxtyping import Array, Int

from vtg_jax.nn.dense import ADAPTER

Params = Mapping[str, Any]


def split_adapter(params: Params) -> tuple[dict[str, Any], dict[str, Any]]:
  """Base and adapter of a module's parameters; `wear_adapter` joins them.

  Args:
    params: Of a module with adapters, by nested names; boxed or not.
  """
  base, adapter = {}, {}
  for name, value in params.items():
    if isinstance(value, Mapping):
      inner, low = split_adapter(value)
      base[name] = inner
      if low:
        adapter[name] = low
    else:
      (adapter if name in ADAPTER else base)[name] = value
  return base, adapter


def wear_adapter(base: Params, adapter: Params) -> dict[str, Any]:
  """The parameters of the module whose base wears this adapter."""
  worn = dict(base)
  for name, value in adapter.items():
    inside = base.get(name)
    is_table = isinstance(value, Mapping)
    worn[name] = wear_adapter(inside, value) if is_table else value
  return worn


def choose_adapter(
  adapters: Sequence[Params], index: Int[Array, ''] | int
) -> Params:
  """One of several adapters, by a number that the program may compute.

  Nothing is rounded: the chosen one's values are copied, those alone.

  Args:
    adapters: Of the same targets and rank.
    index: Which; those beyond the ends are the first or last one.
  """
  if isinstance(index, int):
    return adapters[index]
  return jax.lax.switch(index, [lambda own=own: own for own in adapters])
