"""What a HawkEye can be trained for, by name."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.systems.hawkeye.cell_warmup import CellWarmup, TokenWarmup
from vtg_jax.systems.hawkeye.frame_hints import HintedAnswers
from vtg_jax.systems.hawkeye.training import HawkEyeTask
from vtg_jax.systems.training.named_tasks import named_task

TASKS = {
  'answers': HawkEyeTask,
  'hinted_answers': HintedAnswers,
  'cells': CellWarmup,
  'tokens': TokenWarmup,
}


def task(values: Mapping[str, Any]) -> HawkEyeTask:
  """The task that a config describes; see `named_task`."""
  return named_task(values, TASKS)
