"""Experiment configs: files with `get_config`, and overrides on top of them.

This is where `ConfigDict` stops: what leaves here is a plain nested dict.
"""

import ast
import difflib
import importlib
import importlib.util
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_collections

from vtg_jax.errors import BadInput

PACKAGE = 'configs'


def read_config(
  name: str, overrides: Sequence[str] = (), *, within: str = ''
) -> dict[str, Any]:
  """Returns an experiment's configuration as a plain nested dict.

  Args:
    name: a Python file, or a packaged name such as `hawkeye/small`; after a
      colon the argument of its `get_config`: `hawkeye/small:quicktest`.
    overrides: texts `key=value`, the key dotted, the value JSON or a Python
      literal, and otherwise the text itself: `optimiser.peak=1e-4`. A table
      that the file leaves empty takes any entry; its reader checks them.
    within: a folder of the packaged configs that `name` is in.

  Raises:
    BadInput: no such config, or an override that does not fit it.
  """
  path, _, argument = name.partition(':')
  is_file = path.endswith('.py')
  module = _from_file(path) if is_file else _packaged(path, within)
  if not callable(getattr(module, 'get_config', None)):
    raise BadInput(
      f'{path} has no function get_config; give a file that defines one'
    )
  try:
    config = module.get_config(argument)
  except ValueError as error:
    raise BadInput(f'{name!r}: {error}') from error
  if not isinstance(config, ml_collections.ConfigDict):
    raise BadInput(
      f'get_config of {path} returns a {type(config).__name__}; it must '
      'return an ml_collections.ConfigDict'
    )
  config.lock()
  open_tables = frozenset(
    key
    for key, value in _entries(config)
    if isinstance(value, ml_collections.ConfigDict) and not value
  )
  for text in overrides:
    override(config, text, open_tables=open_tables)
  return config.to_dict()


def packaged_configs() -> list[str]:
  """Returns the names of the configs that come with the library."""
  folder = Path(importlib.import_module(PACKAGE).__file__).parent
  return sorted(
    path.relative_to(folder).with_suffix('').as_posix()
    for path in folder.glob('*/*.py')
    if path.stem != '__init__'
  )


def override(
  config: ml_collections.ConfigDict,
  text: str,
  *,
  open_tables: Collection[str] = (),
) -> None:
  """Sets one entry of a config in place from `key=value`.

  An entry keeps its type: an integer may stand where a number is, and None
  may give way to anything and anything to None; a text never becomes a
  number or a number a text.

  Args:
    config: locked.
    text: `key=value`.
    open_tables: names of tables that take entries they do not have.

  Raises:
    BadInput: naming the entry, and near names where there is none.
  """
  key, equals, value = text.partition('=')
  if not equals or not key:
    raise BadInput(f'{text!r} is no override; write key=value')
  known = dict(_entries(config))
  parent, _, last = key.rpartition('.')
  table = known.get(parent) if parent else config
  if parent in open_tables and last:
    with table.unlocked(), table.ignore_type():
      table[last] = _literal(value)
    return
  if key not in known:
    raise BadInput(f'{key!r} is no entry of the config; {_near(key, known)}')
  old = known[key]
  if isinstance(old, ml_collections.ConfigDict):
    inside = ', '.join(f'{key}.{name}' for name in old or ('NAME',))
    raise BadInput(f'{key!r} is a table; set one of its entries: {inside}')
  new = _converted(key, old, value)
  # The types were compared above; ConfigDict's own check knows no None.
  with table.ignore_type():
    table[last] = new


def _entries(
  config: ml_collections.ConfigDict, prefix: str = ''
) -> Iterator[tuple[str, Any]]:
  """Yields every dotted name and its value, tables included."""
  for name, value in config.items():
    yield prefix + name, value
    if isinstance(value, ml_collections.ConfigDict):
      yield from _entries(value, f'{prefix}{name}.')


def _near(key: str, known: Mapping[str, Any]) -> str:
  """Names alike: by the whole dotted name, or by its last part alone."""
  by_last = {}
  for name in known:
    by_last.setdefault(name.rpartition('.')[2], []).append(name)
  near = difflib.get_close_matches(key, known, n=3)
  for last in difflib.get_close_matches(key.rpartition('.')[2], by_last):
    near += [name for name in by_last[last] if name not in near]
  if near:
    return f'did you mean {" or ".join(near[:3])}'
  return f'use one of {", ".join(known)}'


def _converted(key: str, old: Any, text: str) -> Any:
  """Returns the value that `text` writes, of the type that `old` has."""
  value = _literal(text)
  if isinstance(old, str):
    return value if isinstance(value, str | None) else text
  if value is None or old is None:
    return value
  if isinstance(old, bool) or isinstance(value, bool):
    fits = isinstance(old, bool) and isinstance(value, bool)
  elif isinstance(old, float):
    fits = isinstance(value, int | float)
    value = float(value) if fits else value
  elif isinstance(old, int):
    fits = isinstance(value, int)
  elif isinstance(old, list | tuple):
    fits = isinstance(value, list | tuple)
    value = type(old)(value) if fits else value
  else:
    fits = isinstance(value, type(old))
  if not fits:
    raise BadInput(
      f'{key}={text} is {_kind(value)}, and {key} is {_kind(old)} '
      f'({old!r}); give {_kind(old)}'
    )
  return value


def _literal(text: str) -> Any:
  """JSON, else a Python literal, else the text itself."""
  for read in (json.loads, ast.literal_eval):
    try:
      return read(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
      continue
  return text


def _kind(value: Any) -> str:
  kinds = (
    (bool, 'true or false'),
    (int, 'a whole number'),
    (float, 'a number'),
    (str, 'a text'),
    ((list, tuple), 'a list'),
    (Mapping, 'a table'),
  )
  return next((said for kind, said in kinds if isinstance(value, kind)), 'null')


def _packaged(name: str, within: str) -> ModuleType:
  prefix = f'{within}/' if within else ''
  known = [
    full.removeprefix(prefix)
    for full in packaged_configs()
    if full.startswith(prefix)
  ]
  name = name.removeprefix(prefix)
  if name not in known:
    near = difflib.get_close_matches(name, known, n=3) or known
    raise BadInput(
      f'{name!r} is no config; give a .py file or one of {", ".join(near)}'
    )
  module = f'{PACKAGE}.{prefix}{name}'
  return importlib.import_module(module.replace('/', '.'))


def _from_file(path: str) -> ModuleType:
  if not Path(path).is_file():
    raise BadInput(f'{path} does not exist; give a config file')
  name = f'vtg_config_{Path(path).stem}'
  spec = importlib.util.spec_from_file_location(name, path)
  module = importlib.util.module_from_spec(spec)
  # Dataclasses of the file look their module up by name.
  sys.modules[name] = module
  try:
    spec.loader.exec_module(module)
  except SyntaxError as error:
    raise BadInput(
      f'{path} cannot be read as Python: {error.msg} in line {error.lineno}; '
      'correct it'
    ) from error
  return module
