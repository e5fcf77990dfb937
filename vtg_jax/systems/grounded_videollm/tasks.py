"""What a Grounded-VideoLLM can be trained for, by name."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.systems.grounded_videollm.row_hints import (
  HintedAnswers,
  RowWarmup,
)
from vtg_jax.systems.grounded_videollm.training import GroundedVideoLlmTask
from vtg_jax.systems.grounded_videollm.vision_warmup import CellWarmup

TASKS = {
  'answers': GroundedVideoLlmTask,
  'hinted_answers': HintedAnswers,
  'cells': CellWarmup,
  'rows': RowWarmup,
}


def task(values: Mapping[str, Any]) -> GroundedVideoLlmTask:
  """The task that a config describes.

  Args:
    values: Plain types: 'task', one of `TASKS`, 'answers' when left out; the
      rest is the task's own.

  Raises:
    BadInput: no such task, or what the task complains about.
  """
  values = dict(values)
  name = values.pop('task', 'answers')
  if name not in TASKS:
    raise BadInput(f'task is {name!r}; use one of {", ".join(TASKS)}')
  return TASKS[name](values)
