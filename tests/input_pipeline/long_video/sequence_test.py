"""Sequences of windows: where the event stands in them."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from input_pipeline.long_video.draws import Unusable
from input_pipeline.long_video.item import NegativeItems, WithNegatives
from input_pipeline.long_video.sequence import SequenceOptions, draw_sequence
from tests.input_pipeline.long_video.window_test import ITEM, OPTIONS, frames

OTHER = dataclasses.replace(
  ITEM, query_id='o', start_s=10.0, end_s=11.0, video='w'
)
ITEMS = WithNegatives([OTHER, ITEM], NegativeItems())


def drawn(index, seed=0, window=OPTIONS, items=ITEMS, **options):
  return draw_sequence(
    items,
    index,
    lambda video: frames(200),
    window,
    SequenceOptions(**{'n_windows': 8} | options),
    random.Random(seed),
  )


def numbers(answer):
  return [int(word) for word in answer[:-1].split()[1::2]]


@settings(max_examples=30, deadline=None)
@given(
  st.integers(0, 2**32),
  st.integers(2, 24),
  st.integers(1, 3),
  st.sampled_from(['drawn', 'in_time']),
)
def test_the_answer_says_which_windows_hold_the_event(
  seed, n_different, zoom, place
):
  n_windows = n_different * zoom
  item, windows, answer = drawn(
    1, seed, n_windows=n_windows, zoom=zoom, place=place, most=2
  )
  assert item is ITEM
  assert len(windows) == n_windows
  first, after = numbers(answer)
  assert after - first == 2 * zoom
  holds = [window.meets(ITEM.start_s, ITEM.end_s) for window in windows]
  assert holds == [first <= i < after for i in range(n_windows)]
  others = [
    w.start_s for w, held in zip(windows, holds, strict=True) if not held
  ]
  assert others == sorted(others)
  if place == 'in_time':
    starts = [window.start_s for window in windows]
    assert starts == sorted(starts)
  for i in range(0, n_windows, zoom):
    assert len(set(windows[i : i + zoom])) == 1


def test_a_negative_item_gives_way_or_is_a_sequence_without_the_event():
  items = WithNegatives([ITEM], NegativeItems())
  assert drawn(1, items=items).item is ITEM
  item, windows, answer = drawn(1, items=items, absent=True)
  assert item.negative
  assert answer == 'Not Present'
  assert len(windows) == 8
  assert not any(window.meets(ITEM.start_s, ITEM.end_s) for window in windows)


def test_released_sequences_show_the_first_items_whatever_is_asked_for():
  released = dataclasses.replace(OPTIONS, sampler='released')
  items = [OTHER, OTHER, ITEM]
  item, windows, answer = drawn(2, 3, released, items=items, most=2)
  assert item is OTHER
  first, after = numbers(answer)
  assert [w.video for w in windows] == [
    'w' if first <= i < after else 'v' for i in range(8)
  ]


def test_what_has_no_sequence_says_why():
  whole = dataclasses.replace(ITEM, source='stage2')
  with pytest.raises(Unusable, match='the whole video is shown'):
    drawn(0, items=[whole])
  with pytest.raises(ValueError, match='use more windows'):
    SequenceOptions(n_windows=4, zoom=2)


def test_windows_of_one_seed_are_the_same():
  assert drawn(1, 5) == drawn(1, 5)
  starts = {drawn(1, seed).windows[0].start_s for seed in range(8)}
  assert len(starts) > 4
  assert np.mean([numbers(drawn(1, s).answer)[0] for s in range(40)]) > 1
