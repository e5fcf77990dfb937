"""Ten kills of one training run, and how long the device waits for data.

python -m benchmarks.table resume

A tiny HawkEye (`hawkeye/small:quicktest`, with two loader processes) is
trained once without interruption and once more with SIGKILL at ten random
moments, each followed by the same command. Then `hawkeye/small` as it is takes
some steps, for the share of time in which the device waits.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import numpy as np

from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.train.log import read_json_lines

ROOT = pathlib.Path(__file__).resolve().parents[1]
N_KILLS = 10
SEED = 0
N_STEPS = 40
# Steps that a run takes at most before it is killed: about two checkpoints.
MOST_STEPS = 6
COMMAND = (
  'hawkeye/small:quicktest',
  f'steps={N_STEPS}',
  'checkpoint_every=3',
  'log_every=1',
  'data.loader.n_workers=2',
)
WAIT_STEPS = 30
WAIT_COMMAND = (
  'hawkeye/small',
  'start.preset=small',
  'start.init_from=None',
  f'steps={WAIT_STEPS}',
  'log_every=10',
  'data.loader.n_workers=2',
)


def measure() -> dict:
  """Kills and resumes; then the share of time without data."""
  with tempfile.TemporaryDirectory() as folder:
    whole = pathlib.Path(folder) / 'whole'
    finish(whole, COMMAND)
    cut = pathlib.Path(folder) / 'cut'
    kills = kill_again_and_again(cut, random.Random(SEED))
    finish(cut, COMMAND)
    waiting = pathlib.Path(folder) / 'waiting'
    finish(waiting, WAIT_COMMAND)
    lines = [line for line in logged(waiting) if 'data_wait' in line]
    seconds = [line['seconds_per_step'] for line in lines]
    waits = [line['data_wait'] for line in lines]
    return {
      'kills': kills,
      'same_weights': same_weights(whole / 'model', cut / 'model'),
      'same_losses': losses(whole) == losses(cut),
      'n_steps': N_STEPS,
      'data_wait': round(float(np.average(waits, weights=seconds)), 4),
      'samples_per_second': round(
        float(np.median([line['samples_per_second'] for line in lines])), 2
      ),
    }


def rows(result: dict) -> list[tuple[str, str, str]]:
  """(what, measured, target)."""
  kills = result['kills']
  steps = [kill['restored_step'] for kill in kills]
  same = result['same_weights'] and result['same_losses']
  return [
    (
      f'training killed {len(kills)} times, going on from steps '
      f'{", ".join(map(str, steps))} of {result["n_steps"]}: weights and '
      'losses against the uninterrupted run',
      'equal bit for bit' if same else 'DIFFERENT',
      'equal',
    ),
    (
      'share of the time in which the device waits for data, small HawkEye, '
      f'2 loader processes, {result["samples_per_second"]:.3g} samples/s',
      f'{result["data_wait"]:.1%}',
      'under 5 %',
    ),
  ]


def kill_again_and_again(
  folder: pathlib.Path, rng: random.Random
) -> list[dict]:
  """Kills runs after some steps and at some moment of the next one."""
  kills = []
  for _ in range(N_KILLS):
    n_steps, share = rng.randint(0, MOST_STEPS), rng.random()
    process = start(folder, COMMAND)
    seen, since, a_step = [], time.perf_counter(), 0.5
    while len(seen) < n_steps:
      line = process.stderr.readline()
      if not line:
        break
      if line.startswith('step '):
        seen.append(int(line.split()[1].split('/')[0]))
        now = time.perf_counter()
        a_step, since = now - since, now
    try:
      process.wait(timeout=share * min(a_step, 5.0))
    except subprocess.TimeoutExpired:
      process.kill()
    process.communicate()
    kills.append(
      {
        'restored_step': committed(folder),
        'killed_after_step': seen[-1] if seen else None,
      }
    )
  return kills


def committed(folder: pathlib.Path) -> int:
  """The newest step that has its name."""
  steps = (folder / 'checkpoints').glob('*')
  return max((int(s.name) for s in steps if s.name.isdecimal()), default=0)


def start(folder: pathlib.Path, command: tuple[str, ...]) -> subprocess.Popen:
  """One run as a process; it tells its steps on standard error."""
  return subprocess.Popen(
    [sys.executable, '-m', 'vtg_jax', 'train', *command]
    + ['--folder', str(folder)],
    cwd=ROOT,
    env={'JAX_PLATFORMS': 'cpu', **os.environ},
    stdout=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    text=True,
  )


def finish(folder: pathlib.Path, command: tuple[str, ...]) -> None:
  """Runs to the end."""
  process = start(folder, command)
  _, said = process.communicate()
  if process.returncode:
    raise RuntimeError(said)


def same_weights(one: pathlib.Path, other: pathlib.Path) -> bool:
  """Whether two models have the same parameters, bit for bit."""
  first, second = (
    flatten(checkpoint.load_params(folder)) for folder in (one, other)
  )
  return first.keys() == second.keys() and all(
    np.array_equal(first[path], second[path]) for path in first
  )


def logged(folder: pathlib.Path) -> list[dict]:
  """The lines of a run's log."""
  return read_json_lines(folder / 'log.jsonl')


def losses(folder: pathlib.Path) -> list[tuple[int, float]]:
  """The curve of a run."""
  return [(line['step'], line['loss']) for line in logged(folder)]


if __name__ == '__main__':
  print(json.dumps(measure(), indent=2))
