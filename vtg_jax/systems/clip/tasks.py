"""What a dual encoder can be trained for, by name."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.systems.clip.training import HintedPairs, Pairs
from vtg_jax.systems.training.named_tasks import named_task

TASKS = {'answers': Pairs, 'hinted': HintedPairs}


def task(values: Mapping[str, Any]) -> Pairs:
  """The task that a config describes; see `named_task`."""
  return named_task(values, TASKS)
