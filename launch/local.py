"""Starts `vtg train` as several CPU processes of one machine.

    python -m launch.local 2 hawkeye/small:quicktest steps=4 --folder out/two

The processes find one another on a free port of this machine and train as
one run. A dress rehearsal for pods: same code, no accelerator.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

TRAIN = (sys.executable, '-m', 'vtg_jax', 'train', '--distributed')
# How long the others get to stop on their own after one has failed, seconds.
GRACE_S = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
  """The command line of this module's docstring.

  Args:
    arguments: Without the program's name; None takes the process's own.

  Returns:
    0, or the exit code of the first process that failed.
  """
  parser = argparse.ArgumentParser(
    prog='python -m launch.local',
    description='Starts vtg train as several CPU processes.',
  )
  parser.add_argument('n', type=int, metavar='N', help='processes')
  parser.add_argument(
    'train',
    nargs=argparse.REMAINDER,
    metavar='CONFIG ...',
    help='what vtg train is given',
  )
  given = parser.parse_args(arguments)
  if given.n < 1:
    parser.error(f'N is {given.n}; use a number from 1 up')
  if not given.train:
    parser.error('CONFIG is missing; name one, such as hawkeye/small:quicktest')
  return run_together([*TRAIN, *given.train], given.n)


def run_together(command: Sequence[str], n: int) -> int:
  """Runs one command as n processes that know of one another.

  SIGINT and SIGTERM go on to all of them. When one fails the others are
  stopped: they would wait for it for ever.

  Args:
    command: Must call `jax.distributed.initialize`.
    n: Processes.

  Returns:
    0, or the exit code of the first that failed.
  """
  address = f'localhost:{free_port()}'
  processes: list[subprocess.Popen] = []

  def pass_on(number, _):
    for process in processes:
      process.send_signal(number)

  before = {
    number: signal.signal(number, pass_on)
    for number in (signal.SIGINT, signal.SIGTERM)
  }
  try:
    for i in range(n):
      told = environment(os.environ, address, n, i)
      processes.append(subprocess.Popen(command, env=told))
    return _wait(processes)
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)
    for process in processes:
      if process.poll() is None:
        process.kill()
        process.wait()


def environment(
  base: Mapping[str, str], address: str, n: int, i: int
) -> dict[str, str]:
  """What process i of n is told, on top of the environment of this one."""
  return {
    **base,
    'JAX_COORDINATOR_ADDRESS': address,
    'JAX_NUM_PROCESSES': str(n),
    'JAX_PROCESS_ID': str(i),
    'JAX_PLATFORMS': 'cpu',
  }


def free_port() -> int:
  """A TCP port that nobody listens on."""
  with socket.socket() as one:
    one.bind(('localhost', 0))
    return one.getsockname()[1]


def _wait(processes: Sequence[subprocess.Popen]) -> int:
  """Waits for all; the exit code of the first that failed, else 0."""
  running, failed, deadline = list(processes), 0, None
  while running:
    for process in list(running):
      code = process.poll()
      if code is None:
        continue
      running.remove(process)
      if code and not failed:
        failed = code if code > 0 else 128 - code
        deadline = time.monotonic() + GRACE_S
        for other in running:
          other.terminate()
    if deadline is not None and time.monotonic() > deadline:
      break
    time.sleep(0.1)
  return failed


if __name__ == '__main__':
  sys.exit(main())
