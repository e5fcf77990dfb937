"""The most memory that a stretch of work took."""

import contextlib
import sys
from pathlib import Path

_SELF = Path('/proc/self')
# What Linux takes for "forget the peak so far".
_FORGET_PEAK = '5'


def forget_peak() -> None:
  """Begins a new stretch; where that cannot be, the peak is of the process."""
  with contextlib.suppress(OSError):
    (_SELF / 'clear_refs').write_text(_FORGET_PEAK)


def peak_mib() -> float | None:
  """Most resident memory of this process since `forget_peak`, MiB.

  With all that was there before it; None where the system does not tell.
  """
  with contextlib.suppress(OSError, ValueError):
    for line in (_SELF / 'status').read_text().splitlines():
      if line.startswith('VmHWM:'):
        return int(line.split()[1]) / 1024
  with contextlib.suppress(ImportError):
    import resource

    unit = 1 if sys.platform == 'darwin' else 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * unit / 2**20
  return None
