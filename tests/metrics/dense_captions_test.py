"""Dense caption scores on events worked out by hand."""

import itertools

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vtg_jax.metrics import dense_captions
from vtg_jax.metrics.dense_captions import Event


def same_words(pairs):
  return [float(one == other) for one, other in pairs]


def mean_of_same(pairs):
  return float(np.mean(same_words(pairs)))


TRUE = [Event((0, 4), 'a'), Event((6, 10), 'b')]


def test_what_is_told_as_it_is_scores_one():
  assert dense_captions.soda_c(TRUE, TRUE, same_words) == 1
  assert dense_captions.soda_c(TRUE[::-1], TRUE, same_words) == 1
  found = dense_captions.localisation(TRUE, [TRUE])
  assert (found.precision, found.recall, found.f1) == (1, 1, 1)
  assert dense_captions.mean_at_thresholds(TRUE, [TRUE], mean_of_same) == 1


def test_one_event_too_many_costs_precision():
  told = [*TRUE, Event((4, 6), 'c')]
  # Two pairs of value 1: precision 2/3, recall 1.
  assert dense_captions.soda_c(told, TRUE, same_words) == pytest.approx(0.8)
  found = dense_captions.localisation(told, [TRUE])
  assert (found.precision, found.recall) == (pytest.approx(2 / 3), 1)


def test_a_crossed_story_keeps_the_better_half():
  told = [Event((0, 4), 'b'), Event((6, 10), 'a')]
  assert dense_captions.soda_c(told, TRUE, same_words) == 0
  anything = lambda pairs: [0.5] * len(pairs)  # noqa: E731
  assert dense_captions.soda_c(told, TRUE, anything) == 0.5


def test_words_count_where_spans_agree():
  # IoU 0.625 with the first event: agrees at 0.3 and 0.5 only.
  told = [Event((0, 2.5), 'a')]
  score = dense_captions.mean_at_thresholds(told, [TRUE], mean_of_same)
  assert score == 0.5
  # At 0.7 and 0.9 nothing is found.
  found = dense_captions.localisation(told, [TRUE])
  assert found.precision == 0.5 and found.recall == 0.25
  assert found.f1 == pytest.approx(1 / 3)


def test_an_iou_must_exceed_a_threshold():
  told = [Event((0, 2), 'a')]  # IoU 0.5
  assert dense_captions.localisation(told, [TRUE]).precision == 0.25


def test_what_overlaps_nothing_is_compared_with_a_word_nobody_says():
  compared = []

  def scorer(pairs):
    compared.append(pairs)
    return 0.0

  told = [Event((0, 4), 'x'), Event((4, 6), 'y')]
  others = [Event((0, 4), 'c')]
  dense_captions.mean_at_thresholds(
    told, [TRUE, others], scorer, thresholds=[0.5]
  )
  assert compared == [
    [('x', 'a'), ('x', 'c'), ('y', dense_captions.NOTHING_SAID)]
  ]


def test_the_story_hands_over_the_true_sentence_first():
  compared = []

  def scorer(pairs):
    compared.append(pairs)
    return [1.0] * len(pairs)

  dense_captions.soda_c([Event((0, 4), 'x')], TRUE, scorer)
  assert compared == [[('a', 'x'), ('b', 'x')]]


@pytest.mark.parametrize(('told', 'true'), [([], TRUE), (TRUE, []), ([], [])])
def test_nothing_scores_nothing(told, true):
  assert dense_captions.soda_c(told, true, same_words) == 0
  assert dense_captions.mean_at_thresholds(told, [true], mean_of_same) == 0
  assert dense_captions.localisation(told, [true]).f1 == 0


@hypothesis.given(
  hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    elements=st.floats(0, 1),
  )
)
def test_the_best_path_in_order_is_the_best_of_all(values):
  n, m = values.shape
  best = max(
    sum(values[i, j] for i, j in zip(rows, columns, strict=True))
    for k in range(min(n, m) + 1)
    for rows in itertools.combinations(range(n), k)
    for columns in itertools.combinations(range(m), k)
  )
  assert dense_captions.best_in_order(values) == pytest.approx(best)


def test_pairs_in_order_are_those_of_the_best_path():
  values = np.array([[0.1, 0.5, 0.2], [0.6, 0.3, 0.4]])
  assert dense_captions.pairs_in_order(values) == [(0, 1), (1, 2)]
  assert dense_captions.pairs_in_order(np.zeros((2, 2))) == [(0, 0)]
  assert dense_captions.story_score(values) == pytest.approx(
    dense_captions.harmonic(0.9 / 2, 0.9 / 3)
  )
  assert dense_captions.story_score(np.zeros((0, 2))) == 0.0


def test_the_challenges_iou_is_a_little_less_and_turns_spans_round():
  assert dense_captions.challenge_iou((4, 0), (0, 4)) == 4 / (4 + 1e-8)
  assert dense_captions.challenge_iou((5, 5), (5, 5)) == 0.0
  assert dense_captions.challenge_iou((0, 1), (2, 3)) == 0.0


def test_an_overlap_that_reaches_a_threshold_may_be_enough():
  told, true = [Event((0, 2), 'a')], [Event((0, 4), 'b')]
  (above,) = dense_captions.compared_pairs(told, true, thresholds=[0.5])
  assert above == [('a', dense_captions.NOTHING_SAID)]
  (reached,) = dense_captions.compared_pairs(
    told, true, thresholds=[0.5], reached=True
  )
  assert reached == [('a', 'b')]
