"""Rows of a table against the metric itself, and by hand."""

import math

import hypothesis
import pytest
from hypothesis import strategies as st

from vtg_jax.evaluation import rows
from vtg_jax.metrics import grounding
from vtg_jax.metrics.bootstrap import Bootstrap

QUICK = Bootstrap(n_resamples=20)


@hypothesis.given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12))
def test_a_row_is_the_benchmarks_own_score(ious):
  row = rows.row_of_ious('x', ious, range(len(ious)), QUICK)
  for count_failed, found in ((False, row.answered), (True, row.counted)):
    wanted = grounding.scores(ious, count_failed=count_failed)
    assert found['mean_iou'] == pytest.approx(wanted.mean_iou, nan_ok=True)
    for threshold, recall in wanted.recall.items():
      assert found[f'recall_{threshold}'] == pytest.approx(recall, nan_ok=True)
  assert row.n_all == len(ious)


def test_a_failed_sample_leaves_or_joins_the_denominator():
  row = rows.row_of_ious('x', [0.8, None, 0.4, None], 'abcd', QUICK)
  assert row.answered['mean_iou'] == pytest.approx(0.6)
  assert row.counted['mean_iou'] == pytest.approx(0.3)
  assert (row.n_answered, row.n_all) == (2, 4)
  low, high = row.interval['mean_iou']
  assert 0.4 <= low <= 0.6 <= high <= 0.8


def test_markdown_has_a_line_a_row():
  row = rows.row_of_ious('a|b', [0.5, 1.0], 'ab', QUICK)
  text = rows.markdown(rows.HEAD, [rows.cells(row)], title='T')
  assert text.splitlines()[0] == '## T'
  assert '| a/b | 75.0 | 100.0 | 50.0 | 50.0 |' in text


def test_nothing_is_a_dash():
  assert rows.percent(math.nan) == '-'
