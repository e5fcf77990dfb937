"""How long a person waits before anything happens: import, and `vtg --help`.

python -m benchmarks.table startup
"""

import subprocess
import sys
import time
from collections.abc import Mapping

REPEATS = 7


def measure() -> dict:
  """Returns seconds of a bare interpreter, an import and a help text.

  Each is the best of several processes, the bare one's time included.
  """
  return {
    'bare_s': _best('-c', 'pass'),
    'import_s': _best('-c', 'import vtg_jax'),
    'help_s': _best('-m', 'vtg_jax', '--help'),
  }


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  import_s = result['import_s'] - result['bare_s']
  return [
    ('`import vtg_jax`, beyond a bare python', f'{import_s:.3f} s', '< 0.3 s'),
    ('`vtg --help`, whole process', f'{result["help_s"]:.3f} s', '< 1 s'),
  ]


def _best(*arguments: str) -> float:
  def once() -> float:
    begin = time.perf_counter()
    subprocess.run(
      [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - begin

  return round(min(once() for _ in range(REPEATS)), 4)
