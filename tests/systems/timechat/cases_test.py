"""Every recorded case of TimeChat's rules comes out of the library again."""

import copy
import json
from pathlib import Path

import pytest

from vtg_jax.systems.replay.cases import replay_values
from vtg_jax.systems.timechat.replay import cases as replay_cases

GOLDEN = Path(__file__).parents[2] / 'golden' / 'timechat'


@pytest.fixture(scope='module')
def recorded():
  return json.loads((GOLDEN / 'cases.json').read_text())


@pytest.fixture(scope='module')
def replayed():
  return replay_cases.replay(GOLDEN)


def failed_of(recorded, key, change):
  """The names that fail where a copy of one key's cases is changed."""
  cases = copy.deepcopy(recorded[key])
  change(cases)
  found = replay_values({key: cases}, replay_cases.find_rule)
  return [one.name for one in found.comparisons if not one.passed]


def test_every_recorded_case_passes(recorded, replayed):
  comparisons, values = replayed
  assert [one for one in comparisons if not one.passed] == []
  named = {one.name.split('[')[0].split('.')[0] for one in comparisons}
  assert named == set(recorded)
  written = json.loads(str(values['cases.json']))
  assert list(written) == list(recorded)


@pytest.mark.parametrize(
  ('key', 'change', 'name'),
  [
    (
      'frame_sampling_uniform',
      lambda cases: cases[0].update(n_frms=95),
      'frame_sampling_uniform[0]',
    ),
    (
      'frame_sampling_uniform',
      lambda cases: cases[7].update(error='none'),
      'frame_sampling_uniform[7]',
    ),
    (
      'frame_sampling_rand',
      lambda cases: cases[0].update(seed=1),
      'frame_sampling_rand[0]',
    ),
    (
      'lr_schedule',
      lambda cases: cases[1]['cfg'].update(warmup_steps=14),
      'lr_schedule[1]',
    ),
    (
      'eval_prompts',
      lambda cases: cases[0].update(question='Localize Y.'),
      'eval_prompts[0]',
    ),
    (
      'parse',
      lambda case: case['tvg'][0].update(text='from 1 - 2 seconds'),
      'parse.tvg[0]',
    ),
    (
      'metric_tvg',
      lambda case: case['pred'].update({'0': []}),
      'metric_tvg.iou',
    ),
    (
      'metric_vhd',
      lambda case: case['pred'][0].update(pred_saliency_scores=[9.0]),
      'metric_vhd.brief',
    ),
    (
      'metric_dvc_end_to_end',
      lambda case: case['pred'].pop('b.mp4'),
      'metric_dvc_end_to_end',
    ),
  ],
)
def test_what_is_given_decides_what_is_computed(recorded, key, change, name):
  assert name in failed_of(recorded, key, change)


def test_an_unknown_key_fails():
  found = replay_values({'metric_bleu': []}, replay_cases.find_rule)
  assert [one.passed for one in found.comparisons] == [False]


def test_a_folder_without_cases_has_none(tmp_path):
  assert replay_cases.replay(tmp_path) == ([], {})
