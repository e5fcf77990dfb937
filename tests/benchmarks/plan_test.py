import json
import subprocess
import sys

import pytest

from benchmarks import plan, table

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


PLACE = 'hawkeye/charades_sta v5e:4x4'


def row(**changes):
  document = {'n_chips': 16, 'programs': [{**PROGRAM, **changes}]}
  return plan.rows({PLACE: document})[0]


def test_a_row_tells_config_memory_work_and_traffic():
  what, measured, target = row()
  assert what == (
    '`vtg plan hawkeye/charades_sta`, v5e:4x4 (16 chips): '
    'training step, 128 samples'
  )
  assert measured.startswith('fits: 6.10 of 16 GB a chip (arguments 1.10, ')
  assert '3,241 TFLOP of which 2,401 useful' in measured
  assert 'all-gather 21 GB' in measured and 'all-to-all' not in measured
  assert target == 'fits'


def test_what_was_not_planned_has_a_row_that_says_so():
  document = {'n_chips': 16, 'programs': [PROGRAM]}
  found = plan.rows({PLACE: document, 'mine.py v5e:2x2': document})
  told = [what.split(' (')[0] for what, *_ in found]
  assert '`vtg plan grounded_videollm/stage3 batch_size=96`, v5e:4x4' in told
  n_left = len(plan.PLANS) - 1
  assert [measured for _, measured, _ in found].count('not yet run') == n_left
  assert found[-1][0].startswith('`vtg plan mine.py`, v5e:2x2 (16 chips)')


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
  plans = [PLACE, f'{PLACE} batch_size=96']
  assert plan.measure(plans) == dict.fromkeys(plans, document)


def test_a_plan_is_kept_beside_those_before(monkeypatch, tmp_path):
  monkeypatch.setattr(table, 'RESULTS', tmp_path)
  monkeypatch.setattr(plan, 'plan', lambda *of: {'programs': [], 'of': of})
  for config in ('one', 'two'):
    given = ['plan', config, 'v5e:4x4', 'batch_size=96']
    monkeypatch.setattr(sys, 'argv', given)
    plan.main()
  assert table.kept('plan') == {
    f'{config} v5e:4x4 batch_size=96': {
      'programs': [],
      'of': [config, 'v5e:4x4', 'batch_size=96'],
    }
    for config in ('one', 'two')
  }
