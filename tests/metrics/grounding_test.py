"""Grounding scores on spans worked out by hand."""

import math

import hypothesis
import pytest
from hypothesis import strategies as st

from vtg_jax.errors import BadInput
from vtg_jax.metrics import grounding

spans = st.tuples(st.floats(0, 100), st.floats(0, 100)).map(sorted)


@hypothesis.given(a=spans, b=spans)
def test_iou_is_symmetric_and_between_zero_and_one(a, b):
  assert grounding.iou(a, b) == grounding.iou(b, a)
  assert 0 <= grounding.iou(a, b) <= 1


@hypothesis.given(span=spans)
def test_iou_of_a_span_with_itself_is_one_unless_it_is_empty(span):
  assert grounding.iou(span, span) == (1.0 if span[0] < span[1] else 0.0)


def test_iou_of_touching_moments_is_zero():
  assert grounding.iou([0, 1], [1, 2]) == 0


def test_iou_of_half_overlap():
  assert grounding.iou([0, 2], [1, 3]) == pytest.approx(1 / 3)


def test_iou_of_a_reversed_span_is_zero():
  assert grounding.iou([5, 2], [0, 10]) == 0


def test_best_of_several_true_spans_counts():
  assert grounding.best_iou([0, 2], [[10, 12], [0, 2], [1, 3]]) == 1


def test_recall_is_strictly_above_the_threshold():
  got = grounding.scores([0.5, 0.6], thresholds=(0.5,))
  assert got.recall == {0.5: 0.5}


def test_failed_examples_leave_or_join_the_denominator():
  ious = [1.0, None, 0.5, None]
  dropped = grounding.scores(ious)
  counted = grounding.scores(ious, count_failed=True)
  assert (dropped.mean_iou, dropped.n_examples) == (0.75, 2)
  assert (counted.mean_iou, counted.n_examples) == (0.375, 4)
  assert dropped.recall[0.7] == 0.5
  assert counted.recall[0.7] == 0.25


def test_scores_of_nothing_are_nan():
  got = grounding.scores([None])
  assert math.isnan(got.mean_iou)
  assert all(math.isnan(share) for share in got.recall.values())
  assert got.n_examples == 0


def test_rounds_are_scored_one_by_one():
  ious = grounding.ious_by_round(
    8.0, ['beginning', 'end'], [[2.0, 4.0]], max_rounds=3
  )
  assert ious == [0.5, 1.0, 1.0]  # what is missing counts as throughout


def test_a_throughout_ends_the_search_for_good():
  ious = grounding.ious_by_round(
    8.0, ['throughout', 'end'], [[0.0, 8.0]], max_rounds=2
  )
  assert ious == [1.0, 1.0]


def test_a_failed_example_fails_in_every_round():
  failed = grounding.ious_by_round(None, [], [[0.0, 1.0]], max_rounds=2)
  ious = [[1.0, 0.5], failed]
  first, second = grounding.scores_by_round(ious)
  assert (first.mean_iou, second.mean_iou) == (1.0, 0.5)
  first, second = grounding.scores_by_round(ious, count_failed=True)
  assert (first.mean_iou, second.mean_iou) == (0.5, 0.25)


@pytest.mark.parametrize(
  ('item', 'gold'),
  [
    ({'answer': [1, 2.5]}, [[1.0, 2.5]]),
    ({'span': [1, 2], 'answer': [5, 6]}, [[1.0, 2.0]]),
    ({'span': None, 'answer': [5, 6]}, [[5.0, 6.0]]),
    ({'answer': [[1, 2], [4, 5]]}, [[1.0, 2.0], [4.0, 5.0]]),
  ],
)
def test_true_spans_stand_under_span_or_answer(item, gold):
  assert grounding.gold_spans(item) == gold


@pytest.mark.parametrize('item', [{}, {'answer': 'A'}, {'answer': []}])
def test_an_annotation_without_a_span_is_refused(item):
  with pytest.raises(BadInput, match="'span' or 'answer'"):
    grounding.gold_spans(item)
