"""Replies of language models, good and bad."""

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from input_pipeline.grounded_qa.captions import CaptionedEvent, CaptionedVideo
from input_pipeline.grounded_qa.checks import CheckRule, Refused, checked

VIDEO = CaptionedVideo(
  name='v',
  duration_s=20.0,
  events=(CaptionedEvent(2.0, 10.0, 'a man sits'),),
)
GOOD = {
  'question': 'What does the man do?',
  'answer': 'He sits.',
  'start': 2,
  'end': 9.5,
}


def read(reply, **rule):
  text = reply if isinstance(reply, str) else json.dumps(reply)
  return checked(text, VIDEO, 0, CheckRule(**rule))


@pytest.mark.parametrize('frame', ['{}', '```json\n{}\n```', ' ```\n{}```\n'])
def test_a_good_reply_is_read(frame):
  found = read(frame.replace('{}', json.dumps(GOOD)))
  assert (found.question, found.answer) == (GOOD['question'], 'He sits.')
  assert (found.start_s, found.end_s) == (2.0, 9.5)


@pytest.mark.parametrize(
  ('changes', 'why'),
  [
    ({'question': 'What is at 0:45?'}, 'tells a time'),
    ({'question': 'What happens after 12.5 seconds?'}, 'tells a time'),
    ({'question': 'What happens from <2> on?'}, 'tells a time'),
    ({'question': 'What happens at second 3?'}, 'tells a time'),
    ({'question': 'Which timestamp is it?'}, 'tells a time'),
    ({'answer': 'After 3s he sits'}, 'tells a time'),
    ({'question': 'Does he sits not?'}, 'says the answer'),
    ({'question': 'He does what'}, 'no question mark'),
    ({'question': ' ? '}, 'question is empty'),
    ({'answer': ' ... '}, 'answer is empty'),
    ({'answer': 'so ' * 31}, 'answer is too long'),
    ({'answer': 3}, 'answer is no text'),
    ({'start': '2'}, 'start is no number'),
    ({'start': True}, 'start is no number'),
    ({'start': 9.5}, 'outside the video'),
    ({'end': 20.5}, 'outside the video'),
    ({'start': -1}, 'outside the video'),
    ({'start': 12, 'end': 18}, 'not that of the event'),
    ({'start': 2, 'end': 5.9}, 'not that of the event'),
    ({'start': float('nan')}, 'no number'),
    ({'more': 1}, 'no object of'),
  ],
)
def test_a_bad_reply_is_refused(changes, why):
  with pytest.raises(Refused, match=why):
    read(GOOD | changes)


@pytest.mark.parametrize('reply', ['', 'Sure! {}', '[1]', '3', 'null', '{"a"'])
def test_what_is_no_object_is_refused(reply):
  with pytest.raises(Refused):
    read(reply)


def test_numbers_that_are_no_times_may_stand():
  assert read(GOOD | {'question': 'What do the 2 men do?'})


@hypothesis.given(st.text())
def test_no_reply_is_a_failure(reply):
  with pytest.raises(Refused):
    read(reply)
