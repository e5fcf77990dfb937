"""What a ReVisionLLM can be trained for."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.systems.revisionllm.training import ReVisionLlmTask


def task(values: Mapping[str, Any]) -> ReVisionLlmTask:
  """The task that a config describes.

  Args:
    values: Plain types; see `ReVisionLlmTask`.

  Raises:
    BadInput: naming the entry that is missing, unknown or wrong.
  """
  return ReVisionLlmTask(values)
