"""Questions about real files through a tiny HawkEye, and their accuracies."""

import math

import pytest

from vtg_jax.evaluation.annotations import videos_in
from vtg_jax.evaluation.items import QuestionItem
from vtg_jax.evaluation.question_run import QuestionOptions, run_questions
from vtg_jax.evaluation.question_summary import remarks, summarise_questions
from vtg_jax.evaluation.records import Records
from vtg_jax.metrics.bootstrap import Bootstrap

QUICK = Bootstrap(n_resamples=20)


def question(video='a.mp4', **more):
  given = dict(
    video=video, question='Who?', candidates=('a', 'b', 'c'), answer='b'
  )
  return QuestionItem(**(given | more))


def run(grounder, items, videos, folder, **options):
  asked = {'mode': 'score', 'sampling': 'paper'} | options
  options = QuestionOptions(answer=asked)
  with Records(folder, {}) as records:
    run_questions(grounder, items, videos_in(videos), records, options)
    return [records.done[i] for i in range(len(items))]


def summarise(lines):
  return summarise_questions(lines, bootstrap=QUICK)


def test_a_line_holds_answer_gold_and_both_matches(grounder, videos, tmp_path):
  (line,) = run(grounder, [question(task='T', qid=4)], videos, tmp_path)
  (wanted,) = grounder.answer(
    videos / 'a.mp4',
    'Who?',
    options=list('abc'),
    mode='score',
    sampling='paper',
  )
  assert line['prediction'] == wanted.text
  assert line['letter'] == 'ABC'[wanted.choice]
  assert line['probabilities'] == pytest.approx(list(wanted.probabilities))
  assert line['gold'] == '(B) b'
  assert line['right'] is line['right_strict'] is (wanted.choice == 1)
  assert (line['task'], line['qid'], line['error']) == ('T', 4, None)


def test_a_clip_is_asked_about_within_its_bounds(grounder, videos, tmp_path):
  item = question(start_s=1.0, end_s=2.0)
  (line,) = run(grounder, [item], videos, tmp_path)
  (wanted,) = grounder.answer(
    videos / 'a.mp4', 'Who?', options=list('abc'), start_s=1.0, end_s=2.0,
    mode='score', sampling='paper',
  )  # fmt: skip
  assert line['probabilities'] == pytest.approx(list(wanted.probabilities))


def test_a_hidden_answer_leaves_the_prediction_only(grounder, videos, tmp_path):
  lines = run(grounder, [question(answer=None)], videos, tmp_path)
  assert lines[0]['prediction'] is not None
  assert (lines[0]['gold'], lines[0]['right']) == (None, None)
  summary = summarise(lines)
  assert (summary.rows, summary.n_hidden) == ((), 1)
  assert remarks(summary)


def test_what_fails_is_wrong_and_counted(grounder, videos, tmp_path):
  items = [
    question('broken.mp4'),
    question(start_s=99.0, end_s=100.0),
    question('missing.mp4', answer=None),
  ]
  lines = run(grounder, items, videos, tmp_path)
  assert [line['right'] for line in lines] == [False, False, None]
  assert [line['prediction'] for line in lines] == [None] * 3
  assert 'ends at 8' in lines[1]['error']
  summary = summarise(lines)
  assert (summary.n_failed, summary.rows[0].accuracy) == (3, 0.0)


def line(task, right, strict, *, video='a', candidates=4):
  return {
    'task': task,
    'video': video,
    'candidates': ['x'] * candidates,
    'gold': '(A) x',
    'letter': 'A' if strict else None,
    'right': right,
    'right_strict': strict,
    'seconds': 1.0,
    'error': None,
  }


def test_tasks_weigh_alike_in_their_mean():
  lines = [
    line('one', True, True),
    line('one', True, False),
    line('one', False, False),
    line('two', False, False, candidates=2),
  ]
  one, two, everything, mean = summarise(lines).rows
  assert (one.task, one.accuracy, one.strict) == ('one', 2 / 3, 1 / 3)
  assert (two.accuracy, two.chance) == (0, 0.5)
  assert (everything.accuracy, everything.n) == (0.5, 4)
  assert (mean.accuracy, mean.chance) == (1 / 3, 0.375)
  assert math.isnan(mean.interval[0])
  assert summarise(lines).n_unreadable == 3


def test_a_single_task_has_one_row():
  (row,) = summarise([line('', True, True)]).rows
  assert (row.task, row.accuracy) == ('all', 1)
