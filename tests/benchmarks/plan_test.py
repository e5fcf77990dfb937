import json
import subprocess
import sys

import pytest

from benchmarks import plan

PROGRAM = {
  'name': 'training step, 128 samples',
  'fits': True,
  'refusal': '',
  'chip_bytes': 16 * 10**9,
  'needed_bytes': 6_100_000_000,
  'bytes': {
    'arguments': 1_100_000_000,
    'outputs': 200_000_000,
    'aliased': 200_000_000,
    'temporaries': 4_800_000_000,
    'code': 200_000_000,
  },
  'matmul_flops': 3_241 * 10**12,
  'useful_flops': 2_401 * 10**12,
  'collectives': {
    'all-gather': {'n_bytes': 20_800_000_000},
    'all-to-all': {'n_bytes': 100},
  },
  'compile_s': 61.0,
}


def row(**changes):
  document = {'n_chips': 16, 'programs': [{**PROGRAM, **changes}]}
  (found,) = plan.rows({'v5e:4x4': document})
  return found


def test_a_row_tells_memory_work_and_traffic():
  what, measured, target = row()
  assert what == '`vtg plan`, v5e:4x4 (16 chips): training step, 128 samples'
  assert measured.startswith('fits: 6.10 of 16 GB a chip (arguments 1.10, ')
  assert '3,241 TFLOP of which 2,401 useful' in measured
  assert 'all-gather 21 GB' in measured and 'all-to-all' not in measured
  assert target == 'fits'


def test_a_program_that_does_not_fit_says_so():
  assert row(fits=False)[1].startswith('does not fit: 6.10 of 16 GB')
  refused = row(fits=False, bytes=None, refusal='Used 20G of 15G hbm')
  assert refused[1] == 'does not fit 16 GB: Used 20G of 15G hbm'


@pytest.mark.parametrize('code', [0, 1])
def test_the_commands_document_is_kept_whether_it_fits_or_not(
  monkeypatch, code
):
  document = {'n_chips': 16, 'programs': [PROGRAM]}
  listener = f'import sys; print({json.dumps(document)!r}); sys.exit({code})'
  run = subprocess.run
  monkeypatch.setattr(
    subprocess,
    'run',
    lambda command, **options: run([sys.executable, '-c', listener], **options),
  )
  assert plan.measure(['v5e:4x4']) == {'v5e:4x4': document}
