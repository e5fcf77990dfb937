"""What a TimeChat can be trained for, by name."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.systems.timechat.frame_hints import FrameWarmup, HintedAnswers
from vtg_jax.systems.timechat.training import TimeChatTask
from vtg_jax.systems.training.named_tasks import named_task

TASKS = {
  'answers': TimeChatTask,
  'frames': FrameWarmup,
  'hinted': HintedAnswers,
}


def task(values: Mapping[str, Any]) -> TimeChatTask:
  """The task that a config describes; see `named_task`.

  Args:
    values: Plain types; see `TimeChatTask`.

  Raises:
    BadInput: naming the entry that is missing, unknown or wrong.
  """
  return named_task(values, TASKS)
