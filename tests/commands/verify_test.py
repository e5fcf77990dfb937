import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.commands import golden_names
from vtg_jax import cli
from vtg_jax.systems import registry
from vtg_jax.systems.replay.comparison import Comparison

ROOT = Path(__file__).resolve().parents[2]
# How the tests compile, which is not how users do: see `tests/conftest.py`.
OF_THE_TESTS = ('XLA_FLAGS', 'JAX_DISABLE_MOST_OPTIMIZATIONS')


def run(*arguments):
  return cli.main([str(a) for a in arguments])


@pytest.mark.parametrize('system', golden_names.SYSTEMS)
def test_a_golden_folder_is_replayed_whole_and_within_tolerance(
  system, tmp_path
):
  environment = {k: v for k, v in os.environ.items() if k not in OF_THE_TESTS}
  out = tmp_path / 'arrays.npz'
  done = subprocess.run(
    [sys.executable, '-m', 'vtg_jax', 'verify', f'tests/golden/{system}']
    + ['--json', '--out', str(out)],
    cwd=ROOT,
    env={**environment, 'XDG_CACHE_HOME': str(tmp_path)},
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stdout + done.stderr
  document = json.loads(done.stdout)
  assert document['passed']
  names = {one['name'] for one in document['comparisons'] if one['passed']}
  assert len(names) == len(document['comparisons']) > 100
  assert golden_names.compared(system) <= names
  kinds = {name.split('[')[0].split('.')[0] for name in names}
  assert golden_names.cases(system) <= kinds
  with np.load(out) as arrays:
    assert golden_names.written(system) <= set(arrays.files)
    for recorded in golden_names.records(system):
      assert recorded.keys() <= names
      for name, array in recorded.items():
        assert arrays[name].shape == array.shape, name
        assert arrays[name].dtype.kind == array.dtype.kind, name


@pytest.fixture
def replayed(monkeypatch):
  def script(*comparisons, arrays=None):
    monkeypatch.setattr(
      registry, 'replay', lambda folder: (list(comparisons), arrays or {})
    )

  return script


def compared(name, diff, *, passed=True, note=''):
  return Comparison(
    name=name, max_abs_diff=diff, tolerance=1e-5, passed=passed, note=note
  )


def test_verify_passes_and_groups_the_cases(capsys, replayed):
  replayed(
    compared('a', 2e-6), compared('iou[0]', 0.0), compared('iou[1]', 0.0)
  )
  assert run('verify', 'folder') == 0
  out = capsys.readouterr().out
  assert 'iou (2)' in out and '2.00e-06' in out and '3 of 3' in out
  assert run('verify', 'folder', '--verbose') == 0
  assert 'iou[1]' in capsys.readouterr().out


def test_verify_names_each_failure_and_exits_1(capsys, replayed):
  replayed(
    compared('iou[0]', 0.0),
    compared('iou[1]', None, passed=False, note='cannot be replayed'),
  )
  assert run('verify', 'folder') == 1
  out = capsys.readouterr().out
  assert 'iou[1]' in out and 'FAIL    cannot be replayed' in out
  assert '1 of 2' in out


def test_verify_of_nothing_is_no_pass(capsys, replayed):
  replayed()
  assert run('verify', 'folder') == 1


def test_verify_writes_arrays_and_json(capsys, replayed, tmp_path):
  replayed(compared('a::b', 1e-6), arrays={'a::b': np.arange(3)})
  out = tmp_path / 'arrays.npz'
  assert run('verify', 'folder', '--json', '--out', out) == 0
  document = json.loads(capsys.readouterr().out)
  assert document['passed'] and document['comparisons'][0]['name'] == 'a::b'
  with np.load(out) as arrays:
    assert arrays['a::b'].tolist() == [0, 1, 2]


def test_what_is_read_is_not_written_over(tmp_path, capsys):
  golden = tmp_path / 'golden'
  golden.mkdir()
  (golden / 'outputs.npz').write_bytes(b'kept')
  assert run('verify', golden, '--out', golden / 'outputs.npz') == 2
  assert 'only read' in capsys.readouterr().err
  assert (golden / 'outputs.npz').read_bytes() == b'kept'
