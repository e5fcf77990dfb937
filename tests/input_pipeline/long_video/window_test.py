"""Windows of a long video: where they lie, and what they hold."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from input_pipeline.long_video.draws import NumpyDraws, Unusable
from input_pipeline.long_video.item import MomentItem
from input_pipeline.long_video.single import draw_sample, draw_window
from input_pipeline.long_video.window import WindowOptions

OPTIONS = WindowOptions(window_s=20, n_frames=10, fps=2)
ITEM = MomentItem(
  query_id='q',
  video='v',
  text='During which frames can we see it?',
  start_s=50.0,
  end_s=54.5,
  duration_s=100.0,
  source='mad',
)


def frames(n):
  """Features of so many frames, each its own number."""
  return np.arange(n, dtype=np.float32)[:, None]


@st.composite
def moments(draw):
  duration_s = draw(st.floats(45, 300))
  start_s = draw(st.floats(0, duration_s - 1))
  end_s = draw(st.floats(start_s, min(duration_s, start_s + 19)))
  return dataclasses.replace(
    ITEM, start_s=start_s, end_s=end_s, duration_s=duration_s
  )


@settings(max_examples=60, deadline=None)
@given(moments(), st.integers(0, 2**32), st.booleans())
def test_a_window_has_the_event_or_has_it_not(item, seed, negative):
  item = dataclasses.replace(item, negative=negative)
  features = frames(round(item.duration_s * OPTIONS.fps) + 1)
  draws = random.Random(seed)
  try:
    _, window, answer = draw_window(item, features, OPTIONS, draws)
  except Unusable:
    # Before the event, after it, or around it there is no room.
    assert negative or item.end_s - item.start_s > 19
    return
  assert 0 <= window.start < window.end < len(features)
  assert window.meets(item.start_s, item.end_s) != negative
  shown = features[window.frame_ids(10)][:, 0] / OPTIONS.fps
  assert (np.diff(shown) > 0).all()
  if negative:
    assert answer == 'Not Present'
    assert not ((shown >= item.start_s) & (shown <= item.end_s)).any()
  else:
    first, last = (int(word) for word in answer[:-1].split()[1::2])
    assert 0 <= first <= last <= 9
    # A number tells a time to half its length, the last one to all of it.
    told = [window.start_s + 2 * number for number in (first, last)]
    assert np.allclose(told, [item.start_s, item.end_s], atol=2.6)


def test_a_released_negative_may_hold_the_event():
  """The window is drawn around second 56, and slides back over the event."""

  class Late(random.Random):
    def randint(self, a, b):
      return a

    def randrange(self, stop):
      return stop - 1

  negative = dataclasses.replace(ITEM, negative=True)
  released = dataclasses.replace(OPTIONS, sampler='released')
  _, window, answer = draw_window(negative, frames(200), released, Late(0))
  assert answer == 'Not Present'
  assert window.meets(ITEM.start_s, ITEM.end_s)
  with pytest.raises(Unusable, match='no window of video'):
    draw_window(negative, frames(200), OPTIONS, Late(0))


def test_a_window_at_the_end_is_moved_back():
  late = dataclasses.replace(ITEM, start_s=95.0, end_s=99.0)
  _, window, answer = draw_window(late, frames(200), OPTIONS, random.Random(0))
  assert (window.start, window.end, window.start_s) == (159, 199, 79.5)
  assert answer == 'From 08 to 09.'


@pytest.mark.parametrize(
  ('changes', 'n_frames', 'said'),
  [
    ({'end_s': 75.0}, 200, "'q' is 25 s long, a window 20 s"),
    ({}, 9, 'has 9 frames, a window shows 10'),
    ({'duration_s': None}, 200, "'q' has no duration"),
    ({'start_s': 15.0, 'duration_s': 70, 'negative': True}, 140, 'no room'),
  ],
)
def test_what_has_no_window_says_why(changes, n_frames, said):
  item = dataclasses.replace(ITEM, **changes)
  with pytest.raises(Unusable, match=said):
    draw_window(item, frames(n_frames), OPTIONS, random.Random(0))


def test_features_that_end_before_the_event_are_not_shown():
  with pytest.raises(Unusable, match="features of 'v' end before 'q'"):
    draw_window(ITEM, frames(99), OPTIONS, random.Random(0))
  released = dataclasses.replace(OPTIONS, sampler='released')
  shown = draw_window(ITEM, frames(99), released, random.Random(0))
  assert (shown.window.end, shown.answer) == (98, 'From 09 to 09.')


def test_the_frames_of_a_short_video_are_labelled_as_they_are_shown():
  item = dataclasses.replace(ITEM, start_s=8.0, end_s=9.0, duration_s=10.0)
  _, window, answer = draw_window(item, frames(21), OPTIONS, random.Random(0))
  assert (window.start, window.end, window.window_s) == (0, 20, 10.0)
  assert answer == 'From 08 to 09.'
  released = dataclasses.replace(OPTIONS, sampler='released')
  shown = draw_window(item, frames(21), released, random.Random(0))
  assert shown.answer == 'From 04 to 04.'


def test_a_longer_event_is_kept_where_asked_for():
  longer = dataclasses.replace(ITEM, end_s=75.0)
  keep = dataclasses.replace(OPTIONS, keep_longer=True)
  _, window, answer = draw_window(longer, frames(200), keep, random.Random(0))
  assert (window.start_s, answer) == (50.0, 'From 00 to 09.')


def test_another_item_takes_the_place_of_one_without_a_window():
  longer = dataclasses.replace(ITEM, query_id='long', end_s=75.0)
  items = [longer, ITEM, longer]
  found = draw_sample(
    items, 0, lambda video: frames(200), OPTIONS, random.Random(0)
  )
  assert found.item is ITEM
  with pytest.raises(Unusable, match='none of 100 items'):
    draw_sample(
      [longer], 0, lambda video: frames(200), OPTIONS, random.Random(0)
    )


def test_short_videos_of_chapters_are_seen_twice_as_closely():
  options = dataclasses.replace(OPTIONS, double_short=True)
  short = dataclasses.replace(
    ITEM, source='vidchapters7m', start_s=20.0, end_s=24.0, duration_s=30.0
  )
  _, window, answer = draw_window(short, frames(60), options, random.Random(1))
  assert window.end - window.start == 20  # 10 seconds
  first, last = (int(word) for word in answer[:-1].split()[1::2])
  shown_s = frames(60)[window.frame_ids(10)][:, 0] / 2
  assert abs(shown_s[first] - 20) < 1.1
  assert abs(shown_s[last] - 24) < 1.1
  long = dataclasses.replace(short, duration_s=40.0)
  window = draw_window(long, frames(80), options, random.Random(1)).window
  assert window.end - window.start == 40


def test_videos_with_a_scale_of_their_own_are_shown_whole():
  item = dataclasses.replace(ITEM, source='stage2')
  _, window, answer = draw_window(item, frames(60), OPTIONS, random.Random(0))
  assert (window.start, window.end) == (0, 59)
  assert answer == 'From 05 to 05.'
  assert (
    draw_window(
      dataclasses.replace(item, end_s=98.0),
      frames(60),
      OPTIONS,
      random.Random(0),
    ).answer
    == 'From 05 to 09.'
  )


def test_draws_of_numpy_are_those_of_their_seed():
  def drawn(seed):
    draws = NumpyDraws(np.random.default_rng(seed))
    return (
      draws.randint(3, 5),
      draws.randrange(7),
      draws.choice('abc'),
      draws.sample(range(9), 4),
    )

  assert drawn(0) == drawn(0)
  many = [drawn(seed) for seed in range(60)]
  assert {a for a, *_ in many} == {3, 4, 5}
  assert {b for _, b, *_ in many} == set(range(7))
  assert all(len(set(d)) == 4 for *_, d in many)


@pytest.mark.parametrize(
  'changes', [{'sampler': 'new'}, {'window_s': 1}, {'fps': 0.0}]
)
def test_options_out_of_range_are_refused(changes):
  with pytest.raises(ValueError, match='use'):
    dataclasses.replace(OPTIONS, **changes)
