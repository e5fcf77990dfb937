"""Separating present from absent, by hand and against the definition."""

import math

import hypothesis
import pytest
from hypothesis import strategies as st

from vtg_jax.metrics.absence import auroc, false_found_rate

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
