"""Entropies and likenesses become scores."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.recursion import scores
from vtg_jax.recursion.quirks import RELEASED


def test_entropy_of_equal_logits_is_the_logarithm_of_their_number():
  entropy = scores.step_entropy(np.full((2, 3, 8), 5.0))
  assert entropy.shape == (2, 3)
  np.testing.assert_allclose(entropy, math.log(8), rtol=1e-6)


def test_large_logits_are_no_trouble():
  entropy = scores.step_entropy(np.array([[1e4, 0.0, -1e4]]))
  assert abs(entropy[0]) < 1e-8


def test_steps_after_the_end_count_in_the_release_alone():
  entropies = np.array([[1.0, 3.0, 8.0], [2.0, 2.0, 2.0]])
  clean = scores.entropy_stats(entropies, np.array([2, 3]))
  assert (clean[0].mean, clean[0].max, clean[0].min) == (2.0, 3.0, 1.0)
  assert clean[0].std == pytest.approx(math.sqrt(2))
  assert clean[1].std == 0
  released = scores.entropy_stats(entropies, np.array([2, 3]), quirks=RELEASED)
  assert released[0].mean == 4.0
  assert clean[0].confidence == 0.5


@given(st.lists(st.integers(0, 7), min_size=1, max_size=9), st.integers(0, 99))
def test_answers_are_summed_up_as_each_alone(n_steps, seed):
  entropies = np.random.default_rng(seed).gamma(1, size=(len(n_steps), 7))
  entropies = entropies.astype(np.float32)
  together = scores.entropy_stats(entropies, np.array(n_steps))
  alone = [
    scores.entropy_stats(entropies[[row]], np.array([n]))[0]
    for row, n in enumerate(n_steps)
  ]
  assert repr(together) == repr(alone)  # NaN is NaN


def test_a_certain_answer_has_a_finite_confidence():
  (stats,) = scores.entropy_stats(np.array([[0.0]]))
  assert math.isnan(stats.std) and math.isfinite(stats.confidence)


def test_likeness_is_the_sum_of_the_three_best_frames():
  features = np.diag([3.0, 4.0, 5.0, 6.0])
  query = np.array([1.0, 2.0, 3.0, 4.0])
  # Each channel's only value becomes 1.
  assert scores.likeness(features, query, 0, 3) == pytest.approx(9)
  assert scores.likeness(features, query, 0, 1) == pytest.approx(3)
  assert scores.likeness(features, query, 2, 90) == pytest.approx(7)
  assert scores.likeness(features, query, 4, 9) == 0


def test_scores_merge():
  merged = scores.merged_scores([1.0, 2.0], [4.0, 1.0])
  assert merged == [-0.5, 0.75]
  assert scores.merged_scores([1.0, 2.0], [4.0, 1.0], merge='multiply') == [
    0.5,
    4.0,
  ]
  assert scores.merged_scores([1.0, 2.0], [4.0, 1.0], merge='likeness') == [
    1.0,
    2.0,
  ]
  assert scores.merged_scores([], []) == []
  with pytest.raises(ValueError, match='unknown'):
    scores.merged_scores([1.0], [1.0], merge='max')


def test_negative_likenesses_turn_around_in_the_release_alone():
  likenesses, entropies = [-1.0, -2.0], [1.0, 1.0]
  clean = scores.merged_scores(likenesses, entropies)
  assert clean[0] > clean[1]
  released = scores.merged_scores(likenesses, entropies, quirks=RELEASED)
  assert released[0] < released[1]


@given(st.lists(st.floats(-1e3, 1e3), max_size=9))
def test_scaled_scores_lie_between_0_and_1(values):
  scaled = scores.min_max_scaled(values)
  assert all(0 <= value <= 1 for value in scaled)
  if values:
    assert scaled[int(np.argmax(values))] == 1
