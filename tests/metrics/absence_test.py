"""Separating present from absent, by hand and against the definition."""

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from vtg_jax.metrics.absence import (
  absent_f1_interval,
  absent_scores,
  auroc,
  false_found_rate,
)
from vtg_jax.metrics.bootstrap import Bootstrap

scores = st.lists(st.sampled_from([0, 0.25, 0.5, 1]), min_size=1, max_size=9)


@hypothesis.given(present=scores, absent=scores)
def test_auroc_is_the_share_of_pairs_in_order(present, absent):
  pairs = [(p > a) + (p == a) / 2 for p in present for a in absent]
  assert auroc(present, absent) == pytest.approx(sum(pairs) / len(pairs))


def test_false_found_rate_at_a_threshold_that_keeps_the_present():
  present, absent = [0.2, 0.6, 0.7, 0.8], [0.1, 0.3, 0.65, 0.9]
  assert false_found_rate(present, absent, kept=1.0) == 0.75
  assert false_found_rate(present, absent, kept=0.75) == 0.5


def test_one_side_alone_cannot_be_separated():
  assert math.isnan(auroc([], [0.5]))
  assert math.isnan(false_found_rate([0.5], []))


def test_absent_scores_by_hand():
  found = absent_scores(
    [True, True, False, False, False], [True, False, True, True, False]
  )
  assert (found.precision, found.recall) == (1 / 2, 1 / 3)
  assert found.f1 == pytest.approx(2 / (2 + 3))  # 2 / (1/p + 1/r)
  assert found.false_alarm_rate == pytest.approx(2 / 3)
  assert (found.n_said, found.n_absent, found.n_present) == (2, 3, 2)


def test_absent_scores_of_nothing_are_nan():
  assert math.isnan(absent_scores([], []).f1)
  never_said = absent_scores([False, False], [True, False])
  assert math.isnan(never_said.precision)
  assert (never_said.recall, never_said.f1) == (0, 0)
  with pytest.raises(ValueError, match='must agree'):
    absent_scores([True], [True, False])


def test_the_interval_of_the_f1_surrounds_it():
  rng = np.random.default_rng(0)
  absent = rng.uniform(size=200) < 0.5
  said = np.where(rng.uniform(size=200) < 0.8, absent, ~absent)
  videos = np.repeat(np.arange(50), 4).tolist()
  bootstrap = Bootstrap(n_resamples=300)
  low, high = absent_f1_interval(said, absent, videos, bootstrap)
  assert low < absent_scores(said, absent).f1 < high
  assert high - low < 0.3
  nothing = absent_f1_interval([False], [False], [0], bootstrap)
  assert all(map(math.isnan, nothing))
