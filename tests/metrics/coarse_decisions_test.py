"""Rounds of a search against labels worked out by hand."""

import math

import hypothesis
from hypothesis import strategies as st

from vtg_jax.metrics.coarse_decisions import decision_scores, decisions
from vtg_jax.moments import coarse


def test_each_round_is_compared_with_its_own_interval():
  found = decisions(8.0, ['beginning', 'beginning'], [[1.5, 3.6]], [0.6, 0.9])
  assert [d.labels for d in found] == [('beginning',), ('throughout',)]
  assert [d.right for d in found] == [True, False]
  assert [d.on_path for d in found] == [True, True]
  assert [d.probability for d in found] == [0.6, 0.9]


def test_rounds_after_a_mistake_are_off_the_path():
  found = decisions(8.0, ['end', 'end', 'beginning'], [[2.0, 3.0]])
  assert [d.right for d in found] == [False, False, True]
  assert [d.on_path for d in found] == [True, False, False]
  scores = decision_scores(found)
  assert (scores.n, scores.n_on_path) == (3, 1)
  assert (scores.accuracy, scores.accuracy_on_path) == (1 / 3, 0)


def test_any_true_span_makes_a_choice_right():
  (only,) = decisions(8.0, ['end'], [[1.0, 2.0], [6.0, 7.0]])
  assert only.labels == ('beginning', 'end')
  assert only.right


def test_throughout_recall_counts_rounds_that_should_stop():
  stops = decisions(8.0, ['throughout'], [[1.0, 7.0]])
  goes_on = decisions(8.0, ['end'], [[1.0, 7.0]])
  misses = decisions(8.0, ['throughout'], [[1.0, 2.0]])
  scores = decision_scores([*stops, *goes_on[:1], *misses])
  assert (scores.throughout_recall, scores.n_throughout) == (0.5, 2)
  assert scores.narrowing_recall == 0


def test_no_rounds_have_no_scores():
  assert math.isnan(decision_scores([]).accuracy)


@hypothesis.given(
  start=st.floats(0, 90), length=st.floats(1, 60), rounds=st.integers(1, 5)
)
def test_the_oracle_is_always_right(start, length, rounds):
  end = min(start + length, 100.0)
  path = coarse.path_of_span(start, end, 100.0, max_rounds=rounds)
  scores = decision_scores(decisions(100.0, path, [[start, end]]))
  assert scores.accuracy == scores.accuracy_on_path == 1
