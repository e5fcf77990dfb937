"""The top-down search finds what there is, within what it may spend."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recursion.knowing_model import KnowingModel
from vtg_jax.recursion.cost import Cost
from vtg_jax.recursion.model import TokenCache
from vtg_jax.recursion.search_plan import (
  Quote,
  SearchConfig,
  SparseLevel,
  plan_search,
  share_covered,
  spread_key,
)
from vtg_jax.recursion.search_result import Budget
from vtg_jax.recursion.top_down import search_top_down
from vtg_jax.recursion.windows import WindowSize

SIZE = WindowSize(window_s=20, n_frames=40, fps=4)
CONFIG = SearchConfig(
  size=SIZE,
  sparse_levels=(SparseLevel(n_segments=12), SparseLevel(n_segments=40)),
)
few = settings(max_examples=15, deadline=None)


@st.composite
def searches(draw):
  """Feature frames of a video, an event in it, and levels."""
  n_features = draw(st.integers(2, 4000))
  # What is in the last frame alone is taken for nothing.
  frame_s = min(SIZE.window_s, n_features / SIZE.fps) / SIZE.n_frames
  end_s = (n_features - 1) / SIZE.fps - 2 * frame_s
  length_s = draw(st.floats(0.0, min(8.0, end_s)))
  start_s = draw(st.floats(0.0, end_s - length_s))
  levels = draw(st.sampled_from([None, 1, 2, 3, 4]))
  config = dataclasses.replace(CONFIG, n_levels=levels)
  return n_features, (start_s, min(start_s + length_s, end_s)), config


@few
@given(searches())
def test_a_perfect_model_finds_the_event_in_a_video_of_any_length(search):
  n_features, span_s, config = search
  model = KnowingModel(span_s, SIZE.fps)
  plan = plan_search(n_features, config)
  result = search_top_down(model, plan)
  assert result.is_whole
  best = result.moments[0]
  window_s = min(SIZE.window_s, n_features / SIZE.fps)
  # A label is right to half a frame; a single frame is widened by one.
  off_s = 1.6 * window_s / SIZE.n_frames
  assert best.start_s == pytest.approx(span_s[0], abs=off_s)
  assert best.end_s == pytest.approx(span_s[1], abs=off_s)
  most = plan.quote().most
  for unit in ('sequences', 'prefill_tokens', 'frames', 'encodings'):
    assert getattr(result.spent, unit) <= getattr(most, unit), unit
  if plan.steps:
    assert result.looked_at == 1


@few
@given(searches())
def test_no_window_is_read_or_encoded_twice(search):
  n_features, span_s, config = search
  model = KnowingModel(span_s, SIZE.fps)
  result = search_top_down(model, plan_search(n_features, config))
  read = [one.windows[0] for one in result.examined if one.level == 1]
  assert len(set(read)) == len(read)
  assert len(set(model.encoded)) == len(model.encoded)
  assert result.spent.encodings == len(model.encoded)
  questions = [(one.level, one.windows) for one in result.examined]
  assert len(set(questions)) == len(questions)


@few
@given(searches(), st.integers(0, 40), st.integers(0, 2000), st.booleans())
def test_no_more_is_spent_than_the_budget(search, sequences, frames, finds):
  n_features, span_s, config = search
  model = KnowingModel(span_s, SIZE.fps, finds=finds)
  plan = plan_search(n_features, config)
  budget = Budget(sequences=sequences, frames=frames)
  result = search_top_down(model, plan, budget=budget)
  assert result.spent.sequences <= sequences
  assert result.spent.frames <= frames
  free = search_top_down(KnowingModel(span_s, SIZE.fps, finds=finds), plan)
  assert result.is_whole == (result.spent.sequences == free.spent.sequences)
  assert 0 <= result.read <= result.looked_at <= 1


def test_a_budget_for_one_event_finds_one_event():
  plan = plan_search(14400, CONFIG)
  expected = plan.quote().one_event
  result = search_top_down(
    KnowingModel((2001.0, 2005.0), SIZE.fps),
    plan,
    budget=Budget(sequences=expected.sequences + 4, frames=400),
  )
  assert result.moments[0].start_s == pytest.approx(2001, abs=1)
  assert result.read < 0.05


def test_the_quote_for_one_event_is_what_one_event_costs():
  hour = plan_search(3600 * SIZE.fps, CONFIG)
  quote = hour.quote().one_event
  for start_s in (3.0, 1234.5, 2800.0):
    model = KnowingModel((start_s, start_s + 3), SIZE.fps)
    spent = search_top_down(model, hour).spent
    assert spent.sequences == pytest.approx(quote.sequences, rel=0.05)
    # Where calls share the event's windows out, each leads a little wider.
    assert quote.frames <= spent.frames <= 3 * quote.frames
    assert spent.encodings == quote.encodings


def test_a_quote_is_said_in_one_line():
  quote = Quote(
    one_event=Cost(sequences=46, frames=750, prefill_tokens=5869),
    most=Cost(sequences=186, frames=14250, prefill_tokens=22879),
  )
  assert str(quote) == (
    '46 to 186 calls of the language model, 750 to 14,250 frames read one by '
    'one, 79 to 308 TFLOP'
  )
  same = Quote(one_event=Cost(sequences=3), most=Cost(sequences=3))
  assert str(same).startswith('3 calls of the language model, 0 frames')


def test_a_share_of_the_dense_windows_is_read_where_all_would_be():
  plan = plan_search(4000, CONFIG)
  budget = Budget(frames=plan.frames_of_share(0.25))
  result = search_top_down(
    KnowingModel((500.0, 504.0), SIZE.fps, finds=False), plan, budget=budget
  )
  n_read = len([one for one in result.examined if one.level == 1])
  assert n_read == len(plan.dense) // 4
  # What is read lies all over the video.
  places = sorted(one.windows[0] for one in result.examined if one.level == 1)
  assert np.diff(places).max() <= 8


def test_what_a_sparse_level_found_is_told_where_nothing_may_be_read():
  plan = plan_search(4000, CONFIG)
  model = KnowingModel((500.0, 504.0), SIZE.fps)
  result = search_top_down(model, plan, budget=Budget(frames=0))
  assert not result.is_whole and result.read == 0
  best = result.moments[0]
  assert best.start_s <= 500 and best.end_s >= 504
  assert best.end_s - best.start_s <= SIZE.window_s


def test_the_search_ends_in_time_with_the_best_so_far():
  plan = plan_search(4000, CONFIG)
  model = KnowingModel((500.0, 504.0), SIZE.fps)
  # Every call takes a second.
  result = search_top_down(
    model,
    plan,
    budget=Budget(seconds=20),
    clock=lambda: float(len(model.shapes)),
  )
  assert not result.is_whole
  assert result.spent.seconds <= 20
  assert result.examined


def test_where_nothing_is_found_everything_is_read_or_the_search_ends():
  plan = plan_search(4000, CONFIG)
  result = search_top_down(KnowingModel(None, SIZE.fps), plan)
  assert result.moments == () and result.read == 1
  ends = dataclasses.replace(CONFIG, fall_back=False)
  result = search_top_down(
    KnowingModel(None, SIZE.fps), plan_search(4000, ends)
  )
  assert result.moments == () and result.read == 0 and result.looked_at == 1
  assert result.is_whole


def test_sparse_levels_alone_answer_with_windows():
  config = dataclasses.replace(CONFIG, is_dense=False)
  model = KnowingModel((500.0, 504.0), SIZE.fps)
  result = search_top_down(model, plan_search(4000, config))
  assert result.is_whole and model.read == [] and result.spent.frames == 0
  assert result.moments[0].start_s <= 500 <= 504 <= result.moments[0].end_s


def test_no_levels_is_one_look_at_the_whole_video():
  config = dataclasses.replace(CONFIG, n_levels=0)
  model = KnowingModel((500.0, 540.0), SIZE.fps)
  result = search_top_down(model, plan_search(4000, config))
  assert model.read == [(0, 3999)]
  assert result.moments[0].start_s == pytest.approx(500, abs=26)


def test_videos_of_any_length_reuse_a_handful_of_shapes():
  shapes = set()
  generator = np.random.default_rng(0)
  for i, n_features in enumerate(generator.integers(2, 3000, 50)):
    model = KnowingModel(None if i % 10 == 0 else (0.0, 0.1), SIZE.fps)
    search_top_down(model, plan_search(int(n_features), CONFIG))
    shapes |= set(model.shapes)
  assert len(shapes) <= 8


def test_a_second_search_encodes_nothing_again():
  plan = plan_search(4000, CONFIG)
  model = KnowingModel((500.0, 504.0), SIZE.fps)
  cache = TokenCache()
  first = search_top_down(model, plan, cache=cache)
  second = search_top_down(model, plan, cache=cache)
  assert first.spent.encodings > 0 and second.spent.encodings == 0
  assert second.moments == first.moments


def test_the_first_few_windows_are_all_over_the_video():
  assert sorted(range(8), key=spread_key) == [0, 4, 2, 6, 1, 5, 3, 7]
  for n in (8, 21, 64, 1000):
    first = sorted(sorted(range(n), key=spread_key)[: n // 2])
    assert max(np.diff(first)) <= 4


def test_a_cut_level_has_looked_all_over_the_video():
  plan = plan_search(14400, CONFIG)
  result = search_top_down(
    KnowingModel(None, SIZE.fps), plan, budget=Budget(sequences=20)
  )
  shown = sorted(one.windows[0] for one in result.examined if one.level == 3)
  assert shown[-1] > 0.7 * len(plan.sparse)


@few
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)).map(sorted)))
def test_covered_frames_are_counted_once(stretches):
  frames = {f for first, last in stretches for f in range(first, last + 1)}
  share = share_covered([tuple(s) for s in stretches], 100)
  assert share == pytest.approx(len(frames) / 100)


def test_levels_follow_the_length_of_the_video():
  minutes = (0.3, 1, 2, 60)
  levels = [
    len(plan_search(int(m * 60 * SIZE.fps), CONFIG).steps) for m in minutes
  ]
  assert levels == [0, 1, 2, 2]
