import numpy as np
import pytest

from vtg_jax.metrics.absence import auroc
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.metrics.ranking_gain import auroc_gain_interval

FEW = Bootstrap(n_resamples=300)


def test_an_interval_lies_around_the_gain_of_areas():
  rng = np.random.default_rng(0)
  right = rng.uniform(size=400) < 0.6
  clear = right + rng.normal(size=400) * 0.7
  vague = np.round(right + rng.normal(size=400) * 2)  # with ties
  videos = (np.arange(400) // 4).tolist()
  low, high = auroc_gain_interval(clear, vague, right, videos, FEW)
  gain = auroc(clear[right], clear[~right]) - auroc(vague[right], vague[~right])
  assert 0 < low < gain < high
  back = auroc_gain_interval(vague, clear, right, videos, FEW)
  assert back == pytest.approx((-high, -low))


def test_a_score_gains_nothing_over_itself_however_it_is_scaled():
  right = [True, False, True, True]
  one = auroc_gain_interval([1, 2, 2, 4], [3, 5, 5, 9], right, 'aabc', FEW)
  assert one == (0, 0)


def test_there_is_no_interval_where_all_are_right():
  found = auroc_gain_interval([1, 2], [2, 1], [True, True], 'ab', FEW)
  assert np.isnan(found).all()
  with pytest.raises(ValueError, match='differ'):
    auroc_gain_interval([1], [2, 1], [True, True], 'ab', FEW)
