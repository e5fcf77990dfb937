"""Whether a file has a form at all, judged by its first entries."""

from collections.abc import Callable
from typing import Any

from vtg_jax.errors import BadInput

# Single bad entries are replaced when they are drawn; a file of another form
# has none that is good.
_LOOKED_AT = 16


def check_first_entries(read: Callable[[int], Any], n: int) -> None:
  """Refuses a file whose first entries are all bad.

  Args:
    read: reads an entry by its number.
    n: entries there are, one or more.

  Raises:
    BadInput: what is wrong with the first.
  """
  first_fault: BadInput | None = None
  for i in range(min(n, _LOOKED_AT)):
    try:
      read(i)
    except BadInput as error:
      first_fault = first_fault or error
    else:
      return
  if first_fault is not None:
    raise first_fault
