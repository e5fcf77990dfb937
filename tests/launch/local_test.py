import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launch import local
from tests import one_device

ROOT = Path(__file__).resolve().parents[2]
SUM_OVER_PROCESSES = """
import os
import jax
jax.distributed.initialize(
  num_processes=int(os.environ['JAX_NUM_PROCESSES']),
  process_id=int(os.environ['JAX_PROCESS_ID']),
)
from jax.experimental import multihost_utils
mine = jax.numpy.full(3, 10.0 ** jax.process_index())
total = multihost_utils.process_allgather(mine).sum(0)
assert total.tolist() == [11.0] * 3, total
assert jax.process_count() == 2
"""


def python(source):
  return [sys.executable, '-c', source]


@pytest.fixture
def one_device_a_process(monkeypatch):
  """The tests' eight pretended devices are this process's own."""
  monkeypatch.setenv('XLA_FLAGS', one_device.environment()['XLA_FLAGS'])


def test_two_processes_compute_together(one_device_a_process):
  assert local.run_together(python(SUM_OVER_PROCESSES), 2) == 0


def test_every_process_is_told_who_it_is():
  told = [
    local.environment({'HOME': '/h'}, 'localhost:9', 2, i) for i in (0, 1)
  ]
  assert [t['JAX_PROCESS_ID'] for t in told] == ['0', '1']
  assert all(t['JAX_NUM_PROCESSES'] == '2' for t in told)
  assert all(t['JAX_COORDINATOR_ADDRESS'] == 'localhost:9' for t in told)
  assert all(t['HOME'] == '/h' and t['JAX_PLATFORMS'] == 'cpu' for t in told)


def test_the_exit_code_is_that_of_the_process_that_failed():
  fails = 'import os, sys; sys.exit(3 * int(os.environ["JAX_PROCESS_ID"]))'
  assert local.run_together(python(fails), 2) == 3


def test_the_others_are_stopped_when_one_fails():
  waits = (
    'import os, signal, sys\n'
    'if os.environ["JAX_PROCESS_ID"] == "1": sys.exit(7)\n'
    'signal.pause()'
  )
  assert local.run_together(python(waits), 2) == 7


def test_a_signal_reaches_all_processes(tmp_path):
  """Each tells that it is ready, and leaves its name when it is stopped."""
  waits = (
    'import os, pathlib, signal, sys\n'
    f'folder = pathlib.Path({str(tmp_path)!r})\n'
    'i = os.environ["JAX_PROCESS_ID"]\n'
    'def stop(*_):\n'
    '  (folder / f"stopped-{i}").touch()\n'
    '  sys.exit(0)\n'
    'signal.signal(signal.SIGTERM, stop)\n'
    'os.write(1, b"r")\n'
    'signal.pause()'
  )
  launcher = (
    'from launch import local; import sys; '
    f'sys.exit(local.run_together([sys.executable, "-c", {waits!r}], 2))'
  )
  process = subprocess.Popen(python(launcher), cwd=ROOT, stdout=subprocess.PIPE)
  assert process.stdout.read(2) == b'rr'
  process.send_signal(signal.SIGTERM)
  process.wait(timeout=60)
  assert {p.name for p in tmp_path.iterdir()} == {'stopped-0', 'stopped-1'}


@pytest.mark.parametrize('arguments', [[], ['2'], ['0', 'a'], ['x', 'a']])
def test_nonsense_shows_the_usage(arguments, capsys):
  with pytest.raises(SystemExit) as stopped:
    local.main(arguments)
  assert stopped.value.code == 2
  assert 'usage' in capsys.readouterr().err


def test_two_processes_train_as_one_run(tmp_path):
  """Through the command line, sharded over both, to a checkpoint folder."""
  done = subprocess.run(
    [
      *(sys.executable, '-m', 'launch.local', '2'),
      *('hawkeye/charades_sta:quicktest', 'steps=1', 'batch_size=2'),
      *('mesh.data=1', 'mesh.fsdp=2', '--folder', str(tmp_path / 'run')),
    ],
    cwd=ROOT,
    env=one_device.environment(),
    capture_output=True,
    text=True,
    timeout=600,
  )
  assert done.returncode == 0, done.stderr[-2000:]
  assert (tmp_path / 'run' / 'model' / 'config.json').is_file()
