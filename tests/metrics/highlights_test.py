"""Highlights by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.metrics import highlights
from vtg_jax.metrics.highlights import (
  TrueSaliency,
  average_precision,
  highlight_scores,
)

TRUE = TrueSaliency(n_clips=4, clips=(1, 2), scores=((4, 3), (2, 4)))


def test_the_table_has_every_clip():
  assert TRUE.table().tolist() == [[0, 0], [4, 3], [2, 4], [0, 0]]
  assert TrueSaliency(n_clips=2, clips=(), scores=()).table().shape == (2, 1)
  assert highlights.clips_of(25) == 12


def test_each_person_has_a_precision_and_one_is_enough_for_a_hit():
  # For the first person clip 1 is the highlight, third in order; for the
  # second it is clip 2, the best.
  found = highlight_scores([[0.0, 1.0, 3.0, 2.0]], [TRUE])
  assert found.hit_at_1 == 1.0
  assert found.mean_ap == pytest.approx((1 / 3 + 1) / 2)
  fair = highlight_scores([[0.0, 1.0, 3.0, 2.0]], [TRUE], least=2)
  assert fair.mean_ap == pytest.approx(((1 + 2 / 3) / 2 + (1 + 2 / 3) / 2) / 2)


def test_what_is_told_is_cut_or_filled_to_the_video():
  short = highlight_scores([[0.0, 5.0]], [TRUE])
  assert short == highlight_scores([[0.0, 5.0, 0.0, 0.0]], [TRUE])
  # The best clip behind the end is no hit.
  late = highlight_scores([[0.0, 1.0, 0.0, 0.0, 9.0]], [TRUE])
  assert late.hit_at_1 == 0.0 and late.mean_ap > 0
  assert highlight_scores([[]], [TRUE]).hit_at_1 == 0.0


def test_nothing_asked_scores_no_number():
  assert np.isnan(highlight_scores([], []).mean_ap)


@given(
  st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=12)
)
def test_precision_depends_on_the_order_alone(clips):
  is_true, told = zip(*clips, strict=True)
  found = average_precision(is_true, told)
  assert 0.0 <= found <= 1.0
  assert found == average_precision(is_true, [3.0 * x - 7 for x in told])
  if any(is_true):
    assert found >= sum(is_true) / len(is_true) - 1e-12


def test_the_end_of_an_odd_video_counts_for_its_last_clip():
  assert highlights.clip_scores([(7.0, 2.0), (7.5, 3.0)], 7.0).tolist() == (
    [0.0, 0.0, 2.0]
  )
  assert highlights.clip_scores([(0.5, 2.0)], 1.0).tolist() == []
