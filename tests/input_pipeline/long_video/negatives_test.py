"""Kinds of windows without the event."""

import dataclasses
import random

import numpy as np
import pytest

from input_pipeline.long_video.negatives import NegativeKinds
from input_pipeline.long_video.single import draw_window
from tests.input_pipeline.long_video.window_test import ITEM, OPTIONS

NEGATIVE = dataclasses.replace(ITEM, negative=True)


def features(n=200, *, alike=()):
  """Random frames; those of the event, seconds 50 to 54, are one vector.

  Args:
    n: frames, two a second.
    alike: seconds that look like the event.
  """
  x = np.random.default_rng(0).normal(size=(n, 16)).astype(np.float32)
  x[100:110] = 1
  for time_s in alike:
    x[2 * time_s] = 3
  return x


def drawn(x, kinds, item=NEGATIVE, n=20):
  windows = [
    draw_window(item, x, OPTIONS, random.Random(seed), kinds=kinds).window
    for seed in range(n)
  ]
  assert not any(w.meets(item.start_s, item.end_s) for w in windows)
  return windows


def test_hard_windows_look_like_the_event():
  hard = NegativeKinds(random=0.0, hard=1.0, n_hardest=2, frames_compared=41)
  for time_s in (15, 77):
    for window in drawn(features(alike=(time_s,)), hard, n=4):
      assert window.meets(time_s, time_s)


def test_windows_of_the_same_scene_are_next_to_the_event():
  windows = drawn(features(), NegativeKinds(random=0.0, same_scene=1.0))
  gaps = {
    'before': [50.0 - w.start_s - 20 for w in windows if w.start_s < 50],
    'after': [w.start_s - 54.5 for w in windows if w.start_s > 50],
  }
  for side in gaps.values():
    assert side
    assert all(0 < gap <= 5 for gap in side)


def test_kinds_are_mixed_by_their_shares():
  kinds = NegativeKinds(random=0.0, hard=0.75, same_scene=0.25, n_hardest=1)
  windows = drawn(features(alike=(5,)), kinds, n=60)
  near = sum(w.start_s > 20 for w in windows)
  assert 5 <= near <= 28


def test_random_windows_are_shown_where_a_kind_has_none():
  """The event fills the video but for its end."""
  item = dataclasses.replace(NEGATIVE, start_s=15.0, end_s=30.0)
  kinds = NegativeKinds(random=0.0, hard=1.0, strides=1)
  x = features(106)
  item = dataclasses.replace(item, duration_s=53.0)
  assert {w.start_s > 30 for w in drawn(x, kinds, item, n=3)} == {True}


def test_one_kind_takes_no_random_number_for_itself():
  x, kinds = features(), NegativeKinds()
  once = draw_window(NEGATIVE, x, OPTIONS, random.Random(3))
  assert once == draw_window(
    NEGATIVE, x, OPTIONS, random.Random(3), kinds=kinds
  )


@pytest.mark.parametrize(
  'values', [{'random': 0.0}, {'hard': -1.0}, {'n_hardest': 0}]
)
def test_shares_that_say_nothing_are_refused(values):
  with pytest.raises(ValueError, match='must be above|use 1 up'):
    NegativeKinds(**values)
