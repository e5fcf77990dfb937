"""ReVisionLLM's time language, written and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.moments.frame_answers import (
  NOT_PRESENT,
  frame_label,
  frames_answer,
  parse_frames,
  parse_place,
  parse_places,
  places_answer,
)


@given(st.floats(0, 125), st.floats(0, 125))
def test_a_span_comes_back_to_half_a_frame(a_s, b_s):
  start_s, end_s = min(a_s, b_s), max(a_s, b_s)
  labels = [frame_label(second, 125, 250) for second in (start_s, end_s)]
  first, last = parse_frames(frames_answer(*labels))
  assert first / 2 == pytest.approx(start_s, abs=0.501)
  assert last / 2 == pytest.approx(end_s, abs=0.501)


@given(st.integers(0, 99), st.integers(1, 9))
def test_places_come_back(first, count):
  answer = places_answer(first, first + count)
  assert parse_places(answer) == (first, first + count - 1)
  assert parse_place(answer) == first


@pytest.mark.parametrize('answer', [NOT_PRESENT, '', 'yes', 'From x to y.'])
def test_what_names_no_number_names_nothing(answer):
  assert parse_frames(answer) is parse_place(answer) is None
  assert parse_places(answer) is None


def test_a_lone_number_is_a_place():
  assert parse_places('In video 12') == (12, 12)
  assert parse_frames('In video 12') is None
