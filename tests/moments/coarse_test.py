"""The coarse time language: labels, narrowing, options, replies."""

import itertools

import hypothesis
import pytest
from hypothesis import strategies as st

from vtg_jax.moments import coarse

orders = st.permutations(coarse.CATEGORIES)
categories = st.sampled_from(coarse.CATEGORIES)


def test_tables_name_the_same_four_categories():
  assert set(coarse.TEXTS) == set(coarse.CATEGORIES)
  assert sorted(coarse.SHUFFLE_BASE) == sorted(coarse.CATEGORIES)


@pytest.mark.parametrize(
  ('span', 'category'),
  [
    ((0.0, 4.9), 'beginning'),
    ((0.0, 5.0), 'throughout'),  # touches the middle: not strictly before it
    ((5.0, 10.0), 'throughout'),
    ((5.1, 9.0), 'end'),
    ((4.0, 6.0), 'middle'),
    ((4.9, 9.0), 'middle'),  # short and across the middle, centre elsewhere
    ((2.5, 7.5), 'throughout'),
  ],
)
def test_label_of_a_span_in_ten_seconds(span, category):
  assert coarse.label_span(*span, 0.0, 10.0) == category


def test_narrow_takes_halves():
  assert coarse.narrow(0.0, 8.0, 'beginning') == (0, 4)
  assert coarse.narrow(0.0, 8.0, 'middle') == (2, 6)
  assert coarse.narrow(0.0, 8.0, 'end') == (4, 8)
  assert coarse.narrow(0.0, 8.0, 'throughout') == (0, 8)


def test_narrow_computes_the_middle_from_its_centre():
  # s + length / 4 would give 3.0134300967634307 another last bit.
  half = coarse.span_of_path(9.642976309642977, ['beginning', 'end', 'middle'])
  assert half == (3.0134300967634307, 4.218802135468803)


def test_narrow_refuses_an_unknown_category():
  with pytest.raises(ValueError, match="category='start' is unknown"):
    coarse.narrow(0.0, 1.0, 'start')


def test_a_path_stops_at_throughout():
  path = ['end', 'throughout', 'beginning']
  assert coarse.span_of_path(8.0, path) == (4.0, 8.0)


@hypothesis.given(
  duration_s=st.floats(0.1, 1e4),
  path=st.lists(categories, max_size=6),
)
def test_a_path_decodes_to_an_interval_halved_each_round(duration_s, path):
  start_s, end_s = coarse.span_of_path(duration_s, path)
  rounds = len(list(itertools.takewhile(lambda c: c != 'throughout', path)))
  assert 0 <= start_s <= end_s <= duration_s * (1 + 1e-12)
  assert end_s - start_s == pytest.approx(duration_s / 2**rounds, rel=1e-9)


@hypothesis.given(
  fractions=st.tuples(st.floats(0, 1), st.floats(0, 1)),
  duration_s=st.floats(0.1, 1e4),
  max_rounds=st.integers(1, 6),
)
def test_a_span_survives_encoding_to_the_resolution_of_the_language(
  fractions, duration_s, max_rounds
):
  start_s, end_s = (duration_s * f for f in sorted(fractions))
  path = coarse.path_of_span(start_s, end_s, duration_s, max_rounds=max_rounds)
  low_s, high_s = coarse.span_of_path(duration_s, path)
  centre_s = (start_s + end_s) / 2
  slack_s = 1e-9 * duration_s
  assert low_s - slack_s <= centre_s <= high_s + slack_s
  resolution_s = max(2 * (end_s - start_s), duration_s / 2**max_rounds)
  assert high_s - low_s <= resolution_s + slack_s
  assert 1 <= len(path) <= max_rounds


@hypothesis.given(order=orders, category=categories)
def test_an_option_text_is_read_back(order, category):
  text = coarse.format_answer(category, order)
  assert coarse.parse_answer(text, order) == category
  assert coarse.parse_answer(f'  {text.lower()} because.###', order) == category


@pytest.mark.parametrize(
  'reply',
  ['', '(', '(A)', '(A) At t', 'At the end of the video.', 'no idea'],
)
def test_any_other_reply_means_throughout(reply):
  assert coarse.parse_answer(reply, coarse.CATEGORIES) == 'throughout'


def test_a_right_text_behind_a_wrong_letter_means_throughout():
  order = ('end', 'middle', 'beginning', 'throughout')
  assert coarse.parse_answer('(A) In the middle of the video.', order) == (
    'throughout'
  )


def test_question_shows_options_one_a_line():
  order = ('end', 'beginning', 'throughout', 'middle')
  assert coarse.grounding_question('x y', order) == (
    "Question: During which part of the video does 'x y' occur?\n"
    'Options:\n'
    '(A) At the end of the video.\n'
    '(B) At the beginning of the video.\n'
    '(C) Throughout the entire video.\n'
    '(D) In the middle of the video.'
  )


@hypothesis.given(query=st.text())
def test_any_sentence_fits_a_template(query):
  assert coarse.fill_template("does '%s' occur?", query) == (
    f"does '{query}' occur?"
  )


def test_a_template_without_a_place_for_the_sentence_is_refused():
  with pytest.raises(ValueError, match='has no %s'):
    coarse.fill_template('when?', 'a')
