"""Arms share beginnings, and every one of them can be trained as written."""

import dataclasses
from pathlib import Path

import pytest

from ablations import arms, grounded_videollm, revisionllm, timechat
from ablations.__main__ import main
from ablations.arms import Arm, Stage
from vtg_jax import config_file
from vtg_jax.evaluation.benchmarks import benchmark
from vtg_jax.systems import registry

ABLATIONS = (
  grounded_videollm.ABLATION,
  revisionllm.ABLATION,
  revisionllm.ablation(0.001),
  timechat.ABLATION,
)
ARMS = [(ablation, arm) for ablation in ABLATIONS for arm in ablation.arms]
ONE = Stage(config='a/one')
ARM = Arm(name='arm', what='an arm', start='m', stages=(ONE, Stage(config='b')))


def test_equal_beginnings_are_one_folder(tmp_path):
  other = dataclasses.replace(
    ARM, stages=(ONE, Stage(config='b', overrides=('steps=3',)))
  )
  first, second = arms.folders(ARM, tmp_path), arms.folders(other, tmp_path)
  assert first[0] == second[0]
  assert first[1] != second[1]


@pytest.mark.parametrize('start', ['n', None])
def test_another_start_is_another_folder(tmp_path, start):
  other = dataclasses.replace(ARM, start=start)
  both = arms.folders(ARM, tmp_path) + arms.folders(other, tmp_path)
  assert len(set(both)) == 4


@pytest.mark.parametrize(('ablation', 'arm'), ARMS)
def test_configs_take_the_overrides(ablation, arm):
  del ablation
  before = arm.start
  for stage in arm.stages:
    start = () if before is None else (f'start.init_from={before}',)
    values = config_file.read_config(stage.config, [*stage.overrides, *start])
    assert values['start']['init_from'] == before
    assert (values['start'].get('preset') is None) == (before is not None)
    before = 'the stage before'


@pytest.mark.parametrize(('ablation', 'arm'), ARMS)
def test_what_is_scored_as_it_is_comes_with_the_library(ablation, arm):
  assert all(part.is_dir() for part in ablation.parts.values())
  if not arm.stages:
    model = Path(arms.train(arm, Path('nowhere'), parts=ablation.parts))
    folder = registry.folder_of(str(model))
    assert all((folder / name).is_dir() for name in ablation.parts)


@pytest.mark.parametrize('share', ['0', '-1', 'nan', 'inf'])
def test_a_share_of_no_steps_is_refused(monkeypatch, capsys, share):
  monkeypatch.setattr('sys.argv', ['', 'revisionllm', f'--steps={share}'])
  with pytest.raises(SystemExit, match='2'):
    main()
  assert 'give a share above 0' in capsys.readouterr().err


# Scoring -> an arm that is scored by it.
SCORINGS = {arm.scoring or ablation.scoring: arm for ablation, arm in ARMS}
# Of all ranges of videos, the first alone is made.
ONE_VIDEO = {
  'calibration_seeds': '',
  'other_seeds': '',
  'unseen_seeds': '',
  'tuning_seeds': None,
}


@pytest.mark.parametrize('scoring', SCORINGS)
def test_scoring_is_a_benchmark(scoring):
  name, *overrides = scoring
  values = config_file.read_config(name, overrides, within='evaluate')
  first = int(values['seeds'].partition(':')[0])
  found = benchmark(values | ONE_VIDEO | {'seeds': f'{first}:{first + 1}'})
  searches = {item.search for item in found.items}
  assert searches == {''} or searches == set(SCORINGS[scoring].rows)


@pytest.mark.parametrize('ablation', ABLATIONS)
def test_an_arm_that_was_not_run_says_so(ablation):
  table = arms.table(ablation, {})
  assert table.count('not yet run') == sum(len(a.said) for a in ablation.arms)
  said = [what for arm in ablation.arms for what in arm.said]
  assert len(set(said)) == len(said)


def test_a_row_has_scores_and_further_columns(monkeypatch):
  monkeypatch.setattr(grounded_videollm, '_video_rows', lambda model: '276')
  ablation = grounded_videollm.ABLATION
  row = {
    'name': 'model',
    'answered': {
      'mean_iou': 0.5,
      'recall_0.3': 0.9,
      'recall_0.5': 0.4,
      'recall_0.7': 0.1,
    },
    'interval': {'mean_iou': [0.45, 0.55]},
  }
  found = ablation.read(ablation.arms[0], {'rows': [row]}, None)
  line = arms.table(ablation, found).splitlines()[2]
  assert '| 50.0 | 45.0 to 55.0 | 90.0 | 40.0 | 10.0 | 276 |' in line


SCORES = {'R1@0.1': 0.5, 'R1@0.3': 0.4, 'R1@0.5': 0.3, 'mIoU': 0.25}
SUMMARY = {
  'rows': [
    {'name': 'model', 'scores': SCORES},
    {'name': 'unseen combinations', 'scores': SCORES},
  ],
  'absent': [{'scores': {'f1': 0.8}}, {'scores': {'f1': 0.7}}],
  'ece': {'raw': {'0.5': 0.2}, 'calibrated': {'0.5': 0.05}},
  'hit_iou': 0.5,
  'cost': {'per_hour': {'seconds': 2.0, 'cost.sequences': 31.0}},
}  # fmt: skip


def test_searches_and_parts_have_rows_of_their_own():
  ablation = revisionllm.ABLATION
  levels, domains, alone = (ablation.arms[i] for i in (0, 1, 2))
  cost = {
    'per_hour': {'cost.sequences': 12.4, 'cost.prefill_tokens': 1234.0},
    'quoted': {'sequences': [9.6, 310.2], 'prefill_tokens': [1000.0, 1000.0]},
    'seconds_per_hour': 0.5,
    'peak_mib': None,
  }
  summary = {'searches': {'levels_2': {**SUMMARY, 'search_cost': cost}}}
  found = ablation.read(levels, summary, None)
  assert found['2 levels']['calls (quoted)'] == '12 (9.6 to 310)'
  assert found['2 levels']['tokens (quoted)'] == '1,234 (1,000)'
  assert found['2 levels']['absent F1'] == '70.0'
  found |= ablation.read(domains, SUMMARY, None)
  found |= ablation.read(alone, SUMMARY, None)
  assert len(found) == 4
  table = arms.table(ablation, found)
  assert (
    '| 2 levels | 50.0 | 40.0 | 30.0 | 25.0 | 70.0 | 0.200 | 0.050' in table
  )
  line = next(x for x in table.splitlines() if x.startswith(f'| {alone.what}'))
  assert '| 31 |' in line and '| 2.00 |' in line


def test_seeds_share_all_but_the_last_stage(tmp_path):
  runs = arms.of_seeds(dataclasses.replace(ARM, seeds=(1, 2, 3)))
  names = [run.name for run in runs]
  assert names == ['arm/seed_1', 'arm/seed_2', 'arm/seed_3']
  first, last = zip(*(arms.folders(run, tmp_path) for run in runs), strict=True)
  assert len(set(first)) == 1 and len(set(last)) == 3
  assert arms.of_seeds(ARM) == [ARM]


def test_numbers_of_seeds_are_told_by_mean_and_interval():
  """Of 1, 2 and 3: a mean of 2, and 4.30 / sqrt(3) times a deviation of 1."""
  rows = [{'a': {'x': f'{n:.1f}', 'y': 'text'}} for n in (1, 2, 3)]
  assert arms.over_seeds(rows) == {'a': {'x': '2.0 ± 2.5', 'y': 'text'}}
  assert arms.over_seeds(rows[:1]) == rows[0]
