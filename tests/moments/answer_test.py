"""Answer and Caption: what they accept and how they are written."""

import json
import math

import pytest

from vtg_jax.moments import Answer, Caption, Moment


def test_json_of_a_caption_holds_its_span_and_text():
  caption = Caption(
    start_s=1.0, end_s=2.5, text='A dog runs.', score=0.25, system='x'
  )
  assert caption.duration_s == 1.5
  assert json.loads(json.dumps(caption.to_json())) == {
    'start_s': 1.0,
    'end_s': 2.5,
    'text': 'A dog runs.',
    'score': 0.25,
    'system': 'x',
  }


def test_a_caption_that_ends_before_it_starts_is_refused():
  with pytest.raises(ValueError, match='start_s=3.0 is after end_s=2.0'):
    Caption(start_s=3.0, end_s=2.0, text='', score=0.5)


def test_json_of_an_answer_holds_its_evidence():
  answer = Answer(
    question='Who runs?',
    text='(B) a dog',
    choice=1,
    probabilities=(0.25, 0.75),
    evidence=(Moment(start_s=1.0, end_s=2.0, score=0.5),),
    score=0.75,
    system='x',
  )
  written = json.loads(json.dumps(answer.to_json()))
  assert written['choice'] == 1
  assert written['probabilities'] == [0.25, 0.75]
  assert written['evidence'][0]['end_s'] == 2.0
  assert written['question'] == 'Who runs?'
  assert Answer(question='Why?', text='So.', score=0.1).to_json() == {
    'question': 'Why?',
    'text': 'So.',
    'choice': None,
    'probabilities': [],
    'evidence': [],
    'score': 0.1,
    'system': '',
  }


@pytest.mark.parametrize(
  'bad',
  [
    {'score': math.nan},
    {'probabilities': (0.5, 1.5)},
    {'choice': 2, 'probabilities': (0.5, 0.5)},
    {'choice': -1},
  ],
)
def test_answers_that_make_no_sense_are_refused(bad):
  with pytest.raises(ValueError, match='score|probability|choice'):
    Answer(**({'question': '?', 'text': '', 'score': 0.5} | bad))
