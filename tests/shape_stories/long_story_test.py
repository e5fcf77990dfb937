import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from input_pipeline.frame_store import FrameStore
from input_pipeline.pixels import Resize
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories import render
from vtg_jax.shape_stories.config import standard
from vtg_jax.shape_stories.long_config import LONG_PRESETS, LongConfig
from vtg_jax.shape_stories.long_story import (
  chapter_seed,
  draw,
  make_long_story,
  story_of,
)
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.splits import LONG_TEST
from vtg_jax.shape_stories.story_video import StoryVideo
from vtg_jax.shape_stories.words import PAIRS, held_out_pairs, paraphrases

MEANING = {text: pair for pair in PAIRS for text in paraphrases(pair)}
SHORT = LONG_PRESETS['standard'](
  duration_s=(150.0, 240.0),
  moment_s=(2.0, 5.0),
  n_queries=(3, 6),
  chapter=standard(
    duration_s=(10.0, 25.0), fps=4.0, n_events=(3, 5), event_frac=(0.05, 0.3)
  ),
)


@settings(max_examples=15, deadline=None)
@given(
  seed=st.integers(0, 2**40),
  combinations=st.sampled_from(['seen', 'unseen', 'all']),
)
def test_every_long_story_keeps_the_rules(seed, combinations):
  story = make_long_story(SHORT.replace(combinations=combinations), seed)
  assert 150 <= story.duration_s <= 240
  ends = (*story.chapter_starts[1:], story.n_frames)
  lengths = np.subtract(ends, story.chapter_starts)
  assert story.chapter_starts[0] == 0
  assert 10 * 4 <= lengths.min() and lengths.max() <= 25 * 4
  assert [story.chapter(i).n_frames for i in range(story.n_chapters)] == (
    lengths.tolist()
  )
  for event in story.events:
    assert 2 <= event.end_s - event.start_s <= 5
  held_out = held_out_pairs()
  pairs = [event.pair for event in story.events]
  assert 3 <= len(story.queries) <= 6
  for query in story.queries:
    pair = MEANING[query.text]
    assert MEANING[query.caption] == pair
    (event,) = [event for event in story.events if event.pair == pair]
    assert (query.start_s, query.end_s) == (event.start_s, event.end_s)
    assert story.event_of(query).pair == pair
    if combinations != 'all':
      assert (pair in held_out) == (combinations == 'unseen')
  objects, actions = {p[:2] for p in pairs}, {p[2] for p in pairs}
  for query in story.absent_queries:
    colour, shape, action = pair = MEANING[query.text]
    assert pair not in pairs
    has_object = (colour, shape) in objects
    if query.kind == 'object':
      assert not has_object
    elif query.kind == 'action':
      assert has_object and action not in actions
    elif query.kind == 'both':
      assert has_object and action in actions
    else:
      assert any(p[1:] == (shape, action) for p in pairs)
    if combinations != 'all':
      assert (pair in held_out) == (combinations == 'unseen')
  texts = [q.text for q in (*story.queries, *story.absent_queries)]
  assert len(set(texts)) == len(texts)


@pytest.fixture(scope='module')
def story():
  return make_long_story(SHORT, LONG_TEST[0])


def test_a_long_story_depends_on_its_seed_alone(story):
  again = make_long_story(SHORT, LONG_TEST[0])
  assert again.events == story.events
  assert again.absent_queries == story.absent_queries
  assert make_long_story(SHORT, LONG_TEST[1]).events != story.events
  there = pickle.loads(pickle.dumps(story))
  np.testing.assert_array_equal(
    draw(there, [5], size=16), draw(again, [5], size=16)
  )


def test_any_frame_is_drawn_without_the_others():
  story = make_long_story(SHORT, 3)
  ids = [story.n_frames - 1, 0, 77, 0]
  few = draw(story, ids, size=24)
  made = len(story.__dict__['_made'])
  assert made <= 3  # the chapters of three frames
  everything = draw(story, range(story.n_frames), size=24)
  np.testing.assert_array_equal(few, everything[ids])
  start = story.chapter_starts[1]
  np.testing.assert_array_equal(
    everything[start], render(story.chapter(1), [0], size=24)[0]
  )
  with pytest.raises(BadInput, match=str(story.n_frames)):
    draw(story, [story.n_frames])


