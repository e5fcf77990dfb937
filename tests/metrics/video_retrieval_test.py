import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.metrics.video_retrieval import video_retrieval

SCORES = np.array([[0.9, 0.1, 0.5], [0.9, 0.1, 0.5], [0.2, 0.3, 0.3]])


def test_recalls_by_hand():
  found = video_retrieval(SCORES, [0, 1, 1], ranks=(1, 2, 3))
  # Ranks 1, 3, and 1 or 2 by chance.
  assert found.recall == pytest.approx({1: 1.5 / 3, 2: 2 / 3, 3: 1})
  np.testing.assert_array_equal(found.hits[:, 0], [1, 0, 0.5])
  assert found.median_rank == 1.5


@settings(deadline=None)
@given(n_videos=st.integers(1, 30), n_queries=st.integers(1, 5))
def test_constant_scores_recall_as_much_as_guessing(n_videos, n_queries):
  scores = np.zeros((n_queries, n_videos))
  found = video_retrieval(scores, np.arange(n_queries) % n_videos)
  for rank, recall in found.recall.items():
    assert recall == pytest.approx(min(1, rank / n_videos))


def test_what_cannot_be_scored_is_told():
  assert math.isnan(video_retrieval(np.zeros((0, 3)), []).recall[1])
  for scores, right, message in (
    (SCORES, [0], 'give'),
    (SCORES, [0, 1, 3], 'count them from 0'),
    (SCORES * np.nan, [0, 1, 2], 'NaN'),
  ):
    with pytest.raises(ValueError, match=message):
      video_retrieval(scores, right)
