"""The recorded search over whole films comes out again, log by log."""

import copy
import json

import pytest

from tests.systems.revisionllm.replay.search_cases_test import GOLDEN
from vtg_jax.errors import BadInput
from vtg_jax.systems.revisionllm.replay.trace import (
  Trace,
  read_trace,
  replay_trace,
)

COMPUTED = (
  'llm_calls',
  'dense_log',
  'sparse100_log',
  'sparse33_log',
  'fused',
  'fused_metrics',
  'selected_over_total',
  'single_retrieval_fused',
  'single_retrieval_metrics',
)


@pytest.fixture(scope='module')
def trace():
  return read_trace(GOLDEN)


def failed(trace):
  comparisons, _ = replay_trace(trace)
  return [c for c in comparisons if not c.passed]


def test_every_log_table_and_call_comes_out_again(trace):
  comparisons, values = replay_trace(trace)
  assert [c for c in comparisons if not c.passed] == []
  compared = {c.name.split('.')[1].split('[')[0] for c in comparisons}
  assert compared == set(COMPUTED)
  assert json.loads(json.dumps(values)).keys() == trace.told.keys()


def test_every_wrong_record_fails(trace):
  told = copy.deepcopy(dict(trace.told))
  told['dense_log'][2]['info']['scores'].reverse()
  told['sparse100_log'][0]['info']['frames'].popitem()
  told['sparse33_log'][1]['info']['mean_entropy'].reverse()
  told['fused'][2]['answer'].append('From 1 to 2.')
  told['single_retrieval_fused'].pop()
  told['fused_metrics']['mIoU'] = 3.0
  told['single_retrieval_metrics'].popitem()
  told['selected_over_total'] += 0.1
  told['llm_calls']['dense']['q0'][0]['shape'].reverse()
  assert {c.name for c in failed(Trace(told=told, arrays=trace.arrays))} == {
    'recursion_trace.dense_log[2]',
    'recursion_trace.sparse100_log[0]',
    'recursion_trace.sparse33_log[1]',
    'recursion_trace.fused[2]',
    'recursion_trace.single_retrieval_fused',
    'recursion_trace.fused_metrics',
    'recursion_trace.single_retrieval_metrics',
    'recursion_trace.selected_over_total',
    'recursion_trace.llm_calls',
  }


def test_an_answer_that_was_not_recorded_fails_what_comes_of_it(trace):
  told = copy.deepcopy(dict(trace.told))
  told['llm_calls']['dense']['q2'][0]['answers'].pop()
  names = {c.name for c in failed(Trace(told=told, arrays=trace.arrays))}
  assert 'recursion_trace.dense_log' in names
  assert not [name for name in names if 'sparse' in name]


def test_a_folder_without_a_search_has_none(tmp_path):
  assert read_trace(tmp_path) is None


@pytest.mark.parametrize('text', ['{', '[]', '{"config": {}}'])
def test_a_damaged_record_is_refused(tmp_path, text):
  (tmp_path / 'recursion_trace.json').write_text(text)
  with pytest.raises(BadInput, match='recursion_trace'):
    read_trace(tmp_path)
