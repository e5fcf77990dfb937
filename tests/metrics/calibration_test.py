"""Reliability on data of known calibration, and by hand."""

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from vtg_jax.metrics.calibration import brier, reliability, reliability_at


@pytest.mark.parametrize('equal_mass', [False, True])
def test_scores_that_are_probabilities_have_almost_no_error(equal_mass):
  rng = np.random.default_rng(0)
  scores = rng.beta(2, 3, 40_000)
  came_true = rng.uniform(size=len(scores)) < scores
  bins = reliability(scores, came_true, equal_mass=equal_mass)
  assert bins.expected_error < 0.01
  assert brier(scores, came_true) == pytest.approx(
    np.mean(scores * (1 - scores)), abs=0.005
  )


@pytest.mark.parametrize('equal_mass', [False, True])
def test_sure_and_always_wrong_is_the_whole_error(equal_mass):
  bins = reliability([1.0] * 9, [False] * 9, equal_mass=equal_mass)
  assert bins.expected_error == 1
  assert brier([1.0] * 9, [False] * 9) == 1


def test_equal_width_by_hand():
  bins = reliability([0.1, 0.3, 0.5, 0.9], [False, True, False, True], n_bins=2)
  assert bins.count.tolist() == [3, 1]  # the edge 0.5 belongs to the lower
  np.testing.assert_allclose(bins.score, [0.3, 0.9])
  np.testing.assert_allclose(bins.frequency, [1 / 3, 1])
  assert bins.expected_error == pytest.approx((3 * (1 / 3 - 0.3) + 0.1) / 4)


def test_equal_mass_by_hand():
  bins = reliability(
    [0.9, 0.1, 0.5, 0.3], [True, False, False, True], n_bins=2, equal_mass=True
  )
  assert bins.count.tolist() == [2, 2]
  np.testing.assert_allclose(bins.score, [0.2, 0.7])
  np.testing.assert_allclose(bins.frequency, [0.5, 0.5])
  assert bins.expected_error == pytest.approx(0.25)


@hypothesis.given(
  pairs=st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40),
  n_bins=st.integers(1, 12),
  equal_mass=st.booleans(),
)
def test_bins_hold_every_sample_once(pairs, n_bins, equal_mass):
  scores = [p for p, _ in pairs]
  bins = reliability(
    scores, [t for _, t in pairs], n_bins=n_bins, equal_mass=equal_mass
  )
  assert bins.count.sum() == len(pairs)
  assert (bins.count > 0).all()
  assert (bins.count * bins.score).sum() == pytest.approx(sum(scores))


@hypothesis.settings(deadline=None)
@hypothesis.given(
  scores=st.lists(st.sampled_from([0.1, 0.2, 0.7]), min_size=1, max_size=20)
)
def test_equal_scores_are_never_parted(scores):
  """Whichever came first would otherwise decide the error."""
  came_true = [i % 2 == 0 for i in range(len(scores))]
  bins = reliability(scores, came_true, n_bins=4, equal_mass=True)
  pairs = list(zip(scores, came_true, strict=True))[::-1]
  again = reliability(*zip(*pairs, strict=True), n_bins=4, equal_mass=True)
  np.testing.assert_array_equal(bins.count, again.count)
  assert bins.expected_error == pytest.approx(again.expected_error)
  assert len(bins.count) <= len(set(scores))


def test_nothing_has_no_calibration():
  assert math.isnan(reliability([], []).expected_error)
  assert math.isnan(brier([], []))


def test_rounding_above_one_is_one_and_more_is_refused():
  assert reliability([1.00001], [True]).expected_error == 0
  with pytest.raises(ValueError, match='leave 0..1'):
    reliability([1.2], [True])
  with pytest.raises(ValueError, match='must agree'):
    reliability([0.2], [])


def test_an_answer_is_right_where_its_iou_exceeds_the_threshold():
  bins = reliability_at([0.9, 0.9, 0.9, 0.9], [0.2, 0.3, 0.6, 0.7], (0.3, 0.5))
  assert bins[0.3].expected_error == pytest.approx(0.4)
  assert bins[0.3].frequency.tolist() == [0.5]
  assert bins[0.5].expected_error == pytest.approx(0.4)
  assert list(reliability_at([0.5], [0.4])) == [0.1, 0.3, 0.5]
