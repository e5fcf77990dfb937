"""Question texts, gold letters, and who counts as right."""

import hypothesis
import pytest
from hypothesis import strategies as st

from vtg_jax.metrics import question_answering as qa


def test_question_lists_lettered_candidates():
  assert qa.choice_question('Who?', ['a', 'b.']) == (
    'Question: Who?\nOptions:\n(A) a\n(B) b.'
  )


@pytest.mark.parametrize(
  ('answer', 'gold'),
  [
    ('Sit', '(B) Sit'),  # full stops aside
    ('run', '(@) run'),  # no candidate equals it
    ('Go', '(D) Go'),  # the last of equals
    (None, None),
  ],
)
def test_gold_takes_the_letter_of_the_last_equal_candidate(answer, gold):
  assert qa.choice_gold(['Run.', 'Sit.', 'Go', 'Go.'], answer) == gold


@pytest.mark.parametrize(
  ('prediction', 'lenient', 'strict'),
  [
    ('(B) q', True, True),
    ('(b) q', True, True),
    ('(B', True, True),
    ('B) q', True, True),
    ('(B).', True, True),
    ('(B)q', True, True),
    ('B. q', True, True),
    ('(A) x', False, False),
    ('(AB) q', False, False),
    ('Bad', False, False),
    ('', True, False),
    ('(', True, False),
    (') foo', True, False),
  ],
)
def test_replies_against_gold_b(prediction, lenient, strict):
  assert qa.choice_matches(prediction, '(B) q') is lenient
  assert qa.choice_matches_strict(prediction, '(B) q') is strict


@hypothesis.given(
  candidates=st.lists(
    st.text('abc ', min_size=1), min_size=1, max_size=6, unique=True
  ),
  data=st.data(),
)
def test_the_gold_option_itself_is_right(candidates, data):
  answer = data.draw(st.sampled_from(candidates))
  gold = qa.choice_gold(candidates, answer)
  assert qa.choice_matches(gold, gold)
  assert qa.choice_matches_strict(gold, gold)


def test_accuracy_of_tasks_and_their_mean():
  by_task = qa.accuracies([('a', True), ('a', False), ('b', True)])
  assert by_task == {'a': 0.5, 'b': 1.0}
  assert qa.mean_accuracy(by_task) == 0.75


def test_seconds_need_a_decimal_point():
  assert qa.seconds_answer_span('From second 3.0 to second 9.5.') == (3.0, 9.5)
  assert qa.seconds_answer_span('3 to 9') is None
  assert qa.seconds_answer_span('From 1.5 to') is None


def test_a_frame_is_a_slot_of_time():
  def read(text):
    return qa.frames_answer_span(text, duration_s=24.0, num_frames=12)

  assert read('From frame 2 to frame 5.') == (4.0, 12.0)
  assert read('From frame 0 to frame 20.') == (0.0, 26.0)  # held at 12, + 1
  assert read('frame 3') is None


def test_iou_of_a_reply_without_a_span_is_none():
  assert qa.timed_answer_iou(None, 'From 4.5 to 10.2.') is None
  assert qa.timed_answer_iou((0.0, 1.0), 'nothing') is None
  assert qa.timed_answer_iou((4.5, 10.2), 'From 4.5 to 10.2.') == 1.0
