"""Every recorded case of HawkEye's rules comes out of the library again."""

import copy
import json
import pathlib
import shutil

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.systems.hawkeye.replay import cases as replay_cases

GOLDEN = pathlib.Path(__file__).parents[3] / 'golden' / 'hawkeye'


@pytest.fixture(scope='module')
def recorded():
  return json.loads((GOLDEN / 'cases.json').read_text())


@pytest.fixture(scope='module')
def replayed():
  return replay_cases.replay_cases(GOLDEN)


def only(recorded, key, **changes):
  """The file with one key, some fields of its (first) case changed."""
  cases = copy.deepcopy(recorded[key])
  case = cases[0] if isinstance(cases, list) else cases
  case.update(changes)
  return replay_cases.replay_values({key: cases})


def test_every_recorded_case_passes(replayed):
  assert [c for c in replayed.comparisons if not c.passed] == []


def test_every_number_is_the_recorded_one_to_the_last_bit(replayed):
  off = {
    c.name: c.max_abs_diff
    for c in replayed.comparisons
    if c.max_abs_diff and not c.name.startswith('lr_schedule')
  }
  assert off == {}


def test_every_key_of_the_record_has_results(recorded, replayed):
  assert set(recorded) == set(replay_cases.RULES)
  named = {c.name.split('[')[0].split('.')[0] for c in replayed.comparisons}
  assert named == set(recorded)
  for key, cases in recorded.items():
    if isinstance(cases, list):
      names = [n.name for n in replayed.comparisons if n.name.startswith(key)]
      assert names == [f'{key}[{i}]' for i in range(len(cases))]


def test_entries_of_one_large_case_are_counted(replayed):
  names = {c.name for c in replayed.comparisons}
  assert 'recursive_metrics.iou_per_turn[19]' in names
  assert 'data_preparing.outputs[5]' in names
  assert 'internvid_merge.outputs[1]' in names


def test_values_have_the_records_structure_and_are_json(recorded, replayed):
  written = json.loads(json.dumps(replayed.values))
  assert list(written) == list(recorded)
  for key, cases in recorded.items():
    if isinstance(cases, list):
      assert [list(c) for c in written[key]] == [list(c) for c in cases]
    else:
      assert list(written[key]) == list(cases)


def test_values_are_computed_not_copied(recorded):
  got = only(recorded, 'eval_frame_indices', indices=[0] * 12)
  assert got.values['eval_frame_indices'] == recorded['eval_frame_indices']
  assert not got.comparisons[0].passed
  assert all(c.passed for c in got.comparisons[1:])


@pytest.mark.parametrize('key', sorted(replay_cases.RULES))
def test_a_wrong_record_fails(recorded, key):
  """No computed field is left out of the comparison."""
  rule = replay_cases.RULES[key]
  # Negative spans refer to the merged scenes.
  file = {k: copy.deepcopy(recorded[k]) for k in {key, 'internvid_merge'}}
  if isinstance(file[key], list):
    file[key] = file[key][:1]
  case = file[key][0] if isinstance(file[key], list) else file[key]
  for field in set(rule.computes) - set(rule.gives):
    right, case[field] = case[field], ['not', 'this']
    results = replay_cases.replay_values(file).comparisons
    case[field] = right
    assert [r for r in results if r.name.startswith(key) and not r.passed]


@pytest.mark.parametrize(
  ('key', 'name', 'edit'),
  [
    (
      'recursive_metrics',
      'recursive_metrics.summary[1]',
      lambda case: case['summary'][1].update(mean_iou=0.5),
    ),
    (
      'data_preparing',
      'data_preparing.outputs[0]',
      lambda case: case['outputs'][0]['output'][2]['QA'][0].update(i='other'),
    ),
    (
      'internvid_merge',
      'internvid_merge.outputs[1]',
      lambda case: case['outputs'][1]['scenes'][0]['scenes'].pop(),
    ),
    (
      'internvid_negative_span',
      'internvid_negative_span.output_sorted_by_caption[3]',
      lambda case: case['output_sorted_by_caption'][3].update(end_sec=9.0),
    ),
  ],
)
def test_one_wrong_entry_of_a_large_case_fails_alone(recorded, key, name, edit):
  file = {k: copy.deepcopy(recorded[k]) for k in (key, 'internvid_merge')}
  edit(file[key])
  results = replay_cases.replay_values(file).comparisons
  failed = {r.name for r in results if not r.passed and r.name.startswith(key)}
  assert failed == {name}


