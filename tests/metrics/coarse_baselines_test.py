"""Oracle, chance and constants, by hand and by simulation."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from vtg_jax.metrics import coarse_baselines, grounding
from vtg_jax.moments import coarse

TRUTHS = [
  (8.0, [[2.0, 3.0]]),
  (20.0, [[1.0, 18.0]]),
  (10.0, [[0.0, 1.0], [7.0, 9.0]]),
]


def test_hits_are_strictly_above():
  got = coarse_baselines.hits(np.array([0.5, 0.71, np.nan]))
  assert got[0].tolist() == [0.5, 1, 0, 0]
  assert got[1].tolist() == [0.71, 1, 1, 1]
  assert np.isnan(got[2]).all()


def test_paths_are_counted():
  assert coarse_baselines.category_paths(1) == [
    (),
    ('beginning',),
    ('middle',),
    ('end',),
  ]
  assert len(coarse_baselines.category_paths(4)) == 1 + 3 + 9 + 27 + 81


def test_the_oracle_by_hand():
  # 2.2 to 3 of 8 s: beginning 0..4, end 2..4, beginning 2..3.
  got = coarse_baselines.oracle_ious([(8.0, [[2.2, 2.9]])], max_rounds=4)
  np.testing.assert_allclose(got[0], [0.7 / 4, 0.7 / 2, 0.7, 0.7])


@hypothesis.given(
  start=st.floats(0, 95), length=st.floats(0.5, 60), rounds=st.integers(1, 4)
)
def test_the_oracle_answers_as_its_path_decodes(start, length, rounds):
  gold = [start, min(start + length, 100.0)]
  got = coarse_baselines.oracle_ious([(100.0, [gold])], max_rounds=rounds)
  path = coarse.path_of_span(*gold, 100.0, max_rounds=rounds)
  wanted = grounding.ious_by_round(100.0, path, [gold], max_rounds=rounds)
  assert got[0].tolist() == wanted


def test_chance_is_the_mean_of_many_random_searches():
  rng = np.random.default_rng(0)
  exact = coarse_baselines.chance_hits(TRUTHS, max_rounds=3)
  draws = 4000
  total = np.zeros_like(exact)
  for _ in range(draws):
    path = rng.choice(coarse.CATEGORIES, 3)
    for i, (duration_s, gold) in enumerate(TRUTHS):
      span = coarse.span_of_path(duration_s, path)
      iou = np.array(grounding.best_iou(span, gold))
      total[i] += coarse_baselines.hits(iou)
  np.testing.assert_allclose(total / draws, exact, atol=0.03)


def test_the_best_path_is_the_best_of_all():
  truths = [(10.0, [[4.0, 6.0]]), (20.0, [[8.0, 12.0]]), (5.0, [[0.0, 1.0]])]
  best = coarse_baselines.best_path(truths, max_rounds=2)
  # 'middle middle' and 'middle' leave 3.75..6.25 and 2.5..7.5 of ten.
  assert best.name == 'middle middle'
  assert (best.start, best.end) == (0.375, 0.625)


def test_the_best_interval_lies_on_the_grid_and_beats_the_paths():
  truths = [(10.0, [[3.0, 4.0]]), (20.0, [[6.0, 8.0]])]
  best = coarse_baselines.best_interval(truths, n_steps=10)
  assert (best.start, best.end) == pytest.approx((0.3, 0.4))


@hypothesis.given(
  a=st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted),
  b=st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted),
)
def test_ious_of_fractions_are_ious(a, b):
  hypothesis.assume(b[1] - b[0] > 1e-6)
  got = coarse_baselines.fraction_ious([(1.0, [a])], np.array([b]))
  assert got[0, 0] == pytest.approx(grounding.iou(b, a))


def test_reaching_a_threshold_counts_where_told_so():
  values = np.array([0.5, 0.3, np.nan])
  found = coarse_baselines.hits(values, strict=False)
  assert found[:2].tolist() == [[0.5, 1, 1, 0], [0.3, 1, 0, 0]]
  assert np.isnan(found[2]).all()
  assert coarse_baselines.hits(values)[:2, 1:].tolist() == [[1, 0, 0], [0] * 3]


def test_a_drawn_interval_scores_the_mean_of_all():
  # Of the halves and the whole, the first half is right: IoU 1, 0 and 1/2.
  truths = [(10.0, [(0.0, 5.0)]), (4.0, [(0.0, 4.0)])]
  found = coarse_baselines.chance_interval_hits(truths, n_steps=2)
  assert found[0].tolist() == pytest.approx([1 / 2, 2 / 3, 1 / 3, 1 / 3])
  assert found[1].tolist() == pytest.approx([2 / 3, 1, 1 / 3, 1 / 3])
  lenient = coarse_baselines.chance_interval_hits(
    truths, n_steps=2, strict=False
  )
  assert lenient[0].tolist() == pytest.approx([1 / 2, 2 / 3, 2 / 3, 1 / 3])
