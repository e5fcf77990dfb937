"""Arms share beginnings, and every one of them can be trained as written."""

import dataclasses

import pytest

from ablations import arms
from ablations.arms import Arm, Stage
from ablations.grounded_videollm import ABLATION
from vtg_jax import config_file
from vtg_jax.evaluation.benchmarks import benchmark

ONE = Stage(config='a/one')
ARM = Arm(name='arm', what='an arm', start='m', stages=(ONE, Stage(config='b')))


def test_equal_beginnings_are_one_folder(tmp_path):
  other = dataclasses.replace(
    ARM, stages=(ONE, Stage(config='b', overrides=('steps=3',)))
  )
  first, second = arms.folders(ARM, tmp_path), arms.folders(other, tmp_path)
  assert first[0] == second[0]
  assert first[1] != second[1]


def test_another_start_is_another_folder(tmp_path):
  other = dataclasses.replace(ARM, start='n')
  both = arms.folders(ARM, tmp_path) + arms.folders(other, tmp_path)
  assert len(set(both)) == 4


@pytest.mark.parametrize('arm', ABLATION.arms, ids=lambda arm: arm.name)
def test_configs_take_the_overrides(arm):
  for stage in arm.stages:
    start = f'start.init_from={arm.start}'
    values = config_file.read_config(stage.config, [*stage.overrides, start])
    assert values['start']['init_from'] == arm.start


def test_scoring_is_a_benchmark():
  name, *overrides = ABLATION.scoring
  values = config_file.read_config(
    name, [*overrides, 'seeds=2000000:2000001'], within='evaluate'
  )
  assert benchmark(values).items


def test_an_arm_that_was_not_run_says_so():
  table = arms.table(ABLATION, {})
  assert table.count('not yet run') == len(ABLATION.arms)


def test_a_row_has_scores_and_further_columns():
  name = ABLATION.arms[0].name
  row = {
    'answered': {
      'mean_iou': 0.5,
      'recall_0.3': 0.9,
      'recall_0.5': 0.4,
      'recall_0.7': 0.1,
    },
    'interval': {'mean_iou': [0.45, 0.55]},
  }
  found = {name: {'row': row, 'more': {'rows a video': '276'}}}
  line = arms.table(ABLATION, found).splitlines()[2]
  assert '| 50.0 | 45.0 to 55.0 | 90.0 | 40.0 | 10.0 | 276 |' in line
