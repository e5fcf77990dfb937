"""Which parameters train and which are frozen, by path.

A path is 'llm/layers/q_proj/lora_a'; a pattern is a regular expression that
must match the whole of it.
"""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flax import traverse_util

from vtg_jax.errors import BadInput

Flat = dict[str, Any]


def split(
  params: Mapping[str, Any], patterns: Sequence[str]
) -> tuple[Flat, Flat]:
  """Parameters that train and those that do not.

  Args:
    params: Nested dict; leaves may be anything, such as shapes.
    patterns: What matches one of them trains.

  Returns:
    Two dicts by path, each in the order of `params`.

  Raises:
    BadInput: no pattern, or one that matches nothing or is no pattern.
  """
  flat = flatten(params)
  trained = matches(flat, patterns, 'trainable')
  return (
    {path: leaf for path, leaf in flat.items() if path in trained},
    {path: leaf for path, leaf in flat.items() if path not in trained},
  )


def join(trainable: Flat, frozen: Flat) -> dict[str, Any]:
  """The nested dict that `split` took apart."""
  return traverse_util.unflatten_dict({**frozen, **trainable}, sep='/')


def flatten(params: Mapping[str, Any]) -> Flat:
  """{'a': {'b': 1}} -> {'a/b': 1}."""
  return traverse_util.flatten_dict(dict(params), sep='/')


def matches(
  flat: Mapping[str, Any], patterns: Sequence[str], where: str
) -> dict[str, int]:
  """Path -> position of the first pattern that matches it.

  Args:
    flat: By path.
    patterns: Each must match something.
    where: What the patterns are called in a complaint.

  Raises:
    BadInput: no pattern, or one that matches nothing or is no pattern.
  """
  if not patterns:
    raise BadInput(f"{where} is empty; give a pattern, such as '.*'")
  found: dict[str, int] = {}
  for number, pattern in enumerate(patterns):
    for path in hits_of(pattern, flat, where):
      found.setdefault(path, number)
  return found


def hits_of(pattern: str, paths: Collection[str], where: str) -> list[str]:
  """The paths that a pattern matches as a whole.

  Args:
    pattern: Must match something.
    paths: In the order of the result.
    where: What the pattern is called in a complaint.

  Raises:
    BadInput: it matches nothing, or is no pattern.
  """
  try:
    hits = [path for path in paths if re.fullmatch(pattern, path)]
  except re.error as error:
    raise BadInput(
      f'{where} {pattern!r} is no regular expression ({error}); correct it'
    ) from error
  if not hits:
    near = difflib.get_close_matches(pattern, paths, n=3, cutoff=0)
    raise BadInput(
      f'{where} {pattern!r} matches no parameter; it must match a whole '
      f'path, such as {", ".join(near)}'
    )
  return hits
