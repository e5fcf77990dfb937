"""The time language: the reference's cases, and there and back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.moments import temporal_tokens

GOLDEN = Path(__file__).parents[1] / 'golden' / 'grounded_videollm'
CASES = json.loads((GOLDEN / 'cases.json').read_text())
DURATIONS = st.floats(0.1, 1e5)
SCALES = st.integers(1, 1000)


@pytest.mark.parametrize('case', CASES['seconds_to_token_training'])
def test_texts_to_learn_from(case):
  written = temporal_tokens.write_tokens(
    case['text'], case['duration'], case['M'], clamp=False
  )
  assert written == case['out']


@pytest.mark.parametrize('case', CASES['referring_query_inference'])
def test_questions(case):
  written = temporal_tokens.write_asked_tokens(
    case['query'], case['duration'], case['M'], clamp=False
  )
  assert written == case['out']


@pytest.mark.parametrize('case', CASES['token_to_seconds_inference'])
def test_answers(case):
  for name, form in (('phi', ' {:.2f} seconds'), ('llama', '{:.2f} seconds')):
    written = temporal_tokens.write_seconds(
      case['text'], case['duration'], 300, form=form
    )
    assert written == case[name]


@given(SCALES, DURATIONS, st.floats(0, 1))
def test_a_time_is_within_a_step_of_its_token(n, duration_s, share):
  time_s = share * duration_s
  token = temporal_tokens.token_of_seconds(time_s, duration_s, n)
  assert 0 <= token <= n
  back_s = temporal_tokens.seconds_of_token(token, duration_s, n)
  assert -1e-9 * duration_s <= time_s - back_s
  assert time_s - back_s <= duration_s / n * (1 + 1e-9)


@given(SCALES, DURATIONS, st.floats(-1e6, 1e6))
def test_every_time_has_a_token(n, duration_s, time_s):
  words = temporal_tokens.time_tokens(n)
  token = temporal_tokens.token_of_seconds(time_s, duration_s, n)
  assert f'<{token}>' in words
  told = temporal_tokens.write_tokens(f'<{time_s:.3f}>', duration_s, n)
  assert told in words


def test_decimal_and_late_times_are_asked_for_as_meant():
  asked = 'from 12.5 seconds to 99 seconds'
  told = temporal_tokens.write_asked_tokens(asked, 60.0, 300)
  assert told == 'from <62> to <300>'


@pytest.mark.parametrize(
  ('answer', 'spans'),
  [
    ('From <47> to <83>.', [(4.7, 8.3)]),
    ('From<47> to<83>.', [(4.7, 8.3)]),
    ('From <1> to <2>, a man. From <3> to <5>, it.', [(0.1, 0.2), (0.3, 0.5)]),
    ('<7> - <9>', [(0.7, 0.9)]),
    ('From <9> to <7>.', []),
    ('From <9> to <101>.', []),
    ('it is not there', []),
    ('', []),
  ],
)
def test_spans_are_read_however_they_are_decoded(answer, spans):
  found = temporal_tokens.parse_spans(answer, 10.0, 100)
  assert found == [pytest.approx(span) for span in spans]


def test_the_words_come_in_the_order_they_are_added_in():
  words = temporal_tokens.time_tokens(3)
  assert words == ('<0>', '<1>', '<2>', '<3>', '<timestamp_grounding>')
