"""A config's wishes and a system's own options: how a benchmark is asked.

    config   protocol 'best', search {'max_rounds': 3}
    system   benchmark_options['best'].ground {'mode': 'score', 'max_rounds': 4}
    asked    ground(..., mode='score', max_rounds=3)

So one config serves every system, and no system is named here.
"""

import difflib
from collections.abc import Mapping
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.systems.checks import check_known
from vtg_jax.systems.grounder import BenchmarkOptions

# How frames are resized; see `Grounder.open_video`.
RESIZES = ('pil', 'swscale')
# Which of a config's tables holds the options of which method.
TABLES = {
  'search': 'ground',
  'answer': 'answer',
  'tell': 'dense_caption',
  'mark': 'highlights',
}


def resolved(config: Mapping[str, Any], grounder) -> dict[str, Any]:
  """Returns the config with what it leaves open filled in by the system.

  In:  {'protocol': 'best', 'search': {'max_rounds': 3}, 'other_orders': None}
  Out: {'protocol': 'best', 'search': {'max_rounds': 3, 'mode': 'score', ...},
        'other_orders': 2, 'strict': True}

  Args:
    config: `protocol` names one of the grounder's `benchmark_options`; the
      tables of TABLES hold options, of which None counts as left open.
    grounder: a system.

  Raises:
    BadInput: the system lacks a method that the config has a table for, does
      not know the protocol, has no such option, or cannot use its value.
  """
  own = _own(config, grounder)
  filled = dict(config)
  for table, method in TABLES.items():
    if table in config:
      check_offers(grounder, method)
      filled[table] = _options(
        config[table], getattr(own, method), table, grounder.system
      )
      if method in own.checks:
        own.checks[method](filled[table])
  if config.get('searches'):
    filled['searches'] = _searches(config, own, grounder.system)
  others = config.get('other_orders')
  if others is None:
    others = own.other_orders or 0
  elif _of_kind(others, 0, 'other_orders') < 0:
    raise BadInput(f'other_orders is {others}; it must not be negative')
  if others and own.other_orders is None:
    raise BadInput(
      f'the system {grounder.system!r} shows no options in any order; leave '
      'out other_orders'
    )
  if 'search' in config:
    filled['other_orders'] = others
  filled['resize'] = config.get('resize', RESIZES[0])
  check_known('resize', filled['resize'], RESIZES)
  strict = config.get('strict')
  if strict is None:
    strict = own.strict
  filled['strict'] = _of_kind(strict, True, 'strict')
  return filled


# Method -> what a system without it cannot do.
_DOES = {
  'ground': 'finds no moments',
  'answer': 'answers no questions',
  'dense_caption': 'tells no events',
  'highlights': 'finds no highlights',
}


def check_offers(grounder, method: str) -> None:
  """Raises BadInput where a system has no such method."""
  if not hasattr(grounder, method):
    raise BadInput(
      f'the system {grounder.system!r} {_DOES[method]}; evaluate it on another '
      'benchmark, or another model on this one'
    )


def _own(config, grounder) -> BenchmarkOptions:
  protocol = config.get('protocol', 'paper')
  known = grounder.benchmark_options
  if protocol not in known:
    raise BadInput(
      f'the system {grounder.system!r} knows no protocol {protocol!r}; use one '
      f'of {list(known)}'
    )
  return known[protocol]


def _searches(config, own: BenchmarkOptions, system: str) -> dict[str, Any]:
  """Options of each search that is compared: its own above those of all."""
  check = own.checks.get('ground', lambda options: None)
  filled = {}
  for name, given in config['searches'].items():
    if not isinstance(given, Mapping):
      raise BadInput(
        f'searches.{name} is {given!r}; give a table of options, such as '
        '{"levels": 2}'
      )
    filled[name] = _options(
      {**config['search'], **given}, own.ground, f'searches.{name}', system
    )
    check(filled[name])
  return filled


def _options(
  given: Mapping[str, Any], known: Mapping[str, Any], table: str, system: str
) -> dict[str, Any]:
  """The known options, those that are given in place of the system's own."""
  options = {k: None if isinstance(v, type) else v for k, v in known.items()}
  for name, value in given.items():
    if value is None:
      continue
    if name not in known:
      near = difflib.get_close_matches(name, known) or list(known)
      remedy = f'use {" or ".join(near)}' if near else 'leave it out'
      raise BadInput(f'the system {system!r} knows no {table}.{name}; {remedy}')
    options[name] = _of_kind(value, known[name], f'{table}.{name}')
  # In one order, whatever the system's: the record of a run is compared.
  return dict(sorted(options.items()))


def _of_kind(value: Any, own: Any, name: str) -> Any:
  """The value, if it is of the type that `own` is or has; None has any."""
  if own is None:
    return value
  kind = own if isinstance(own, type) else type(own)
  if kind is float and type(value) is int:
    value = float(value)
  if type(value) is not kind:
    usual = f'a value of type {kind.__name__}'
    if own is not kind:
      usual = f'a value like the usual {own!r}'
    raise BadInput(f'{name} is {value!r}; give {usual}')
  return value