def test_chapters_are_no_story_of_any_split(story):
  assert chapter_seed(0, 0) >= 2**62
  seeds = {chapter_seed(seed, i) for seed in range(50) for i in range(50)}
  assert len(seeds) == 2500
  assert story.chapter(-1) is story.chapter(story.n_chapters - 1)
  with pytest.raises(IndexError):
    story.chapter(story.n_chapters)


def test_most_that_happens_is_there_to_distract(story):
  asked = {MEANING[query.text] for query in story.queries}
  others = [e for e in story.events if e.pair not in asked]
  assert len(others) > 4 * len(asked)
  shown = {e.pair[:2] for e in others}, {e.action for e in others}
  for *_, action in asked:
    assert action in shown[1]
  load = np.zeros(story.n_frames, bool)
  for event in others:
    load[event.start_frame : event.end_frame] = True
  assert load.mean() > 0.4


def test_a_long_story_is_a_video(story):
  video = StoryVideo(story, resize=Resize(size=16))
  assert isinstance(video, FrameStore)
  assert video.duration_s == story.duration_s
  query = story.queries[0]
  (first,) = video.frame_at([query.start_s])
  assert first == round(query.start_s * story.fps)
  np.testing.assert_array_equal(
    video.get([first]), draw(story, [first], size=16)
  )
  part = video.clip(query.start_s, query.end_s)
  np.testing.assert_array_equal(part.get([0]), video.get([first]))
  assert draw(story, [0]).shape == (1, 128, 128, 3)


@pytest.mark.parametrize('name', LONG_PRESETS)
def test_presets_last_half_an_hour_to_two_hours(name):
  story = make_long_story(LONG_PRESETS[name](), LONG_TEST[-1])
  assert 1800 <= story.duration_s <= 7200
  assert story.n_chapters * 60 >= story.duration_s
  for query in story.queries:
    assert 3 <= query.end_s - query.start_s <= 10
  assert len(story.queries) >= 8
  assert {q.kind for q in story.absent_queries} >= {'object', 'action', 'both'}


def test_one_story_is_as_long_as_its_config():
  assert story_of(SHORT, 7).n_chapters > 1
  assert story_of(standard(), 7) == make_story(standard(), 7)


def test_knobs_are_the_long_storys_or_its_chapters():
  config = SHORT.replace(n_absent=1, n_clutter=7)
  assert (config.n_absent, config.chapter.n_clutter) == (1, 7)
  read = LongConfig(**json.loads(json.dumps(config.to_dict())))
  assert read == config
  assert config.chapter_config(48).duration_s == (12.0, 12.0)


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'duration_s': (5.0, 6.0)}, 'holds no chapter'),
    ({'moment_s': (3.0, 12.0)}, 'does not fit'),
    ({'moment_s': (3.0, 2.0)}, 'rising pair'),
    ({'n_queries': (0, 3)}, 'from 1 to 64, whole'),
    ({'n_absent': -1}, '0 to 16'),
    ({'n_clutter': -1}, 'n_clutter'),
    ({'chapter': standard(duration_s=(10.0, 15.0))}, 'twice the shortest'),
  ],
)
def test_knobs_that_do_not_fit_are_one_sentence(changes, message):
  with pytest.raises(BadInput, match=message) as error:
    SHORT.replace(**changes)
  assert '\n' not in str(error.value)


def test_a_negative_seed_is_bad_input():
  with pytest.raises(BadInput, match='negative'):
    make_long_story(SHORT, -1)


def test_version_1_tells_these_long_stories():
  story = make_long_story(LONG_PRESETS['standard'](), 0)
  assert (story.n_frames, story.n_chapters) == (16_840, 92)
  query = story.queries[0]
  assert query.text == 'a pink cross is wobbling back and forth'
  assert (query.start_s, query.end_s) == (7.75, 15.75)
  assert story.absent_queries[0].text == 'the square in red is getting smaller'
  assert story.chapter(0).description.startswith(
    'From 1 to 7.25 s a pink cross falls. From 2.25 to 7.5 s a green diamond'
  )
