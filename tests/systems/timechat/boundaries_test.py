"""Spans from digits: as from a time scale of tokens, but compiled."""

import functools

import jax
import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.moments import span_distribution as sd
from vtg_jax.systems.timechat.boundaries import (
  boundaries,
  placed_moments,
  seconds_of_place,
)


@functools.cache
def compiled():
  return jax.jit(functools.partial(boundaries, count=4, level=0.9))


def test_compiled_spans_are_those_of_the_host():
  rng = np.random.default_rng(0)
  start, end = 2 * rng.normal(size=(2, 100))
  found = compiled()(start, end)
  spans = sd.joint(np.exp(start), np.exp(end))
  host = sd.best_spans(spans, 4)
  assert found.spans.start.tolist() == [span.start for span in host]
  assert found.spans.end.tolist() == [span.end for span in host]
  np.testing.assert_allclose(
    found.spans.score, [span.score for span in host], rtol=1e-4
  )
  assert tuple(found.start_range) == sd.place_range(spans.sum(1), 0.9)
  assert tuple(found.end_range) == sd.place_range(spans.sum(0), 0.9)


def test_a_sure_answer_leaves_nothing_for_others():
  start, end = np.full((2, 100), -200.0)
  start[20], end[50] = 0.0, 0.0
  found = compiled()(start, end)
  assert found.spans.start[0] == 20 and found.spans.end[0] == 50
  assert found.spans.score[0] == pytest.approx(1.0)
  assert (found.spans.score[1:] == 0).all()
  assert found.start_range.tolist() == [20, 20]


def test_a_place_of_few_digits_is_the_middle_of_its_codes():
  assert seconds_of_place(7290, 4, 100.0) == pytest.approx(72.90)
  assert seconds_of_place(729, 3, 100.0) == pytest.approx(72.945)
  assert seconds_of_place(np.array([0, 9]), 1, 10.0) == pytest.approx(
    [0.4995, 9.4995]
  )


def test_moments_have_the_ranges_of_their_boundaries():
  start, end = np.full((2, 100), -200.0)
  start[[20, 70]], end[[30, 80]] = np.log([[0.6, 0.4], [0.6, 0.4]])
  best, other, *_ = placed_moments('a dog', start, end, 100.0, top_k=4)
  # From 70 to 30 is impossible: what is left has 0.36, 0.24 and 0.16.
  assert best.score == pytest.approx(0.36 / 0.76, rel=1e-4)
  assert (best.start_s, best.end_s) == pytest.approx((20.495, 30.495))
  assert best.start_range_s == pytest.approx((20.495, 70.495))
  assert best.range_level == 0.9 and other.range_level is None
  assert sum(one.score for one in (best, other)) < 1


def test_a_moment_inside_one_place_has_its_length():
  start, end = np.full((2, 100), -200.0)
  start[20], end[20] = 0.0, 0.0
  (moment,) = placed_moments('a dog', start, end, 100.0, top_k=1)
  # All codes that begin with its digits: 2000 to 2099.
  assert (moment.start_s, moment.end_s) == pytest.approx((20.0, 20.99))


def test_nan_is_told():
  start = end = np.full(100, np.nan)
  with pytest.raises(BadInput, match='NaN|nan'):
    placed_moments('a dog', start, end, 100.0, top_k=1)
