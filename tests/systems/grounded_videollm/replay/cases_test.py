"""Every recorded case of Grounded-VideoLLM's rules comes out again."""

import copy
import functools
import json

import pytest

from tests.systems.grounded_videollm.golden import GOLDEN, TOLD, config_of
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.systems.grounded_videollm import prompt
from vtg_jax.systems.grounded_videollm.replay.case_rules import turns_of
from vtg_jax.systems.grounded_videollm.replay.cases import find_rule
from vtg_jax.systems.replay.cases import read_cases, replay_values
from vtg_jax.systems.replay.comparison import compare_values

RECORDED = read_cases(GOLDEN)


@functools.cache
def tokenizer(llm):
  words = time_tokens(TOLD['num_temporal_tokens'])
  return JsonTokenizer(GOLDEN / f'tokenizer_{llm}.json', words)


rule_of = functools.partial(find_rule, config_of('llama3'), tokenizer)


def replay(values):
  return replay_values(copy.deepcopy(values), rule_of)


def test_every_recorded_case_passes():
  replayed = replay(RECORDED)
  assert [c for c in replayed.comparisons if not c.passed] == []
  named = {c.name.split('[')[0].split('.')[0] for c in replayed.comparisons}
  assert named == set(RECORDED)
  written = json.loads(json.dumps(replayed.values))
  assert list(written) == list(RECORDED)
  for key, cases in RECORDED.items():
    if isinstance(cases, list):
      names = [c.name for c in replayed.comparisons if c.name.startswith(key)]
      assert names == [f'{key}[{i}]' for i in range(len(cases))]
  assert written['phi3_stage1_text'] == RECORDED['phi3_stage1_text']


@pytest.mark.parametrize('key', RECORDED)
def test_a_wrong_record_fails(key):
  """No computed field is left out of the comparison, none is copied."""
  cases = copy.deepcopy(RECORDED[key])
  rule = rule_of(key, cases)
  if rule.bare:
    (result,) = replay({key: [cases[0] + ' ']}).comparisons[:1]
    assert not result.passed
    return
  case = cases[0] if isinstance(cases, list) else cases
  for field in rule.compared(case):
    right, case[field] = case[field], ['not', 'this']
    got = replay({key: cases[:1] if isinstance(cases, list) else cases})
    case[field] = right
    assert [c for c in got.comparisons if not c.passed], field
    ours = got.values[key]
    ours = ours[0] if isinstance(ours, list) else ours
    assert compare_values(field, ours[field], right, 1e-9).passed


@pytest.mark.parametrize(
  ('key', 'said'),
  [
    ('surprise', "no rule replays 'surprise'"),
    ('phi3_surprise', "no rule replays 'phi3_surprise'"),
    ('phi4_decode', "no rule replays 'phi4_decode'"),
    ('phi3_truncation_max_txt_len_x', 'no rule replays'),
  ],
)
def test_an_unknown_key_fails(key, said):
  (result,) = replay({key: [{'ids': [1], 'text': ''}]}).comparisons
  assert not result.passed and said in result.note


def test_a_set_without_a_tokenizer_says_so_case_by_case():
  def none(llm):
    raise KeyError(f'no tokenizer of {llm!r}')

  find = functools.partial(find_rule, config_of('llama3'), none)
  keys = ('llama3_decode', 'llama3_stage1_text')
  got = replay_values({k: RECORDED[k] for k in keys}, find)
  failed = [c for c in got.comparisons if not c.passed]
  assert len(failed) == len(RECORDED['llama3_decode'])
  assert all("no tokenizer of 'llama3'" in c.note for c in failed)


@pytest.mark.parametrize('cases', [[None], [3], {'a': 1}, 'text', None])
def test_cases_of_another_shape_fail(cases):
  keys = ('seconds_to_token_training', 'metrics_not_from_reference')
  for key in (*keys, 'phi3_stage1_text'):
    got = replay({key: cases}).comparisons
    assert got and not any(c.passed for c in got), key


def test_any_threshold_and_any_cut_can_be_asked_for():
  scores = copy.deepcopy(RECORDED['metrics_not_from_reference'])
  scores |= {'R1@0.57': 62.5, 'IoP@0.9': 0.0, 'IoP@0.5': 50.0}
  got = {
    c.name: c
    for c in replay({'metrics_not_from_reference': scores}).comparisons
  }
  failed = {name.split('.', 1)[1] for name, c in got.items() if not c.passed}
  assert failed == {'IoP@0.5'}
  long = RECORDED['llama3_truncation_max_txt_len_40']
  cut = {k: [row[:35] for row in long[k]] for k in ('input_ids', 'labels')}
  for row in cut['labels']:
    row[-1] = tokenizer('llama3').token_id(prompt.LLAMA3.end)
  mask = [row[:35] for row in long['attention_mask']]
  case = {'texts': long['texts'], 'attention_mask': mask, **cut}
  assert all(
    c.passed
    for c in replay({'llama3_truncation_max_txt_len_35': case}).comparisons
  )


def test_a_score_of_another_name_cannot_be_replayed():
  scores = RECORDED['metrics_not_from_reference'] | {'CIDEr': 1.0}
  (result,) = replay({'metrics_not_from_reference': scores}).comparisons
  assert "unknown: ['CIDEr']" in result.note


def test_a_conversation_is_read_as_it_is_written():
  turns = [
    {'from': prompt.HUMAN, 'value': f'{prompt.VIDEO}\nWhat?\n(A) one'},
    {'from': prompt.ASSISTANT, 'value': 'That.\nAnd this.'},
    {'from': prompt.HUMAN, 'value': 'And?'},
    {'from': prompt.ASSISTANT, 'value': ''},
  ]
  for dialect in prompt.DIALECTS.values():
    text = prompt.conversation(turns, dialect)
    assert turns_of(text, dialect) == turns
    assert turns_of(text.removesuffix(dialect.end), dialect) == turns
    with pytest.raises(ValueError, match='is no question'):
      turns_of(f'{text} more', dialect)
