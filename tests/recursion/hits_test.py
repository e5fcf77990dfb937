"""What answers name, and what hits select."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.recursion import hits
from vtg_jax.recursion.quirks import CLEAN, PRESETS, RELEASED
from vtg_jax.recursion.windows import SparseCall, WindowSize, dense_windows

SIZES = {'n_frames': 250, 'n_video_frames': 1000}


def test_the_presets_differ_in_every_switch():
  fields = [field.name for field in dataclasses.fields(CLEAN)]
  assert all(getattr(RELEASED, name) for name in fields)
  assert not any(getattr(CLEAN, name) for name in fields)
  assert PRESETS == {'released': RELEASED, 'clean': CLEAN}


@pytest.mark.parametrize(
  ('answer', 'clean', 'released'),
  [
    ('From 03 to 17.', (3, 17), (3, 17)),
    ('frames 3 and 17', (3, 17), (3, 17)),
    ('Not Present', None, None),
    ('At 12.', None, None),
    ('From 249 to 249.', None, None),
    ('From 00 to 00.', (0, 1), (0, 1)),
    ('From 7 to 7.', (6, 8), (6, 8)),
    ('From 20 to 03.', None, (20, 3)),
    ('From 9 to 12. From 1 to 2.', (9, 12), (9, 12)),
  ],
)
def test_spans_of_dense_answers(answer, clean, released):
  assert hits.frame_span(answer, **SIZES) == clean
  assert hits.frame_span(answer, **SIZES, quirks=RELEASED) == released


CALL = SparseCall(zoom=2, start=10, windows=(5, 6, 8), order=(2, 0, 1))


@pytest.mark.parametrize(
  ('answer', 'clean', 'released'),
  [
    # Tokens are 8 8 5 5 6 6; places are counted from 10.
    ('From 0 to 1.', (12,), (12,)),
    ('From 2 to 6.', (10, 11), (10,)),
    ('From 3 to 99.', (10, 11), (10,)),
    ('video 5', (11,), (11,)),
    ('From 6 to 7.', (), (13,)),
    ('Not Present', (), ()),
    ('From 3 to 1.', (10,), (10,)),
  ],
)
def test_places_of_sparse_answers(answer, clean, released):
  def places(quirks):
    return hits.hit_places(CALL, answer, n_windows=20, quirks=quirks)

  assert places(CLEAN) == clean
  assert places(RELEASED) == released


def test_late_hits_are_empty_in_the_release_alone():
  sizes = {'n_windows': 143, 'n_segments': 100}
  assert hits.hit_interval(120, **sizes) == (119, 121)
  assert hits.hit_interval(120, **sizes, quirks=RELEASED) == (119, 100)
  assert hits.hit_interval(0, **sizes) == (0, 1)
  assert hits.hit_interval(142, **sizes) == (141, 142)


def test_dense_windows_by_stride_may_be_none():
  assert hits.dense_by_stride([(19, 21)], 57) == {7}
  assert hits.dense_by_stride([(0, 2)], 57) == set()
  assert hits.dense_by_stride([(119, 100)], 57) == set()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4000))
def test_middles_of_windows_follow_one_another(n_features):
  size = WindowSize(window_s=20, n_frames=9, fps=2)
  windows = dense_windows(n_features, size)
  middles = hits.middle_edges(windows)
  ends = [high_s for _, high_s in middles]
  assert [low_s for low_s, _ in middles] == [0.0, *ends[:-1]]
  assert ends[-1] == windows.end_s[-1]
  for (low_s, high_s), start_s, end_s in zip(
    middles, windows.start_s, windows.end_s, strict=True
  ):
    assert start_s <= low_s <= high_s <= end_s


ANSWERS = ['From 1 to 2.', 'Not Present', 'From 3 to 4.', 'From 249 to 249.']
SPANS = hits.frame_spans(ANSWERS, **SIZES)


def test_predictions_under_hits_are_kept_with_scaled_scores():
  kept = hits.fused(ANSWERS, SPANS, [2.0, 4.0], [{0, 1}, {3}])
  assert kept == {'answers': ['From 1 to 2.'], 'kept': [0], 'scores': [0.0]}
  kept = hits.fused(ANSWERS, SPANS, [2.0, 4.0], [{0}, {2}])
  assert kept['kept'] == [0, 1] and kept['scores'] == [0.0, 1.0]


def test_all_stay_where_the_first_pass_agrees_with_none():
  for first in (set(), {1}, {3}):
    kept = hits.fused(ANSWERS, SPANS, [2.0, 4.0], [first, {0}])
    assert kept['answers'] == ANSWERS and kept['scores'] == [2.0, 4.0]


def test_predictions_told_by_text_may_be_others():
  answers = ['Perhaps.', *ANSWERS]
  spans = hits.frame_spans(answers, **SIZES)
  assert hits.predicted_windows(answers, spans, CLEAN) == [1, 3]
  assert hits.predicted_windows(answers, spans, RELEASED) == [0, 1, 3]
