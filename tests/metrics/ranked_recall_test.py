import json
import math
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.metrics.ranked_recall import (
  RANKS,
  THRESHOLDS,
  best_first,
  logged_ious,
  ranked_recall,
)

RECORDED = pathlib.Path(__file__).parents[1] / 'golden' / 'revisionllm'
CASES = json.loads((RECORDED / 'python_cases.json').read_text())[
  'recall_metrics'
]
ANSWERS = st.lists(
  st.tuples(st.floats(0, 1), st.sampled_from([0.1, 0.5, 0.9])), max_size=8
)


@pytest.mark.parametrize('case', CASES, ids=lambda case: len(case['logs']))
def test_the_release_reports_the_same_to_the_last_bit(case):
  ious = [logged_ious(log['info']) for log in case['logs']]
  assert ranked_recall(ious).percents() == case['metrics']


def test_two_decimals_must_exceed_the_threshold():
  ious = [[0.304], [0.306], [0.3]]
  assert ranked_recall(ious).recall(1, 0.3) == pytest.approx(1 / 3)
  exact = ranked_recall(ious, decimals=None)
  assert exact.recall(1, 0.3) == pytest.approx(2 / 3)


def test_equal_scores_keep_their_order():
  assert best_first([0.1, 0.9, 0.5], [0.5, 0.5, 0.7]) == [0.5, 0.1, 0.9]
  found = ranked_recall([[0.2, 0.9]], [[0.5, 0.5]])
  assert (found.recall(1, 0.1), found.recall(1, 0.5)) == (1, 0)
  assert found.recall(5, 0.5) == 1
  assert found.mean_iou == 0.2


def test_no_answer_is_a_miss_and_no_query_is_no_score():
  found = ranked_recall([[], [0.8]])
  assert found.recall(1, 0.1) == 0.5
  assert found.mean_iou == 0.4
  assert math.isnan(ranked_recall([]).mean_iou)
  assert all(math.isnan(x) for x in ranked_recall([]).percents().values())


def test_every_iou_has_a_score():
  with pytest.raises(ValueError, match='one score an IoU'):
    ranked_recall([[0.5, 0.2]], [[1.0]])


@settings(deadline=None)
@given(st.lists(ANSWERS, min_size=1, max_size=6))
def test_more_answers_and_lower_thresholds_never_hit_less(answers):
  found = ranked_recall(
    [[iou for iou, _ in one] for one in answers],
    [[score for _, score in one] for one in answers],
  )
  hits = found.hits.astype(int)
  assert (np.diff(hits, axis=1) >= 0).all()
  assert (np.diff(hits, axis=2) <= 0).all()
  # The widest net catches a query when any of its answers does.
  assert hits.shape[1:] == (len(RANKS), len(THRESHOLDS))
  for one, row in zip(answers, hits, strict=True):
    best = max((round(iou, 2) for iou, _ in one), default=0)
    assert row[-1].tolist() == [best > t for t in THRESHOLDS]
