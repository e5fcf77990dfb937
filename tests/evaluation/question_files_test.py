"""Question files: MVBench's twenty and single lists."""

import json

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.evaluation import question_files
from vtg_jax.evaluation.items import QuestionItem

RAW = {
  'video': 'a.mp4',
  'question': 'Who runs?',
  'candidates': ['a cat', 'a dog'],
  'answer': 'a dog',
  'start': 2,
  'end': 9.5,
}


def written(folder, name, items):
  (folder / name).write_text(json.dumps(items))
  return folder / name


def test_a_list_becomes_items(tmp_path):
  path = written(tmp_path, 'qa.json', [RAW])
  assert question_files.question_items(path, task='T') == [
    QuestionItem(
      video='a.mp4',
      question='Who runs?',
      candidates=('a cat', 'a dog'),
      answer='a dog',
      task='T',
      start_s=2.0,
      end_s=9.5,
    )
  ]


def test_times_count_only_where_clips_are_asked_about(tmp_path):
  path = written(tmp_path, 'qa.json', [RAW])
  (item,) = question_files.question_items(path, clip=False)
  assert (item.start_s, item.end_s) == (None, None)


def test_an_answer_may_be_hidden(tmp_path):
  without = {k: v for k, v in RAW.items() if k != 'answer'}
  path = written(tmp_path, 'qa.json', [without, RAW | {'answer': None}])
  assert [i.answer for i in question_files.question_items(path)] == [None, None]


@pytest.mark.parametrize(
  'item',
  [
    {},
    'x',
    RAW | {'candidates': 3},
    RAW | {'video': 3},
    RAW | {'start': 'x', 'end': 1.0},
    RAW | {'start': float('nan'), 'end': 1.0},
    RAW | {'start': 10**400, 'end': 1.0},
    RAW | {'candidates': 'ab'},
  ],
)
def test_an_item_that_lacks_something_is_named(tmp_path, item):
  path = written(tmp_path, 'qa.json', [RAW, item])
  with pytest.raises(BadInput, match='item 2'):
    question_files.question_items(path)


def test_mvbench_has_twenty_tasks_of_which_five_show_clips():
  clips = {t for t, about in question_files.MVBENCH.items() if about.clip}
  assert len(question_files.MVBENCH) == 20
  assert clips == {
    'Action Localization',
    'Action Sequence',
    'Action Prediction',
    'Object Interaction',
    'Episodic Reasoning',
  }


def test_mvbench_tasks_name_their_file_and_their_videos(tmp_path):
  written(tmp_path, 'fine_grained_pose.json', [RAW])
  written(tmp_path, 'action_sequence.json', [RAW])
  pose, sequence = question_files.mvbench_items(
    tmp_path, ['Fine-grained Pose', 'Action Sequence']
  )
  assert (pose.task, pose.video) == ('Fine-grained Pose', 'nturgbd/a.mp4')
  assert (pose.start_s, sequence.start_s) == (None, 2.0)
  with pytest.raises(BadInput, match='Chess'):
    question_files.mvbench_items(tmp_path, ['Chess'])
  with pytest.raises(BadInput, match='action_prediction'):
    question_files.mvbench_items(tmp_path, ['Action Prediction'])
