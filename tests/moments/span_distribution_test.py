"""Distributions over spans: sums, order, and what is told of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.moments import span_distribution as sd


@st.composite
def rows(draw):
  n = draw(st.integers(1, 12))
  values = st.lists(st.floats(0.01, 1), min_size=n, max_size=n)
  start, end = (np.array(draw(values)) for _ in range(2))
  return start / start.sum(), end / end.sum()


@given(rows(), st.integers(1, 5), st.floats(0, 1))
def test_what_is_told_is_possible(pair, count, level):
  spans = sd.joint(*pair)
  assert spans.sum() == pytest.approx(1)
  assert (np.tril(spans, -1) == 0).all()
  found = sd.best_spans(spans, count)
  assert 1 <= len(found) <= count
  assert all(0 < span.score <= 1 and span.start <= span.end for span in found)
  assert sum(span.score for span in found[:1]) >= spans.max() - 1e-12
  for p in (spans.sum(1), spans.sum(0)):
    first, last = sd.place_range(p, level)
    assert 0 <= first <= last < len(p)
    assert p[first : last + 1].sum() >= level - 1e-9


def test_a_sure_answer_is_sure():
  start, end = np.eye(9)[2], np.eye(9)[5]
  spans = sd.joint(start, end)
  assert sd.best_spans(spans, 3) == [(2, 5, 1.0)]
  assert sd.place_range(spans.sum(1), 0.9) == (2, 2)


def test_two_moments_are_two_answers_and_near_ones_are_one():
  spans = np.zeros((20, 20))
  spans[2, 8], spans[2, 9], spans[14, 17] = 0.3, 0.3, 0.4
  first, second = sd.best_spans(spans, 5)
  assert first[:2] in ((2, 8), (2, 9)) and first.score == pytest.approx(0.6)
  assert second == (14, 17, pytest.approx(0.4))


def test_an_end_before_its_start_is_never_told():
  spans = sd.joint(np.array([0.1, 0.1, 0.8]), np.array([0.8, 0.1, 0.1]))
  start, end, _ = sd.best_spans(spans, 1)[0]
  assert start <= end


def test_an_impossible_distribution_is_refused():
  with pytest.raises(ValueError, match='sum up to 0'):
    sd.joint(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
  with pytest.raises(ValueError, match='nan'):
    sd.joint(np.array([np.nan, 1.0]), np.array([0.5, 0.5]))


def test_a_range_leaves_out_the_tails():
  p = np.array([0.04, 0.3, 0.4, 0.2, 0.06])
  assert sd.place_range(p, 0.9) == (1, 4)
  assert sd.place_range(p, 0.5) == (1, 3)
  assert sd.place_range(p, 1.0) == (0, 4)
