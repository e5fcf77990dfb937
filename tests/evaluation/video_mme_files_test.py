import json

import pytest

from tests.evaluation.question_run_test import line, summarise
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.video_mme_files import video_mme_items

QUESTION = {
  'question_id': '001-1',
  'task_type': 'Counting Problem',
  'question': 'How many?',
  'options': ['A. 1.', 'B. I. Newton', '(C) 3', 'D. 4.'],
  'answer': 'B',
}
VIDEO = {'videoID': 'xyz', 'duration': 'short', 'domain': 'Knowledge'}


def write(tmp_path, document):
  path = tmp_path / 'videomme.json'
  path.write_text(json.dumps(document))
  return path


def test_rows_and_videos_of_questions_are_the_same(tmp_path):
  (row,) = video_mme_items(write(tmp_path, [VIDEO | QUESTION]))
  (inner,) = video_mme_items(
    write(tmp_path, [VIDEO | {'questions': [QUESTION]}])
  )
  assert row == inner
  assert row.candidates == ('1.', 'I. Newton', '3', '4.')
  assert (row.video, row.answer, row.qid) == ('xyz', 'I. Newton', '001-1')
  assert row.groups == (
    'duration: short', 'domain: Knowledge', 'task: Counting Problem',
  )  # fmt: skip


def test_a_missing_answer_is_hidden(tmp_path):
  plain = {k: v for k, v in QUESTION.items() if k in ('question', 'options')}
  (item,) = video_mme_items(write(tmp_path, [{'video_id': '001', **plain}]))
  assert (item.video, item.answer, item.groups) == ('001', None, ())


@pytest.mark.parametrize(
  'item',
  [3, {}, VIDEO | QUESTION | {'answer': 'E'}, VIDEO | {'questions': [3]},
   VIDEO | QUESTION | {'answer': 'two'}],
)  # fmt: skip
def test_what_is_no_question_is_bad_input(tmp_path, item):
  with pytest.raises(BadInput, match='item 1 of'):
    video_mme_items(write(tmp_path, [item]))


def test_groups_have_rows_after_all_questions():
  lines = [
    line('', True, True) | {'groups': ['duration: short', 'domain: x']},
    line('', False, False) | {'groups': ['duration: long', 'domain: x']},
  ]
  rows = summarise(lines).rows
  assert [(row.task, row.accuracy) for row in rows] == [
    ('all', 0.5), ('duration: short', 1), ('domain: x', 0.5),
    ('duration: long', 0),
  ]  # fmt: skip
