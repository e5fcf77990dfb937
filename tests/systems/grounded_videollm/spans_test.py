"""From scores and written tokens to moments and told events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.systems.grounded_videollm import golden, tiny
from vtg_jax.errors import BadInput
from vtg_jax.systems.grounded_videollm import choices, prompt
from vtg_jax.systems.grounded_videollm.spans import TimeScale, scored_moments
from vtg_jax.systems.grounded_videollm.told import told_events
from vtg_jax.systems.grounded_videollm.wording import Wording, asked_text
from vtg_jax.systems.writing import Written

M = 20
SCALE = TimeScale(duration_s=10.0, n_intervals=M)


@pytest.fixture(scope='module', params=golden.NAMES)
def wording(request):
  return Wording(tiny.config(request.param), tiny.tokenizer(request.param))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31), st.floats(0.1, 30), st.integers(1, 5))
def test_scored_spans_are_ordered_and_inside(seed, sharpness, top_k):
  rng = np.random.default_rng(seed)
  start, end = sharpness * rng.normal(size=(2, M + 1))
  moments = scored_moments('a', start, end, SCALE, top_k=top_k)
  assert 1 <= len(moments) <= top_k
  for moment in moments:
    assert 0 <= moment.start_s <= moment.end_s <= 10
    assert 0 <= moment.score <= 1
  assert moments[0].start_range_s is not None
  assert all(m.start_range_s is None for m in moments[1:])


def test_a_sure_network_leaves_no_doubt():
  start, end = np.full((2, M + 1), -50.0)
  start[4] = end[12] = 0.0
  (moment,) = scored_moments('a', start, end, SCALE, top_k=1)
  assert (moment.start_s, moment.end_s) == (2.0, 6.0)
  assert moment.score == pytest.approx(1)
  assert moment.start_range_s == (2.0, 2.0)
  assert moment.end_range_s == (6.0, 6.0)


def test_scores_that_are_not_numbers_are_bad_input():
  with pytest.raises(BadInput, match='NaN'):
    scored_moments('a', np.full(M + 1, np.nan), np.zeros(M + 1), SCALE, top_k=1)


def told(wording, text):
  ids = wording.answer_ids(text)
  written = Written([*ids, wording.end_id], np.full(len(ids) + 1, np.log(0.5)))
  return told_events(written, wording, SCALE)


@pytest.mark.parametrize(
  ('text', 'want'),
  [
    (
      'From <2> to <6>, a dog runs. From <6> to <20>, it barks at <8>.',
      [(1, 3, 'a dog runs.'), (3, 10, 'it barks at 4.00 seconds.')],
    ),
    # Ends before it starts; has no words; is cut off.
    ('From <9> to <6>, no. From <1> to <2>, yes.', [(0.5, 1, 'yes.')]),
    ('From <2> to <6>. From <1> to <2>, yes.', [(0.5, 1, 'yes.')]),
    ('From <2> to <6>, a dog. From <7>', [(1, 3, 'a dog.')]),
    ('Nothing happens.', []),
  ],
)
def test_told_events_are_read(wording, text, want):
  events = told(wording, text)
  # The tiny tokenizers may lose a space at a piece's seam.
  found = [(e.start_s, e.end_s, e.text.replace(' ', '')) for e in events]
  assert found == [(s, e, words.replace(' ', '')) for s, e, words in want]
  assert all(e.score == pytest.approx(0.5) for e in events)


def test_answers_are_tokens_as_behind_a_question(wording):
  """As training has them, in one piece with the separator."""
  words = wording.span_words()
  ids = wording.answer_ids('From <3> to <7>.')
  first, last = (int(wording.time_ids[m]) for m in (3, 7))
  n = len(words.lead)
  assert tuple(ids[:n]) == words.lead
  assert ids[n] == first
  assert tuple(ids[n + 1 : ids.index(last)]) == words.middle


def test_asked_seconds_become_words_of_time():
  text = asked_text(prompt.about_span(1e-5, 9.99), SCALE)
  assert text == 'What is happening from <0> to <19>?'
  assert asked_text('What is at 3 seconds?', SCALE) == 'What is at <6>?'


def test_choices_are_asked_and_answered_with_letters():
  asked = choices.choice_question('Who?', ['a cat', 'a dog'])
  assert asked == 'Question: Who?\nOptions:\n(A) a cat\n(B) a dog'
  assert choices.choice_question(asked.split('\n')[0], ['a cat', 'a dog']) == (
    asked
  )
  full = choices.choice_answers(['a cat', 'a dog'], letters_only=False)
  assert full == ['Answer: (A) a cat', 'Answer: (B) a dog']
  short = choices.choice_answers(['a cat', 'a dog'], letters_only=True)
  assert short == ['Answer: (A)', 'Answer: (B)']
  for reply, index in ((full[1], 1), ('B.', 1), ('a cat', 0), ('So.', None)):
    assert choices.chosen_option(reply, ['a cat', 'a dog']) == index
