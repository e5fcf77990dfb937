"""What a system can be trained for, by the name that a config gives it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from vtg_jax.errors import BadInput

Task = TypeVar('Task')


def named_task(
  values: Mapping[str, Any], tasks: Mapping[str, Callable[..., Task]]
) -> Task:
  """The task that a config describes.

  Args:
    values: Plain types: 'task', one of `tasks`, 'answers' when left out; the
      rest is the task's own.
    tasks: Name -> class.

  Raises:
    BadInput: no such task, or what the task complains about.
  """
  values = dict(values)
  name = values.pop('task', 'answers')
  if name not in tasks:
    raise BadInput(f'task is {name!r}; use one of {", ".join(tasks)}')
  return tasks[name](values)
