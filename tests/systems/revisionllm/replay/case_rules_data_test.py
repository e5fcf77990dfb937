"""Every recorded case about training data comes out of the library again."""

import copy
import json
import pathlib

import pytest

from vtg_jax.systems import replay_cases as engine
from vtg_jax.systems.revisionllm.replay import case_rules_data

GOLDEN = pathlib.Path(__file__).parents[3] / 'golden' / 'revisionllm'
N_RESULTS = {
  'train_samples': 26,
  'train_hier_samples_as_released': 3,
  'retrieval_train_samples': 6,
}


@pytest.fixture(scope='module')
def recorded():
  return json.loads((GOLDEN / 'python_cases.json').read_text())


def replayed(cases, key):
  file = {name: cases[name] for name in {key, 'train_samples'}}
  found = engine.replay_values(file, case_rules_data.find_rule)
  return [c for c in found.comparisons if c.name.startswith(key)]


@pytest.mark.parametrize('key', N_RESULTS)
def test_every_case_passes(recorded, key):
  results = replayed(recorded, key)
  assert [c for c in results if not c.passed] == []
  assert len(results) == N_RESULTS[key]
  assert {c.max_abs_diff for c in results} == {0.0}


@pytest.mark.parametrize(
  ('key', 'field'),
  [
    ('train_samples', 'gpt'),
    ('train_samples', 'index_125'),
    ('train_hier_samples_as_released', 'segment_first_index'),
    ('retrieval_train_samples', 'video_ids'),
  ],
)
def test_results_are_computed_not_copied(recorded, key, field):
  cases = copy.deepcopy(recorded)
  cases[key]['samples'][1][field] = 'something else'
  (wrong,) = [c for c in replayed(cases, key) if not c.passed]
  assert wrong.name == f'{key}.samples[1]'


@pytest.mark.parametrize(
  ('changed', 'said'),
  [
    (lambda draws: draws.pop(), 'where the record ends'),
    (lambda draws: draws.append(['randint', [0, 1], 0]), 'draws: '),
    (lambda draws: draws[0].__setitem__(1, [99]), 'draws'),
  ],
)
def test_other_draws_are_found_out(recorded, changed, said):
  cases = copy.deepcopy(recorded)
  changed(cases['train_samples']['samples'][0]['draws'])
  wrong = [c for c in replayed(cases, 'train_samples') if not c.passed]
  assert said in wrong[0].note
