"""Replays recorded cases of a system's rules through the library.

A file of cases is a JSON object: a key names a rule, its value holds the
cases. A `Rule` says for a key which fields a case gives and which are
computed; its function stands between them and sees only what is given.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.systems.replay.comparison import (
  Comparison,
  compare_values,
  failure,
)

FILE_NAME = 'cases.json'
# The field that a case has which is no object but a bare value.
BARE = 'value'

Case = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReplayedCases:
  """What came of a file of cases.

  Attributes:
    comparisons: one a case, in the file's order; what could not be replayed
      is there as a failure.
    values: the file with every computed field computed by us; None in place
      of what could not be.
  """

  comparisons: tuple[Comparison, ...]
  values: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
  """How the cases of one key are replayed.

  Attributes:
    replay: from the given fields of a case, and the whole file, to the
      computed fields.
    gives: fields that a case must have.
    computes: fields that a case must have, and that are compared. A field in
      both holds questions and answers side by side.
    may_give: fields that a case may have.
    may_compute: fields that a case may have, and that are then compared.
    one_case: the key holds one case whose computed fields are lists, with a
      result for each entry; otherwise the key holds a list of cases.
    bare: the cases of the list are no objects but values of the field `BARE`.
    tolerance: largest difference of floats that passes. Seconds and scores
      are float64 in the reference's order of operations.
    relative: whether the tolerance is relative to each number.
  """

  replay: Callable[[Case, Case], dict[str, Any]]
  gives: tuple[str, ...]
  computes: tuple[str, ...]
  may_give: tuple[str, ...] = ()
  may_compute: tuple[str, ...] = ()
  one_case: bool = False
  bare: bool = False
  tolerance: float = 1e-9
  relative: bool = False

  def compared(self, case: Case) -> tuple[str, ...]:
    """The computed fields that a case records."""
    return (*self.computes, *(f for f in self.may_compute if f in case))


# The rule of a key, which may look at its cases; None where there is none.
FindRule = Callable[[str, Any], Rule | None]


def read_cases(folder: str | pathlib.Path) -> dict[str, Any]:
  """What a folder's cases.json holds.

  Raises:
    BadInput: the file is missing or no JSON object.
  """
  path = pathlib.Path(folder) / FILE_NAME
  try:
    recorded = json.loads(path.read_text(encoding='utf-8'))
  except FileNotFoundError:
    raise BadInput(f'{path} is missing; give a folder that has it') from None
  except ValueError as error:
    raise BadInput(f'{path} is not JSON: {error}; fetch it again') from error
  if not isinstance(recorded, dict):
    raise BadInput(f'{path} holds no JSON object; fetch it again')
  return recorded


def replay_values(
  recorded: Mapping[str, Any], find_rule: FindRule
) -> ReplayedCases:
  """Replays the contents of a file of cases; never raises for them."""
  comparisons: list[Comparison] = []
  values: dict[str, Any] = {}
  for key, cases in recorded.items():
    rule = find_rule(key, cases)
    if rule is None:
      comparisons.append(failure(key, f'no rule replays {key!r}'))
      values[key] = None
    elif rule.one_case:
      ours, results = _replay_one(key, rule, cases, recorded)
      values[key] = ours
      comparisons += results
    elif not isinstance(cases, list):
      comparisons.append(failure(key, 'is no list of cases'))
      values[key] = None
    else:
      values[key] = []
      for i, case in enumerate(cases):
        ours, result = _replay_listed(f'{key}[{i}]', rule, case, recorded)
        values[key].append(ours)
        comparisons.append(result)
  return ReplayedCases(comparisons=tuple(comparisons), values=values)


def _replay_listed(
  name: str, rule: Rule, case: Any, file: Case
) -> tuple[Any, Comparison]:
  """One case of a list, one result."""
  if rule.bare:
    case = {BARE: case}
  computed = _compute(rule, case, file)
  if isinstance(computed, str):
    return None, failure(name, computed, tolerance=rule.tolerance)
  want = {field: case[field] for field in rule.compared(case)}
  ours = computed[BARE] if rule.bare else {**case, **computed}
  return ours, _compare(name, rule, computed, want)


def _replay_one(
  key: str, rule: Rule, case: Any, file: Case
) -> tuple[Any, list[Comparison]]:
  """One large case, a result for each entry of its computed lists."""
  computed = _compute(rule, case, file)
  if isinstance(computed, str):
    return None, [failure(key, computed, tolerance=rule.tolerance)]
  results = []
  for field in rule.compared(case):
    name, got, want = f'{key}.{field}', computed[field], case[field]
    lists = _is_list(got) and _is_list(want)
    if not lists or len(got) != len(want):
      results.append(_compare(name, rule, got, want))
      continue
    results += [
      _compare(f'{name}[{i}]', rule, g, w)
      for i, (g, w) in enumerate(zip(got, want, strict=True))
    ]
  return {**case, **computed}, results


def _compute(rule: Rule, case: Any, file: Case) -> dict[str, Any] | str:
  """The computed fields of a case, or why they could not be computed."""
  if not isinstance(case, Mapping):
    return f'case is a {type(case).__name__}, not an object'
  needed = {*rule.gives, *rule.computes}
  known = needed | {*rule.may_give, *rule.may_compute}
  missing, unknown = sorted(needed - set(case)), sorted(set(case) - known)
  if missing or unknown:
    return f'fields missing: {missing}, unknown: {unknown}'
  given = {
    field: case[field]
    for field in (*rule.gives, *rule.may_give)
    if field in case
  }
  try:
    computed = rule.replay(given, file)
    return {field: computed[field] for field in rule.compared(case)}
  except Exception as error:  # whatever a strange case sets off is its result
    return f'{type(error).__name__}: {error}'


def _compare(name: str, rule: Rule, got: Any, want: Any) -> Comparison:
  return compare_values(name, got, want, rule.tolerance, relative=rule.relative)


def _is_list(value: Any) -> bool:
  return isinstance(value, Sequence) and not isinstance(value, str)
