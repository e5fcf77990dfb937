"""Runs in processes of their own that are stopped, killed and starved."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.train.linear_task import final_params, train
from vtg_jax.train.log import read_json_lines

ROOT = Path(__file__).resolve().parents[2]


def start(folder, *arguments, before=''):
  """A process that trains; its lines are read as it writes them."""
  module = 'tests.train.linear_task'
  command = [sys.executable, '-m', module, str(folder), *arguments]
  if before:
    code = (
      f'{before}; import runpy; '
      f'runpy.run_module({module!r}, run_name="__main__")'
    )
    command = [sys.executable, '-c', code, str(folder), *arguments]
  return subprocess.Popen(
    command,
    cwd=ROOT,
    env={**os.environ, 'PYTHONPATH': str(ROOT)},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )


def run(folder, *arguments, **options):
  with start(folder, *arguments, **options) as process:
    said = process.stdout.read()
  return process.returncode, said


def stop_at(folder, step, *signals):
  """Sends signals once a step was logged; what was said, the exit code."""
  said = []
  with start(folder) as process:
    for line in process.stdout:
      said.append(line)
      if line == f'step {step}\n':
        for number in signals:
          process.send_signal(number)
  return process.returncode, ''.join(said)


def ended(said):
  step, restored, stopped = re.search(r'ended (\d+) (\d+) (\w+)', said).groups()
  return int(step), int(restored), stopped


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  folder = tmp_path_factory.mktemp('whole')
  train(folder)
  return folder


def assert_same_end(folder, whole):
  one, other = final_params(folder), final_params(whole)
  assert all(np.array_equal(one[name], other[name]) for name in other)
  losses = [line['loss'] for line in read_json_lines(folder / 'log.jsonl')]
  expected = [line['loss'] for line in read_json_lines(whole / 'log.jsonl')]
  assert losses == expected


def test_a_run_killed_again_and_again_ends_as_the_whole_one(tmp_path, whole):
  """Kill -9 before the first checkpoint and while one is written."""
  for step in (3, 9):
    code, said = stop_at(tmp_path, step, signal.SIGKILL)
    assert code == -signal.SIGKILL and 'ended' not in said
  code, said = run(tmp_path)
  assert code == 0, said
  assert ended(said)[1] in (4, 8)
  assert_same_end(tmp_path, whole)


@pytest.mark.parametrize('name', ['SIGTERM', 'SIGINT'])
def test_a_signal_saves_and_ends_the_run(tmp_path, whole, name):
  code, said = stop_at(tmp_path, 2, getattr(signal, name))
  assert code == 0, said
  step, restored, stopped = ended(said)
  assert 2 <= step < 12 and restored == 0 and stopped == name
  assert (tmp_path / 'checkpoints' / str(step)).is_dir()
  assert not (tmp_path / 'model').exists()
  code, said = run(tmp_path)
  assert ended(said) == (12, step, 'None')
  assert_same_end(tmp_path, whole)


FILE_LIMIT = (
  'import resource, signal; '
  'signal.signal(signal.SIGXFSZ, signal.SIG_IGN); '
  'resource.setrlimit(resource.RLIMIT_FSIZE, ({n}, {n}))'
)


@pytest.mark.parametrize(
  ('width', 'limit'), [(2048, 40_000), (16, 2_000)], ids=['checkpoint', 'log']
)
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half(
  tmp_path, width, limit
):
  """The limit on file size stands in for a disk that fills up."""
  folder = tmp_path / 'run'

  def interrupt(step, *_):
    if step == 6:
      raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    train(folder, width=width, show=interrupt)
  arguments = (f'width={width}',)
  code, said = run(folder, *arguments, before=FILE_LIMIT.format(n=limit))
  assert code != 0
  assert 'BadInput: ' in said and 'the disk has no room' in said
  assert _steps(folder) == ['4']
  code, said = run(folder, *arguments)
  assert ended(said) == (12, 4, 'None')
  train(tmp_path / 'whole', width=width)
  assert_same_end(folder, tmp_path / 'whole')


def _steps(folder):
  names = sorted(path.name for path in (folder / 'checkpoints').iterdir())
  return [name for name in names if name[0].isdigit()]
