"""HawkEye's prompts, letter by letter, and the cleaning of replies."""

import json
import pathlib

import pytest

from vtg_jax.systems.hawkeye import prompt

GOLDEN = pathlib.Path(__file__).parents[2] / 'golden' / 'hawkeye'


def test_grounding_prompt_is_the_recorded_one():
  recorded = json.loads((GOLDEN / 'config.json').read_text())['prompts']['gen']
  order = ('beginning', 'end', 'middle', 'throughout')
  got = prompt.grounding_prompt('a man opens a door', order, [0.5, 1.5, 2.4])
  # The record speaks of 5 frames and lists three times.
  assert got.replace('contains 3 frames', 'contains 5 frames') == recorded


def test_a_prompt_without_times_has_no_message():
  got = prompt.grounding_prompt('x', ('end',), ())
  assert '###Human: <Video><VideoHere></Video> \n###Human: ' in got


def test_video_qa_answers_without_a_space():
  got = prompt.video_qa_prompt('Who?', ['a', 'b'], [1.0])
  assert got.endswith(
    'Question: Who?\nOptions:\n(A) a\n(B) b\nOnly give the best option.\n'
    '###Assistant: Best option:('
  )
  assert got.count('Carefully watch the video') == 2


def test_a_prompt_has_one_place_for_the_video():
  texts = prompt.GROUNDING
  assert texts.video_slot in texts.video
  got = prompt.grounding_prompt('x', ('end',), [1.0])
  assert got.count(texts.video_slot) == 1


def test_chat_leaves_the_answer_to_the_model():
  got = prompt.chat_prompt('S', [('Human', 'Hi\n'), ('Assistant', None)])
  assert got == 'S###Human: Hi\n###Assistant:'


def test_an_open_answer_has_no_separator_behind_it():
  messages = [('Human', 'Hi\n'), ('Assistant', 'Well')]
  assert prompt.chat_prompt('', messages).endswith('Assistant: Well###')
  got = prompt.chat_prompt('', messages, open_answer=True)
  assert got == '###Human: Hi\n###Assistant: Well'


def test_an_open_answer_needs_a_text():
  with pytest.raises(ValueError, match='no answer open'):
    prompt.chat_prompt('', [('Assistant', None)], open_answer=True)


def test_message_rounds_times_to_tenths():
  assert prompt.video_message([0.44, 1.0]) == (
    'The video contains 2 frames sampled at 0.4, 1.0 seconds.'
  )


@pytest.mark.parametrize(
  ('ids', 'kept'),
  [
    ([1, 5], [5]),
    ([0, 1, 5], [5]),
    ([1, 0, 5], [0, 5]),
    ([5, 1], [5, 1]),
    ([0], []),
    ([], []),
  ],
)
def test_leading_unknown_and_bos_ids_are_dropped(ids, kept):
  assert prompt.reply_ids(ids) == kept


@pytest.mark.parametrize(
  ('generated', 'reply'),
  [
    ('C) At the end.###Human', '(C) At the end.'),
    ('Human: x Assistant: C) y ', '(C) y'),
    ('C) x</s>', '(C) x</s>'),  # special tokens survive
    ('', '('),
  ],
)
def test_reply_is_cut_at_the_separator(generated, reply):
  assert prompt.reply_text(generated, return_prompt='(') == reply
