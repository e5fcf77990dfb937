"""Parameters by path, and as the nested dict that Flax reads."""

from collections.abc import Mapping
from typing import Any


def flatten(tree: Mapping[str, Any]) -> dict[str, Any]:
  """{'a': {'b': 1, 'c': 2}} -> {'a/b': 1, 'a/c': 2}."""
  flat: dict[str, Any] = {}
  for name, value in tree.items():
    if isinstance(value, Mapping):
      inner = flatten(value)
      flat |= {f'{name}/{path}': leaf for path, leaf in inner.items()}
    else:
      flat[name] = value
  return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
  """{'a/b': 1, 'a/c': 2} -> {'a': {'b': 1, 'c': 2}}."""
  tree: dict[str, Any] = {}
  for path, value in flat.items():
    *parents, name = path.split('/')
    node = tree
    for parent in parents:
      node = node.setdefault(parent, {})
    node[name] = value
  return tree
