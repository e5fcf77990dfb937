"""Every recorded case of ReVisionLLM's search comes out again."""

import copy
import json
import pathlib

import pytest

from vtg_jax.systems import replay_cases
from vtg_jax.systems.replay import compare_values
from vtg_jax.systems.revisionllm.replay.search_cases import find_rule

GOLDEN = pathlib.Path(__file__).parents[3] / 'golden' / 'revisionllm'
RECORDED = json.loads((GOLDEN / 'python_cases.json').read_text())
KEYS = tuple(key for key in RECORDED if find_rule(key, RECORDED[key]))


def replay(values):
  return replay_cases.replay_values(copy.deepcopy(values), find_rule)


def test_the_cases_of_the_search_are_all_replayed():
  assert set(KEYS) >= {
    'dense_parse',
    'dense_parse_no_scores',
    'sparse_parse',
    'gt_windows',
    'dense_windows',
    'sparse_windows',
    'bottom_up_restriction',
    'recall_metrics',
    'seconds_to_frame_label',
    'entropy',
  }


def test_every_recorded_case_passes():
  replayed = replay({key: RECORDED[key] for key in KEYS})
  assert [c for c in replayed.comparisons if not c.passed] == []
  assert json.loads(json.dumps(replayed.values)).keys() == set(KEYS)


@pytest.mark.parametrize('key', KEYS)
def test_a_wrong_record_fails(key):
  """No computed field is left out of the comparison, none is copied."""
  cases = copy.deepcopy(RECORDED[key])
  rule = find_rule(key, cases)
  listed = isinstance(cases, list)
  case = cases[0] if listed else cases
  for field in rule.compared(case):
    right = case[field]
    longer = field in {'calls', 'query_shapes'}
    case[field] = [*right, right[-1]] if longer else spoilt(right)
    others = {'dense_parse': RECORDED['dense_parse']}
    got = replay({**others, key: cases[:1] if listed else cases})
    case[field] = right
    ours = [c for c in got.comparisons if c.name.startswith(key)]
    assert [c for c in ours if not c.passed], field
    made = got.values[key]
    made = made[0] if isinstance(made, list) else made
    assert compare_values(field, made[field], right, 2e-6).passed


def spoilt(value):
  """A record with its last entry changed."""
  if isinstance(value, dict):
    name = list(value)[-1]
    return {**value, name: spoilt(value[name])}
  if isinstance(value, list):
    return [*value[:-1], spoilt(value[-1])] if value else ['more']
  return value + 1 if isinstance(value, int | float) else '1' + value
