"""What a HawkEye can be trained for, by name."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.systems.hawkeye.cell_warmup import CellWarmup, TokenWarmup
from vtg_jax.systems.hawkeye.frame_hints import HintedAnswers
from vtg_jax.systems.hawkeye.training import HawkEyeTask

TASKS = {
  'answers': HawkEyeTask,
  'hinted_answers': HintedAnswers,
  'cells': CellWarmup,
  'tokens': TokenWarmup,
}


def task(values: Mapping[str, Any]) -> HawkEyeTask:
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
