"""What a loader process does besides loading: it ends with the run, not before.

A run that is killed leaves no loader behind. A run that is asked to stop, along
with all its processes, still gets the batches it needs until it has saved.
"""

import multiprocessing
import os
import signal
import threading

# How long loading goes on after the process was asked to end.
_GRACE_S = 30.0


def settle(worker: int, n_workers: int) -> None:
  """Sets up this loader process; called in it before it loads.

  Args:
    worker: which one this is; not used.
    n_workers: of how many; not used.
  """
  del worker, n_workers
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  signal.signal(signal.SIGTERM, _end_later)
  run = multiprocessing.parent_process()
  if run is not None:
    threading.Thread(target=_end_with, args=(run,), daemon=True).start()


def _end_with(run) -> None:
  run.join()
  os._exit(0)


def _end_later(signum, frame) -> None:
  del signum, frame
  timer = threading.Timer(_GRACE_S, os._exit, args=(0,))
  timer.daemon = True
  timer.start()
