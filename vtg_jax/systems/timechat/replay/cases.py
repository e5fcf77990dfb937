"""Recorded cases of TimeChat's rules, and what of the library computes them.

`FINDERS` is where the cases of further rooms plug in.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from vtg_jax.systems.replay import cases as replay_cases
from vtg_jax.systems.replay.cases import FindRule, Rule
from vtg_jax.systems.replay.comparison import Comparison
from vtg_jax.systems.timechat.replay import case_rules, case_rules_scores

FILE_NAME = replay_cases.FILE_NAME

# Each gives the rule of a key, or None where it has none; the first counts.
FINDERS: tuple[FindRule, ...] = (
  case_rules.find_rule,
  case_rules_scores.find_rule,
)


def find_rule(key: str, cases: Any) -> Rule | None:
  """The rule that replays the cases of a key; None where there is none."""
  found = (find(key, cases) for find in FINDERS)
  return next(filter(None, found), None)


def replay(folder: Path) -> tuple[list[Comparison], dict[str, np.ndarray]]:
  """Replays a folder's file of cases; nothing where it has none.

  Raises:
    BadInput: the file is no JSON object.
  """
  if not (folder / FILE_NAME).is_file():
    return [], {}
  recorded = replay_cases.read_cases(folder, FILE_NAME)
  cases = replay_cases.replay_values(recorded, find_rule)
  values = np.array(json.dumps(cases.values))
  return list(cases.comparisons), {FILE_NAME: values}