def test_an_unknown_key_fails():
  got = replay_cases.replay_values({'surprise': [1]})
  (result,) = got.comparisons
  assert not result.passed
  assert result.note == "no rule replays 'surprise'"
  assert got.values == {'surprise': None}


def test_unknown_and_missing_fields_fail(recorded):
  got = only(recorded, 'iou', weight=2)
  assert got.comparisons[0].note == "fields missing: [], unknown: ['weight']"
  assert got.values['iou'][0] is None
  case = dict(recorded['iou'][0])
  del case['gts']
  (result,) = replay_cases.replay_values({'iou': [case]}).comparisons
  assert result.note == "fields missing: ['gts'], unknown: []"


@pytest.mark.parametrize('cases', [[None], [3], {'a': 1}, 'text', None])
def test_cases_of_another_shape_fail(cases):
  got = replay_cases.replay_values({'iou': cases, 'internvid_merge': cases})
  assert got.comparisons
  assert not any(c.passed for c in got.comparisons)


def test_an_exception_is_the_result_of_its_case(recorded):
  got = only(recorded, 'random_crop_choice', draws=[0.5])
  first, *rest = got.comparisons
  assert 'more than the 1 recorded draws' in first.note
  assert all(c.passed for c in rest)


def test_a_trace_that_stops_too_early_fails(recorded):
  trace = copy.deepcopy(recorded['recursive_grounding_traces'][0])
  trace['rounds'] = trace['rounds'][:1]
  file = {'recursive_grounding_traces': [trace]}
  (result,) = replay_cases.replay_values(file).comparisons
  assert 'IndexError' in result.note


def test_a_wrong_letter_in_a_trace_is_found(recorded):
  trace = copy.deepcopy(recorded['recursive_grounding_traces'][0])
  trace['rounds'][0]['video_msg'] += ' '
  file = {'recursive_grounding_traces': [trace]}
  (result,) = replay_cases.replay_values(file).comparisons
  assert result.note.startswith('rounds[0].video_msg: got ')


def test_learning_rates_are_compared_relatively(recorded):
  rates = dict(recorded['lr_schedule'][0]['lr_at'])
  rates['60'] *= 1 + 1e-11
  got = only(recorded, 'lr_schedule', lr_at=rates)
  assert not got.comparisons[0].passed


def test_a_reference_to_nothing_fails(recorded):
  file = dict(recorded)
  del file['internvid_merge']
  results = replay_cases.replay_values(file).comparisons
  (result,) = [r for r in results if r.name == 'internvid_negative_span']
  assert not result.passed
  assert 'KeyError' in result.note


def test_a_folder_without_cases_is_bad_input(tmp_path):
  with pytest.raises(BadInput, match='cases.json is missing'):
    replay_cases.replay_cases(tmp_path)


@pytest.mark.parametrize('text', ['', '{', '[1]', '"x"'])
def test_a_file_that_is_no_json_object_is_bad_input(tmp_path, text):
  (tmp_path / 'cases.json').write_text(text)
  with pytest.raises(BadInput, match='fetch it again'):
    replay_cases.replay_cases(tmp_path)


def test_other_files_of_the_folder_are_not_needed(tmp_path):
  shutil.copy(GOLDEN / 'cases.json', tmp_path)
  assert all(c.passed for c in replay_cases.replay_cases(tmp_path).comparisons)
