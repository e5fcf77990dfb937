"""Random crops keep the target inside and get the category they drew."""

import random

import hypothesis
import pytest
from hypothesis import strategies as st

from vtg_jax.moments import coarse, coarse_crop


@st.composite
def target_spans(draw):
  bounds = sorted(draw(st.floats(0, 300)) for _ in range(4))
  hypothesis.assume(bounds[2] - bounds[1] > 0.01)
  return coarse_crop.TargetSpan(
    negative_start_s=bounds[0],
    start_s=bounds[1],
    end_s=bounds[2],
    negative_end_s=bounds[3],
  )


draws = st.integers(0, 2**32).map(lambda seed: random.Random(seed).random)


def span_between(start_s, end_s, low_s, high_s):
  return coarse_crop.TargetSpan(
    start_s=start_s, end_s=end_s, negative_start_s=low_s, negative_end_s=high_s
  )


@hypothesis.given(span=target_spans(), draw=draws)
def test_crop_holds_the_target_within_the_negative_span(span, draw):
  crop = coarse_crop.random_crop(span, draw, num_frames=12)
  slack = 1e-9
  assert span.negative_start_s - slack <= crop.start_s <= span.start_s + slack
  assert span.end_s - slack <= crop.end_s <= span.negative_end_s + slack
  assert crop.target_start == span.start_s - crop.start_s
  assert crop.target_end == span.end_s - crop.start_s


@hypothesis.given(span=target_spans(), draw=draws)
def test_category_drawn_is_the_label_of_the_crop(span, draw):
  crop = coarse_crop.random_crop(span, draw, num_frames=12)
  middle_s = (crop.start_s + crop.end_s) / 2
  edges = (span.start_s - middle_s, span.end_s - middle_s)
  half_s = (crop.end_s - crop.start_s) / 2
  # Draws at the very edge of a category may round across it.
  hypothesis.assume(all(abs(edge) > 1e-6 for edge in edges))
  hypothesis.assume(abs(span.duration_s - half_s) > 1e-6)
  label = coarse.label_span(span.start_s, span.end_s, crop.start_s, crop.end_s)
  assert label == crop.category


def test_an_accepted_crop_takes_three_draws():
  taken = iter([0.1, 0.2, 0.3, 0.4])
  span = span_between(4.0, 9.0, 0.0, 40.0)
  coarse_crop.random_crop(span, taken.__next__, num_frames=12)
  assert next(taken) == 0.4


def test_a_target_shorter_than_a_slot_is_drawn_ten_times():
  count = 0

  def draw():
    nonlocal count
    count += 1
    return 0.5

  span = span_between(100.0, 100.001, 0.0, 200.0)
  crop = coarse_crop.random_crop(span, draw, num_frames=2)
  assert count == 3 * coarse_crop.MAX_DRAWS
  assert crop.start_s < 100 < crop.end_s


def test_only_throughout_is_left_where_there_is_no_room():
  assert coarse_crop.available_categories(
    span_between(0.0, 5.0, 0.0, 10.0)
  ) == ['throughout']


def test_available_categories_are_listed_in_the_order_of_the_draw():
  assert coarse_crop.available_categories(
    span_between(10.0, 12.0, 0.0, 30.0)
  ) == [
    'beginning',
    'end',
    'middle',
    'throughout',
  ]


def test_an_annotation_past_the_end_of_its_video_is_still_cropped():
  span = span_between(20.0, 31.0, 0.0, 30.0)
  crop = coarse_crop.random_crop(span, random.Random(0).random, num_frames=12)
  assert crop.start_s <= 20


def test_a_span_that_ends_before_it_starts_is_refused():
  with pytest.raises(ValueError, match='ends before it starts'):
    span_between(5.0, 4.0, 0.0, 10.0)


def test_whole_crop_is_labelled_by_the_strict_rule():
  crop = coarse_crop.whole_crop(span_between(12.0, 14.0, 10.0, 30.0))
  assert (crop.start_s, crop.end_s) == (10, 30)
  assert (crop.target_start, crop.target_end) == (2, 4)
  assert crop.category == 'beginning'


@hypothesis.given(span=target_spans(), draw=draws)
def test_frames_of_a_crop_lie_between_its_first_and_last(span, draw):
  crop = coarse_crop.random_crop_frames(span, draw, num_frames=12)
  assert 0 <= crop.target_start <= crop.target_end <= 11
  assert crop.category is None


def test_seconds_of_a_crop_take_two_draws():
  taken = iter([0.5, 0.5, 0.9])
  span = span_between(4.0, 9.0, 0.0, 40.0)
  crop = coarse_crop.random_crop_seconds(span, taken.__next__, num_frames=12)
  assert next(taken) == 0.9
  assert crop.target_end - crop.target_start == pytest.approx(5)


def test_seconds_of_an_empty_target_are_refused():
  span = span_between(4.0, 4.0, 0.0, 40.0)
  with pytest.raises(ValueError, match='no length'):
    coarse_crop.random_crop_seconds(span, random.Random(0).random, num_frames=8)
