"""Frozen config dataclasses out of a config.json, every entry accounted for."""

import contextlib
import dataclasses
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from vtg_jax.errors import BadInput

Config = TypeVar('Config')
_KINDS = {
  bool: 'true or false',
  int: 'a whole number',
  float: 'a number',
  str: 'a text',
  dict: 'a table',
}


def from_json(kind: type[Config], values: Mapping, where: str) -> Config:
  """A frozen dataclass from plain JSON types, nested ones included.

  The inverse of `dataclasses.asdict` after a round trip through JSON.

  Args:
    kind: The dataclass.
    values: One entry a field. A field with a default may be left out: it
      came later than the file, and its default is what files then meant.
    where: What `values` is called in a complaint.

  Raises:
    BadInput: naming the entry that is missing, unknown, mistyped, or that the
      dataclass itself refuses.
  """
  if not isinstance(values, Mapping):
    raise BadInput(f'{where} is {values!r}; it must be a table of entries')
  hints = typing.get_type_hints(kind)
  unknown = sorted(set(values) - set(hints))
  needed = {
    field.name
    for field in dataclasses.fields(kind)
    if field.default is dataclasses.MISSING
    and field.default_factory is dataclasses.MISSING
  }
  missing = sorted(needed - set(values))
  if unknown or missing:
    told = [f'unknown {name!r}' for name in unknown]
    told += [f'missing {name!r}' for name in missing]
    raise BadInput(f'{where} has {", ".join(told)}; correct it')
  built = {
    name: _value(hint, values[name], f'{where}.{name}')
    for name, hint in hints.items()
    if name in values
  }
  try:
    return kind(**built)
  except (ValueError, ZeroDivisionError) as error:
    raise BadInput(f'{where}: {error}') from error


@contextlib.contextmanager
def reading_sizes(file: Path | str) -> Iterator[None]:
  """Turns what a description of a network sets off into one sentence.

  Args:
    file: That holds it.

  Raises:
    BadInput: naming the entry that is missing, or what is wrong with the sizes.
  """
  try:
    yield
  except BadInput:
    raise
  except KeyError as error:
    raise BadInput(f'{file} has no {error}; correct it') from error
  except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
    raise BadInput(
      f'{file} does not hold the sizes of a network ({error}); correct it'
    ) from error


def _value(hint, value, where):
  if typing.get_origin(hint) is not tuple and type(None) in typing.get_args(
    hint
  ):
    if value is None:
      return None
    hint = next(a for a in typing.get_args(hint) if a is not type(None))
  if dataclasses.is_dataclass(hint):
    return from_json(hint, value, where)
  if typing.get_origin(hint) is tuple:
    if not isinstance(value, list | tuple):
      raise BadInput(f'{where} is {value!r}; it must be a list')
    inner = typing.get_args(hint)[0]
    return tuple(_value(inner, v, where) for v in value)
  if hint is float and type(value) is int:
    value = float(value)
  if type(value) is not hint:
    wanted = _KINDS.get(hint, hint.__name__)
    raise BadInput(f'{where} is {value!r}; it must be {wanted}')
  return value
