"""Several batches under way at once, their results in the order asked.

    batch 0   ask
    batch 1        ask ---|           thread 0
    batch 2        ask ---|           thread 1
    batch 3               ask ---|

While one waits for the device, another makes its arrays; and on a CPU each has
a core. Results are the same as one after the other.
"""

import collections
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def in_order(
  ask: Callable[..., Any], asked: Iterable[tuple], *, at_once: int = 1
) -> Iterator[Any]:
  """What `ask` returns for each.

  The first is asked alone: it may compile what the others run.

  Args:
    ask: May be called by several threads, unless `at_once` is 1.
    asked: Arguments of each call; made one by one, not far ahead.
    at_once: Most calls under way.
  """
  asked = iter(asked)
  if at_once == 1:
    for one in asked:
      yield ask(*one)
    return
  first = next(asked, None)
  if first is not None:
    yield ask(*first)
  waiting = collections.deque()
  with ThreadPoolExecutor(at_once) as threads:
    for one in asked:
      waiting.append(threads.submit(ask, *one))
      if len(waiting) > at_once:
        yield waiting.popleft().result()
    while waiting:
      yield waiting.popleft().result()
