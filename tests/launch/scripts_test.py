"""The shell scripts, with programs in the cloud's place that only listen."""

import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

LAUNCH = Path(__file__).resolve().parents[2] / 'launch'
SCRIPTS = sorted(LAUNCH.glob('*.sh'))
# Words that a shell would take apart if they were not quoted.
WORDS = ['hawkeye/charades_sta', 'notice=a b; "c" $HOME', '--folder', 'x y']


@pytest.fixture
def heard(tmp_path, monkeypatch):
  """Puts listeners on the PATH; what each heard, in order."""
  folder, log = tmp_path / 'bin', tmp_path / 'log'
  folder.mkdir()
  script = tmp_path / 'listener.py'
  script.write_text(
    'import json, pathlib, sys\n'
    f'with open({str(log)!r}, "a") as log:\n'
    '  words = [pathlib.Path(sys.argv[1]).name, *sys.argv[2:]]\n'
    '  print(json.dumps(words), file=log)\n'
  )
  # The first line of a script cannot name a Python with a space in its path.
  python, path = shlex.quote(sys.executable), shlex.quote(str(script))
  listener = f'#!/bin/sh\nexec {python} {path} "$0" "$@"\n'
  for name in ('gcloud', 'xpk', 'sbatch', 'srun'):
    (folder / name).write_text(listener)
    (folder / name).chmod(0o755)
  monkeypatch.setenv('PATH', f'{folder}{os.pathsep}{os.environ["PATH"]}')

  def calls():
    lines = log.read_text().splitlines() if log.exists() else []
    return [json.loads(line) for line in lines]

  return calls


def run(script, *arguments):
  return subprocess.run(
    ['bash', LAUNCH / script, *arguments], capture_output=True, text=True
  )


def command_of(call, option):
  """What a shell at the other end makes of an option's value."""
  (value,) = (w for w in call if w.startswith(f'{option}='))
  return shlex.split(value.partition('=')[2])


def test_a_tpu_slice_trains_on_all_workers(heard):
  assert run('tpu_pod.sh', 'pod', 'us-west4-a', *WORDS).returncode == 0
  (call,) = heard()
  assert call[:6] == ['gcloud', 'compute', 'tpus', 'tpu-vm', 'ssh', 'pod']
  assert {'--worker=all', '--zone=us-west4-a'} <= set(call)
  told = command_of(call, '--command')
  assert told[-len(WORDS) - 3 :] == [
    '.venv/bin/vtg', 'train', '--distributed', *WORDS
  ]  # fmt: skip


def test_a_tpu_slice_is_installed_first_when_asked(heard):
  done = run('tpu_pod.sh', '--install', 'pod', 'zone', *WORDS)
  assert done.returncode == 0, done.stderr
  copy, install, train = heard()
  assert 'scp' in copy and 'pod:vtg_jax.tar.gz' in copy
  assert '[tpu]' in ' '.join(install)
  assert 'vtg' in ' '.join(train)


def test_xpk_gets_the_command_in_one_piece(heard):
  done = run('gke_xpk.sh', 'lab', 'run-1', 'v5litepod-16', 'image:1', *WORDS)
  assert done.returncode == 0
  (call,) = heard()
  assert call[:3] == ['xpk', 'workload', 'create']
  assert {'--cluster=lab', '--workload=run-1', '--docker-image=image:1'} <= set(
    call
  )
  told = command_of(call, '--command')
  assert told == ['vtg', 'train', '--distributed', *WORDS]


def test_slurm_starts_a_process_a_gpu(heard, monkeypatch):
  monkeypatch.setenv('SBATCH_ARGS', '--partition=a100 --time=8:00')
  assert run('slurm_gpu.sh', '2', '8', *WORDS).returncode == 0
  (call,) = heard()
  assert {
    '--nodes=2',
    '--ntasks-per-node=8',
    '--gpus-per-node=8',
    '--partition=a100',
    '--time=8:00',
  } <= set(call)
  told = command_of(call, '--wrap')
  assert told[0] == 'srun'
  assert told[-len(WORDS) - 3 :] == ['vtg', 'train', '--distributed', *WORDS]


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda p: p.name)
def test_a_script_without_arguments_tells_its_usage(script, heard):
  done = run(script.name)
  assert done.returncode == 2 and done.stderr.startswith('usage: launch/')
  assert not heard()


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda p: p.name)
def test_scripts_stop_at_the_first_fault(script):
  text = script.read_text()
  assert text.startswith('#!/usr/bin/env bash\n')
  assert 'set -euo pipefail\n' in text
  assert '/path/' + 'to' not in text
  assert script.stat().st_mode & stat.S_IXUSR


@pytest.mark.skipif(
  shutil.which('shellcheck') is None, reason='no shellcheck on the PATH'
)
@pytest.mark.parametrize('script', SCRIPTS, ids=lambda p: p.name)
def test_shellcheck_finds_nothing(script):
  done = subprocess.run(['shellcheck', script], capture_output=True, text=True)
  assert done.returncode == 0, done.stdout
