import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.metrics.risk_coverage import risk_coverage

ANSWERS = st.lists(
  st.tuples(st.sampled_from([0.1, 0.4, 0.8]), st.sampled_from([0.0, 0.5, 1.0])),
  min_size=1,
  max_size=6,
)


def test_the_curve_by_hand():
  curve = risk_coverage([0.9, 0.1, 0.8, 0.8], [0, 1, 1, 0])
  assert curve.threshold.tolist() == [0.9, 0.8, 0.1]
  assert curve.coverage.tolist() == [0.25, 0.75, 1]
  np.testing.assert_allclose(curve.risk, [0, 1 / 3, 1 / 2])
  # Of the two at 0.8 either may come first: risks 0, 1/4, 1/3, 1/2.
  assert curve.area == pytest.approx((0 + 1 / 4 + 1 / 3 + 1 / 2) / 4)
  assert curve.risk_at(0.5) == pytest.approx(1 / 3)
  assert curve.risk_at(0.25) == 0


@settings(deadline=None)
@given(ANSWERS)
def test_the_area_is_the_mean_over_all_orders_of_equal_scores(answers):
  def area(losses):
    return np.mean(np.cumsum(losses) / np.arange(1, len(losses) + 1))

  groups = [
    [loss for one, loss in answers if one == score]
    for score in sorted({score for score, _ in answers}, reverse=True)
  ]
  orders = itertools.product(*map(itertools.permutations, groups))
  areas = [area(list(itertools.chain(*order))) for order in orders]
  curve = risk_coverage(*zip(*answers, strict=True))
  assert curve.area == pytest.approx(np.mean(areas))
  assert curve.least_area <= curve.area + 1e-12
  assert curve.risk[-1] == pytest.approx(np.mean([x for _, x in answers]))


def test_scores_that_order_the_losses_leave_no_excess():
  losses = np.linspace(0, 1, 9)
  assert risk_coverage(-losses, losses).excess_area == pytest.approx(0)
  assert risk_coverage(losses, losses).excess_area > 0.2


def test_nothing_and_no_numbers():
  assert math.isnan(risk_coverage([], []).area)
  assert math.isnan(risk_coverage([], []).risk_at(0.5))
  with pytest.raises(ValueError, match='not finite'):
    risk_coverage([math.nan], [1])
  with pytest.raises(ValueError, match='must agree'):
    risk_coverage([0.5], [1, 0])
