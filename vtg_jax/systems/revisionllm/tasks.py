"""What a ReVisionLLM can be trained for, by name."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.systems.revisionllm.row_hints import HintedAnswers
from vtg_jax.systems.revisionllm.training import ReVisionLlmTask
from vtg_jax.systems.training.named_tasks import named_task

TASKS = {'answers': ReVisionLlmTask, 'hinted': HintedAnswers}


def task(values: Mapping[str, Any]) -> ReVisionLlmTask:
  """The task that a config describes; see `named_task`.

  Args:
    values: Plain types; see `ReVisionLlmTask`.

  Raises:
    BadInput: naming the entry that is missing, unknown or wrong.
  """
  return named_task(values, TASKS)
