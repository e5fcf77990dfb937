"""Replays recorded cases of HawkEye's rules through the library.

A file of cases is a JSON object: a key names a rule, its value holds cases
(or one larger case). Each rule has a `Rule` below: the fields it reads, the
fields it computes, and the function between them, which sees nothing of what
it must compute.
"""

import dataclasses
import json
import pathlib
import random
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from input_pipeline import frame_choice, hawkeye_samples, internvid_g
from vtg_jax.decode import stopping
from vtg_jax.errors import BadInput
from vtg_jax.metrics import grounding, question_answering
from vtg_jax.moments import coarse, coarse_crop
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.config import RELEASED_STOP_IDS
from vtg_jax.systems.replay import Comparison, compare_values, failure
from vtg_jax.train import schedule

FILE_NAME = 'cases.json'
# Seconds and scores are float64 in the reference's order of operations.
TOLERANCE = 1e-9

Case = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReplayedCases:
  """What came of a file of cases.

  Attributes:
    comparisons: one a case, in the file's order; a case that could not be
      replayed is there as a failure.
    values: the file with every computed field computed by us; None in place
      of what could not be.
  """

  comparisons: tuple[Comparison, ...]
  values: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
  """How the cases of one key are replayed.

  Attributes:
    replay: from the `reads` fields of a case to its `computes` fields.
    reads: fields that must be there.
    computes: fields that must be there, and are compared. A field may be in
      both: then it mixes both, and the function says what it reads of it.
    may_read: fields that may be there.
    entries: whether the case is one object whose computed lists hold an entry
      a result; otherwise the key holds a list of cases.
    tolerance: largest difference of floats that passes.
    relative: whether the tolerance is relative to each number.
  """

  replay: Callable[[Case], Case]
  reads: frozenset[str]
  computes: tuple[str, ...]
  may_read: frozenset[str] = frozenset()
  entries: bool = False
  tolerance: float = TOLERANCE
  relative: bool = False


def replay_cases(folder: str | pathlib.Path) -> ReplayedCases:
  """Replays every entry of a folder's cases.json.

  Raises:
    BadInput: the file is missing or no JSON object.
  """
  path = pathlib.Path(folder) / FILE_NAME
  try:
    recorded = json.loads(path.read_text(encoding='utf-8'))
  except FileNotFoundError:
    raise BadInput(f'{path} is missing; give a folder with it') from None
  except ValueError as error:
    raise BadInput(f'{path} is not JSON ({error}); fetch it again') from error
  if not isinstance(recorded, dict):
    raise BadInput(f'{path} holds no JSON object; fetch it again')
  return replay_values(recorded)


def replay_values(recorded: Mapping[str, Any]) -> ReplayedCases:
  """Replays cases that were read from a file already."""
  comparisons: list[Comparison] = []
  values: dict[str, Any] = {}
  recorded = resolve_references(recorded)
  for key, cases in recorded.items():
    rule = RULES.get(key)
    if rule is None:
      comparisons.append(failure(key, f'no rule replays {key!r}'))
      values[key] = None
    elif rule.entries:
      values[key] = _replay_entries(key, rule, cases, comparisons)
    elif not isinstance(cases, list):
      comparisons.append(failure(key, 'not a list of cases'))
      values[key] = None
    else:
      values[key] = [
        _replay_case(f'{key}[{i}]', rule, case, comparisons)
        for i, case in enumerate(cases)
      ]
  return ReplayedCases(comparisons=tuple(comparisons), values=values)


def resolve_references(recorded: Mapping[str, Any]) -> dict[str, Any]:
  """Puts what 'scenes_and_similarity' names in its place.

  'internvid_merge.outputs[update_method=last]' is the entry of that list with
  that value; a reference to nothing stays as it is and fails in its rule.
  """
  recorded = dict(recorded)
  spans = recorded.get('internvid_negative_span')
  if not isinstance(spans, dict):
    return recorded
  reference = spans.get('scenes_and_similarity')
  found = re.fullmatch(r'(\w+)\.(\w+)\[(\w+)=(\w+)\]', str(reference))
  if found:
    key, field, name, value = found.groups()
    try:
      (entry,) = [
        e for e in recorded[key][field] if str(e.get(name)) == value
      ]
    except (KeyError, TypeError, ValueError, AttributeError):
      return recorded
    spans = spans | {'scenes_and_similarity': _Named(reference, entry)}
    recorded['internvid_negative_span'] = spans
  return recorded
