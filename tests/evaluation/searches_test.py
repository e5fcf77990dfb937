"""A tiny ReVisionLLM, its searches compared, and its scores calibrated."""

import json

import pytest

from configs.evaluate import long_searches
from tests.systems.revisionllm.tiny import write_tiny
from vtg_jax import cli
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.moments.calibration import read_calibration
from vtg_jax.systems import registry
from vtg_jax.systems.calibrated import Calibrated

QUICK = {
  'minutes': '1:1',
  'seeds': '9800000:9800001',
  'calibration_seeds': '9700000:9700001',
  'size': 16,
  'most_asked': 1,
  'false_alarm_rate': 0.5,
  'bootstrap': {'n_resamples': 20, 'level': 0.95, 'seed': 0},
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return write_tiny(tmp_path_factory.mktemp('model') / 'tiny')


def test_searches_are_compared_and_gone_on_with(folder, tmp_path):
  config = long_searches.get_config('quicktest').to_dict() | QUICK
  model = registry.load(folder, calibrated=False)
  out = tmp_path / 'out'
  done = evaluate(config, model, model='tiny', out=out)
  assert (done.n_samples, done.n_failed) == (4 * 2 * 2, 0)
  assert [row[0] for row in done.body] == list(config['searches'])
  lines = [json.loads(text) for text in (out / 'samples.jsonl').open()]
  by_search = {}
  for line in lines:
    by_search.setdefault(line['search'], []).append(line)
  for line in by_search['dense']:
    read = line['cost']['prefill_tokens']
    assert read == line['quote']['most']['prefill_tokens']
  # No search has its windows from another one's.
  encodings = {
    name: [line['cost']['encodings'] for line in found]
    for name, found in by_search.items()
  }
  assert encodings['top_down'] == encodings['released'] != [0, 0, 0, 0]
  assert encodings['likeness'] == [0, 0, 0, 0]
  for name in ('table.md', 'reliability.png', 'risk_coverage.png'):
    assert (out / name).stat().st_size > 0
  # Cut off after five lines, it ends with the same scores.
  kept = (out / 'samples.jsonl').read_text().splitlines(keepends=True)[:5]
  (out / 'samples.jsonl').write_text(''.join(kept))
  again = evaluate(config, model, model='tiny', out=out)
  assert [row[:9] for row in again.body] == [row[:9] for row in done.body]


def test_a_checkpoint_is_calibrated_in_its_folder(folder, tmp_path, capsys):
  overrides = [
    f'{name}={json.dumps(value)}'
    for name, value in QUICK.items()
    if name not in ('bootstrap', 'seeds')
  ]
  said = cli.main(
    ['calibrate', 'long_stories:quicktest', *overrides, 'hit_iou=0.1',
     '--model', str(folder), '--out', str(tmp_path / 'answers')]
  )  # fmt: skip
  assert said == 0, capsys.readouterr().err
  assert 'right is an IoU above 0.1' in capsys.readouterr().out
  stored = read_calibration(folder)
  assert stored.n_present == len(stored.absent_scores) == 1
  assert isinstance(registry.load(folder), Calibrated)
  said = cli.main(
    ['evaluate', 'long_stories:quicktest', *overrides, 'calibration_seeds=',
     'hit_iou=0.1', '--model', str(folder), '--out', str(tmp_path / 'scores')]
  )  # fmt: skip
  assert said == 0, capsys.readouterr().err
  summary = json.loads((tmp_path / 'scores' / 'summary.json').read_text())
  assert list(summary['ece']['calibrated']) == ['0.1']


def test_scores_of_another_kind_are_not_calibrated(folder, tmp_path, capsys):
  out = tmp_path / 'answers'
  said = cli.main(
    ['calibrate', 'long_stories:quicktest', 'search.search=dense',
     '--model', str(folder), '--out', str(out)]
  )  # fmt: skip
  assert said == 2 and not out.exists()
  assert 'and search.search=dense makes others' in capsys.readouterr().err


def test_calibrating_nothing_is_refused(capsys):
  assert cli.main(['calibrate', 'long_stories']) == 2
  assert 'no checkpoint is given' in capsys.readouterr().err
