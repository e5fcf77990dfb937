"""Intervals of means over videos."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from vtg_jax.metrics.bootstrap import Bootstrap, mean_interval


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
  rng = np.random.default_rng(5)
  bootstrap = Bootstrap(n_resamples=300, level=0.9)
  covered = 0
  for _ in range(200):
    # 40 videos of 3 sentences; the videos differ, so sentences are no samples.
    of_video = rng.normal(0.5, 0.2, (40, 1))
    values = of_video + rng.normal(0, 0.05, (40, 3))
    groups = np.repeat(np.arange(40), 3).tolist()
    low, high = mean_interval(values.reshape(-1, 1), groups, bootstrap)[:, 0]
    covered += low <= 0.5 <= high
  assert 0.83 <= covered / 200 <= 0.96


def test_sentences_of_one_video_are_drawn_together():
  rng = np.random.default_rng(0)
  values = np.repeat(rng.uniform(size=30), 20)[:, None]
  together = mean_interval(values, np.repeat(np.arange(30), 20).tolist())
  alone = mean_interval(values, list(range(600)))
  assert np.diff(together[:, 0]) > 3 * np.diff(alone[:, 0])


def test_videos_weigh_by_their_sentences():
  # One video of three ones, one of a single zero: means are 0, 3/4 or 1.
  values = np.array([[1.0], [1.0], [1.0], [0.0]])
  many = mean_interval(values, ['a', 'a', 'a', 'b'], Bootstrap(level=0.4))
  assert many[:, 0].tolist() == [0.75, 0.75]


def test_columns_are_resampled_together():
  values = np.random.default_rng(1).uniform(size=(50, 1))
  both = mean_interval(np.hstack([values, 2 * values]), list(range(50)))
  np.testing.assert_allclose(both[:, 1], 2 * both[:, 0])


def test_a_seed_gives_one_interval():
  values = np.random.default_rng(1).uniform(size=(50, 1))
  groups = list(range(50))
  first, second, third = (
    mean_interval(values, groups, Bootstrap(seed=seed)) for seed in (0, 0, 1)
  )
  assert first.tolist() == second.tolist() != third.tolist()


def test_nothing_has_no_interval():
  assert np.isnan(mean_interval(np.zeros((0, 2)), [])).all()


@hypothesis.given(
  values=st.lists(st.floats(0, 1), min_size=1, max_size=30),
  n_groups=st.integers(1, 5),
)
def test_the_interval_lies_among_the_values(values, n_groups):
  groups = [i % n_groups for i in range(len(values))]
  low, high = mean_interval(
    np.array(values)[:, None], groups, Bootstrap(n_resamples=20)
  )[:, 0]
  assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_a_group_a_row_is_needed():
  with pytest.raises(ValueError, match='one a row'):
    mean_interval(np.zeros((3, 1)), ['a'])
