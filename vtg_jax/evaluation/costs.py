"""What answers cost: the numbers that they carry, and their seconds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def mean_costs(answered: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
  """Returns means over the lines of a run that did not fail.

  In:  [{'seconds': 2.0, 'duration': 3600.0, 'cost': {'calls': 7}}]
  Out: {'seconds': 2.0, 'cost.calls': 7.0,
        'per_hour': {'seconds': 2.0, 'cost.calls': 7.0}}

  Args:
    answered: each with the seconds it took, the seconds of its video and,
      where its system says so, a table of numbers, nested or not.

  Returns:
    Mean a sentence by dotted name, of the lines that have it; under
    'per_hour' the same over hours of video.
  """
  costs = [
    {'seconds': r['seconds'], **_numbers(r.get('cost'), 'cost.')}
    for r in answered
  ]
  means, per_hour = {}, {}
  for name in dict.fromkeys(name for cost in costs for name in cost):
    having = [
      (cost[name], r['duration'])
      for cost, r in zip(costs, answered, strict=True)
      if name in cost
    ]
    values, durations_s = np.array(having, np.float64).T
    means[name] = float(values.mean())
    per_hour[name] = float(values.sum() / durations_s.sum() * 3600)
  return {**means, 'per_hour': per_hour}


def _numbers(cost: Any, prefix: str) -> dict[str, float]:
  """Numbers of nested tables by dotted names."""
  if isinstance(cost, Mapping):
    return {
      name: number
      for key, value in cost.items()
      for name, number in _numbers(value, f'{prefix}{key}.').items()
    }
  is_number = isinstance(cost, int | float) and not isinstance(cost, bool)
  return {prefix.removesuffix('.'): float(cost)} if is_number else {}
