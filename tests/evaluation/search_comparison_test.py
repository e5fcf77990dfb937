"""Lines made by hand, of two searches of the same sentences."""

import json

import pytest

from vtg_jax.evaluation.items import CALIBRATION
from vtg_jax.evaluation.long_summary import summarise_long
from vtg_jax.evaluation.search_comparison import (
  HEAD,
  cells,
  compare_searches,
  remarks,
)
from vtg_jax.metrics.bootstrap import Bootstrap

OPTIONS = {
  'kind': 'temperature',
  'hit_iou': 0.3,
  'false_alarm_rate': 0.5,
  'bootstrap': Bootstrap(n_resamples=50),
  'fitted_on': 'others',
}


def line(search, number, iou, score, *, calls, frames, part='', **more):
  work = {'sequences': calls, 'prefill_tokens': 10 * calls, 'frames': frames}
  most = {name: 2 * value for name, value in work.items()}
  return {
    'search': search,
    'video': f'{part}{number % 2}',
    'question': f'{number}',
    'part': part,
    'gt_span': None if iou is None else [[0, 1]],
    'pred_span': [0, 1],
    'iou': iou,
    'others': [],
    'score': score,
    'tags': [],
    'duration': 7200.0,
    'seconds': 4.0 * (1 + number % 2),
    'ready_seconds': 36.0,
    'peak_mib': 100.0 + number,
    'quote': {'one_event': work, 'most': most},
    'cost': {**work, 'encodings': 3},
    'error': None,
    **more,
  }


@pytest.fixture
def lines():
  found = []
  for search, calls, frames, hits in (
    ('quick', 4, 6, (0.8, 0.8, 0.0)),
    ('whole', 20, 24, (0.8, 0.0, 0.0)),
  ):
    work = {'calls': calls, 'frames': frames}
    for part in ('', CALIBRATION):
      for i, iou in enumerate(hits):
        score = 0.9 if iou else 0.3
        found.append(line(search, i, iou, score, part=part, **work))
      found += [
        line(search, i, None, 0.2 + 0.01 * i, part=part, **work) for i in (3, 4)
      ]
  return found


def test_each_search_is_scored_by_itself(lines):
  found = compare_searches(lines, **OPTIONS)
  for name in ('quick', 'whole'):
    alone = [one for one in lines if one['search'] == name]
    expected = summarise_long(alone, **OPTIONS)
    assert found.summaries[name].rows == expected.rows
    assert found.summaries[name].calibration == expected.calibration
  assert found.n_failed == 0
  json.dumps(found.to_json())


def test_costs_are_an_hour_of_video_and_next_to_what_was_quoted(lines):
  quick = compare_searches(lines, **OPTIONS).costs['quick']
  assert quick.per_hour['cost.sequences'] == 2
  assert quick.quoted['sequences'] == (2, 4)
  assert quick.frame_share == 6 / 24
  # Two hours in 4 s and in 8 s, of two videos.
  assert quick.seconds_per_hour == pytest.approx(3)
  assert quick.peak_mib == 104


def test_differences_are_over_the_same_sentences(lines):
  found = compare_searches(lines, **OPTIONS)
  (other,) = found.differences
  assert (other.search, other.mean) == ('whole', pytest.approx(1 / 3))
  assert other.interval[0] <= other.mean <= other.interval[1]
  # 36 s for each of two videos of two hours.
  assert found.ready_seconds_per_hour == 18


def test_rows_have_a_text_for_every_column(lines):
  found = compare_searches(lines, **OPTIONS)
  rows = [cells(name, found) for name in found.summaries]
  assert [len(row) for row in rows] == [len(HEAD)] * 2
  quick = dict(zip(HEAD, rows[0], strict=True))
  assert quick['R1 / R5@0.3'] == '66.7 / 66.7'
  assert quick['calls (quoted)'] == '2 (2 to 4)'
  assert quick['frames, %'] == '25.0'
  assert any('less that of whole: 33.3' in one for one in remarks(found))


def test_a_search_that_only_failed_still_has_a_row(lines):
  failed = {
    'pred_span': [0, 0], 'iou': 0.0, 'score': None, 'duration': None,
    'seconds': None, 'error': 'BadInput: no level', 'cost': {},
  }  # fmt: skip
  more = [{**one, **failed} for one in lines if one['search'] == 'whole']
  quick = [one for one in lines if one['search'] == 'quick']
  found = compare_searches([*quick, *more], **OPTIONS)
  row = dict(zip(HEAD, cells('whole', found), strict=True))
  assert row['R1 / R5@0.1'] == '0.0 / 0.0' and row['frames, %'] == ''
