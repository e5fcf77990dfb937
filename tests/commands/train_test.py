import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from tests import one_device
from tests.train.linear_task import final_params
from vtg_jax import cli
from vtg_jax.systems import registry

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
from ml_collections import ConfigDict

def get_config(arg=''):
  return ConfigDict(dict(
    system='linear', steps=4, warmup_steps=1.0, batch_size=16, log_every=2,
    checkpoint_every=2, width=8, mesh=dict(data=-1, fsdp=1, tensor=1),
  ))
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
  """A config file for a small task of a system that is in the registry."""
  known = registry.SYSTEMS['hawkeye']
  linear = type(known)(
    **{**vars(known), 'train': 'tests.train.linear_task:task'}
  )
  monkeypatch.setitem(registry.SYSTEMS, 'linear', linear)
  monkeypatch.chdir(tmp_path)
  path = tmp_path / 'mine.py'
  path.write_text(CONFIG)
  return str(path)


def test_a_run_ends_with_the_folder_of_its_model(config, tmp_path, capsys):
  assert cli.main(['train', config, 'steps=6', '--folder', 'run']) == 0
  out, err = capsys.readouterr()
  assert out == 'run/model\n'
  assert err.count('\n') == 3 and 'step 6/6  loss ' in err
  assert len(final_params(tmp_path / 'run')) == 4
  lines = (tmp_path / 'run' / 'log.jsonl').read_text().splitlines()
  assert [json.loads(line)['step'] for line in lines] == [2, 4, 6]


def test_without_a_folder_the_config_names_it(config, tmp_path, capsys):
  assert cli.main(['train', f'{config}:any']) == 0
  assert (tmp_path / 'out' / 'mine-any' / 'model').is_dir()
  assert capsys.readouterr().out == 'out/mine-any/model\n'


def test_a_run_goes_on_only_as_it_was_begun(config, capsys):
  assert cli.main(['train', config, '--folder', 'run']) == 0
  capsys.readouterr()
  assert cli.main(['train', config, 'width=4', '--folder', 'run']) == 2
  _, err = capsys.readouterr()
  assert 'width was 8 and is 4' in err and err.count('\n') == 1


@pytest.mark.parametrize(
  ('arguments', 'said'),
  [
    (['stepz=3'], 'did you mean steps'),
    (['steps=three'], 'give a whole number'),
    (['steps=0'], 'steps is 0; give a number from 1 up'),
    (['mesh.tensor=3'], 'does not fit 8 devices'),
    (['batch_size=3', 'mesh.data=8'], 'does not divide'),
    (['system=nonsense'], "'nonsense' is no known system"),
  ],
  ids=lambda x: ' '.join(x) if isinstance(x, list) else '',
)
def test_bad_input_is_one_sentence(config, capsys, arguments, said):
  assert cli.main(['train', config, *arguments, '--folder', 'run']) == 2
  out, err = capsys.readouterr()
  assert out == '' and said in err
  assert err.count('\n') == 1 and err.startswith('vtg: error: ')
  assert not Path('run').exists()


def test_a_config_that_trains_nothing_says_so(capsys):
  assert cli.main(['train', 'evaluate/shape_stories']) == 2
  assert 'names no system to train' in capsys.readouterr().err


def test_processes_that_nothing_names_are_not_found():
  """In a process of its own: jax must not have begun."""
  done = subprocess.run(
    [sys.executable, '-m', 'vtg_jax', 'train', 'hawkeye/small:quicktest']
    + ['--distributed'],
    cwd=ROOT,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 2, done.stderr
  assert '--distributed found no other processes' in done.stderr
  assert done.stderr.count('\n') == 1


def test_the_cpu_is_shared_among_as_many_devices_as_asked_for():
  """In a process of its own: jax must not have begun."""
  done = subprocess.run(
    [sys.executable, '-m', 'vtg_jax', 'train', 'hawkeye/small:quicktest']
    + ['mesh.tensor=3', '--cpu-devices', '2'],
    cwd=ROOT,
    env=one_device.environment(),
    capture_output=True,
    text=True,
  )
  assert done.returncode == 2, done.stderr
  assert 'does not fit 2 devices' in done.stderr


def test_the_cpu_is_not_shared_out_once_it_is_in_use(config, capsys):
  jax.devices()
  assert cli.main(['train', config, '--cpu-devices', '2']) == 2
  _, err = capsys.readouterr()
  assert '--cpu-devices 2 cannot be had' in err and err.count('\n') == 1


def test_an_unknown_config_names_those_there_are(capsys):
  assert cli.main(['train', 'hawkeye/smal']) == 2
  assert 'hawkeye/small' in capsys.readouterr().err


def test_a_stopped_run_says_how_to_go_on(config, capsys, monkeypatch):
  from tests.train.linear_task import LinearBatches

  read = LinearBatches.__next__

  def read_then_stop(self):
    if self.get_state()['n'] == 3:
      os.kill(os.getpid(), signal.SIGTERM)
    return read(self)

  monkeypatch.setattr(LinearBatches, '__next__', read_then_stop)
  arguments = ['train', config, 'steps=50', '--folder', 'run']
  assert cli.main(arguments) == 128 + signal.SIGTERM
  out, err = capsys.readouterr()
  assert out == '' and 'SIGTERM stopped training after step' in err
  assert 'the same command goes on from there' in err
  monkeypatch.setattr(LinearBatches, '__next__', read)
  assert cli.main(arguments) == 0


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no pseudo-terminals')
def test_a_terminal_shows_a_bar_with_the_time_that_is_left():
  import pty

  code = (
    'from vtg_jax.commands.train import _shown\n'
    'with _shown() as show:\n'
    "  for step in (10, 20, 30): show(step, 30, {'loss': 1.25, 'skipped': 2})"
  )
  ours, theirs = pty.openpty()
  done = subprocess.run(
    [sys.executable, '-c', code],
    cwd=ROOT,
    stderr=theirs,
    env={**os.environ, 'COLUMNS': '100', 'TERM': 'xterm'},
  )
  os.close(theirs)
  shown = os.read(ours, 2**16).decode()
  os.close(ours)
  assert done.returncode == 0, shown
  assert '30/30' in shown and 'loss 1.2500  skipped 2' in shown
