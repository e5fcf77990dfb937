"""What a Grounded-VideoLLM can be trained for, by name."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.systems.grounded_videollm.row_hints import (
  HintedAnswers,
  RowWarmup,
)
from vtg_jax.systems.grounded_videollm.training import GroundedVideoLlmTask
from vtg_jax.systems.grounded_videollm.vision_warmup import CellWarmup
from vtg_jax.systems.training.named_tasks import named_task

TASKS = {
  'answers': GroundedVideoLlmTask,
  'hinted_answers': HintedAnswers,
  'cells': CellWarmup,
  'rows': RowWarmup,
}


def task(values: Mapping[str, Any]) -> GroundedVideoLlmTask:
  """The task that a config describes; see `named_task`."""
  return named_task(values, TASKS)
