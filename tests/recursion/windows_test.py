"""Windows cover a video; calls cover the windows."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.recursion.quirks import CLEAN, RELEASED
from vtg_jax.recursion.windows import (
  WindowSize,
  dense_windows,
  is_skipped,
  restricted_windows,
  sparse_calls,
  sparse_windows,
  whole_video,
)

sizes = st.builds(
  WindowSize,
  window_s=st.floats(5, 200),
  n_frames=st.integers(1, 60),
  fps=st.floats(1, 8),
)
few = settings(max_examples=25, deadline=None)
SIZE = WindowSize(window_s=20, n_frames=9, fps=2)


@few
@given(sizes, st.integers(1, 5000))
def test_clean_windows_cover_every_frame_and_differ(size, n_features):
  for cut in (dense_windows, sparse_windows):
    windows = cut(n_features, size)
    assert windows.first[0] == 0 and windows.last[-1] == n_features - 1
    assert (windows.first[1:] <= windows.last[:-1]).all()
    assert (windows.first[1:] > windows.first[:-1]).all()
    # All are equally long.
    assert len(set(windows.last - windows.first)) == 1
    shown = windows.frame_idx(range(len(windows)))
    assert shown.min() >= 0 and shown.max() < n_features
    assert (shown[:, 0] == windows.first).all()
    for row, own in enumerate(shown):  # as if there were no others
      ends = windows.first[row], windows.last[row]
      assert (own == np.linspace(*ends, size.n_frames).astype(int)).all()


@few
@given(st.integers(1, 5000))
def test_released_windows_differ_from_clean_ones_at_the_end_alone(n_features):
  for cut in (dense_windows, sparse_windows):
    clean, released = cut(n_features, SIZE), cut(n_features, SIZE, RELEASED)
    n = max(0, min(len(clean), len(released)) - 2)
    assert (clean.first[:n] == released.first[:n]).all()


def test_the_last_released_dense_window_is_cut_off():
  released = dense_windows(95, SIZE, RELEASED)
  assert released.first.tolist() == [0, 20, 40, 60]
  assert released.last.tolist() == [40, 60, 80, 94]
  assert dense_windows(95, SIZE).first.tolist() == [0, 20, 40, 54]


def test_the_last_released_sparse_windows_are_one():
  released = sparse_windows(66, SIZE, RELEASED)
  assert released.first.tolist() == [0, 8, 16, 24, 25, 25, 25, 25]
  assert sparse_windows(66, SIZE).first.tolist() == [0, 8, 16, 24, 25]


def test_short_videos_are_skipped_by_the_release_alone():
  assert is_skipped(20, SIZE, RELEASED) and not is_skipped(20, SIZE, CLEAN)
  assert not is_skipped(20.1, SIZE, RELEASED)
  assert len(dense_windows(30, SIZE)) == 1
  assert len(whole_video(30, SIZE)) == 1


def test_frames_of_a_window_have_times():
  windows = dense_windows(95, SIZE)
  assert windows.second_of(1, 0) == 10 and windows.second_of(1, 9) == 30
  assert windows.second_of(3, 4.5) == 37


def test_a_window_without_frames_is_refused():
  with pytest.raises(ValueError, match='too short'):
    WindowSize(window_s=2, n_frames=4, fps=2)


@few
@given(
  st.lists(st.integers(0, 500), unique=True, max_size=120).map(sorted),
  st.integers(4, 100),
)
def test_clean_calls_show_every_window_once_a_zoom(windows, n_segments):
  calls = sparse_calls(windows, n_segments, (4, 2, 1))
  for call in calls:
    assert call.n_tokens == len(call.shown) <= n_segments
    # As many tokens as fit.
    assert call.n_tokens + len(call.windows) > n_segments
  assert len(set(calls)) == len(calls)
  widest = [call for call in calls if call.zoom == calls[-1].zoom]
  if windows:
    shown = [window for call in widest for window in call.windows]
    assert set(shown) <= set(windows)
  for zoom in (4, 2, 1):
    alone = sparse_calls(windows, n_segments, (zoom,))
    shown = [window for call in alone for window in call.windows]
    assert shown == windows
    assert set(alone) <= set(calls)


def test_released_chunks_are_refilled_and_wrap():
  def chunks(n, quirks):
    calls = sparse_calls(range(n), 8, (2, 1), quirks)
    return [(call.zoom, call.start, call.windows) for call in calls]

  assert chunks(6, RELEASED) == [
    (2, 0, (0, 1, 2, 3)),
    (2, 2, (2, 3, 4, 5)),
    (1, -2, (4, 5)),
  ]
  stays = dataclasses.replace(RELEASED, wrap_short_chunks=False)
  assert chunks(6, stays)[-1] == (1, 0, (0, 1, 2, 3, 4, 5))
  assert chunks(6, CLEAN) == [
    (2, 0, (0, 1, 2)),
    (2, 3, (3, 4, 5)),
    (1, 0, (0, 1, 2, 3, 4, 5)),
  ]


def test_a_zoom_beyond_a_call_is_refused():
  with pytest.raises(ValueError, match='zoom=4'):
    sparse_calls(range(9), 3, (4, 2, 1))


@few
@given(
  st.integers(1, 300),
  st.lists(st.integers(0, 110), max_size=30, unique=True),
  st.integers(4, 100),
)
def test_a_clean_restriction_stays_in_the_video(n_windows, found, n_segments):
  windows = restricted_windows(n_windows, found, n_segments)
  assert windows == sorted(set(windows))
  assert set(windows) <= set(range(n_windows))
  assert len(windows) >= min(n_segments, n_windows)


def test_a_released_restriction_may_fail():
  with pytest.raises(ValueError, match='are left'):
    restricted_windows(8, [1, 2], 9, RELEASED)
