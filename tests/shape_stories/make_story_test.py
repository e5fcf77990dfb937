import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.config import PRESETS, easy, standard
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.splits import TEST, TRAIN, VALIDATION
from vtg_jax.shape_stories.words import (
  PAIRS,
  held_out_pairs,
  paraphrases,
)

MEANING = {text: pair for pair in PAIRS for text in paraphrases(pair)}


@pytest.fixture(scope='module')
def stories():
  return [make_story(standard(), seed) for seed in range(300)]


@st.composite
def configs(draw):
  concurrent = draw(st.integers(1, 4))
  n_events = draw(st.integers(1, 4 * concurrent))
  load = max(n_events / concurrent, min(n_events, 2))
  shortest = draw(st.floats(0.03, 0.55 / load))
  duration_s = draw(st.floats(10, 60))
  return standard(
    duration_s=(duration_s, duration_s + draw(st.floats(0, 30))),
    fps=draw(st.sampled_from([4.0, 7.5, 10.0, 12.0])),
    n_events=(min(n_events, draw(st.integers(1, 3))), n_events),
    event_frac=(shortest, min(1.0, 3 * shortest)),
    max_concurrent=concurrent,
    combinations=draw(st.sampled_from(['seen', 'unseen', 'all'])),
    object_distractors=draw(st.floats(0, 1)),
    action_distractors=draw(st.floats(0, 1)),
    n_paraphrases=draw(st.integers(1, 24)),
  )


@settings(max_examples=80, deadline=None)
@given(config=configs(), seed=st.integers(0, 2**40))
def test_every_story_keeps_the_rules(config, seed):
  story = make_story(config, seed)
  low_s, high_s = config.duration_s
  assert low_s - 1 / config.fps <= story.duration_s <= high_s + 1 / config.fps
  assert config.n_events[0] <= len(story.events) <= config.n_events[1]
  assert len({event.pair for event in story.events}) == len(story.events)
  load = np.zeros(story.n_frames, int)
  for i, event in enumerate(story.events):
    n_frames = event.end_frame - event.start_frame
    assert 0 <= event.start_frame < event.end_frame <= story.n_frames
    assert n_frames >= config.event_frac[0] * story.n_frames - 1e-6
    assert n_frames <= config.event_frac[1] * story.n_frames + 1
    load[event.start_frame : event.end_frame] += 1
    for other in story.events[:i]:
      if other.start_frame < event.end_frame and (
        event.start_frame < other.end_frame
      ):
        # Apart in space, and never one object twice.
        assert (
          max(
            abs(event.x_frac - other.x_frac), abs(event.y_frac - other.y_frac)
          )
          > 0.48 - 2.01 * config.place_jitter
        )
        assert event.pair[:2] != other.pair[:2]
  assert load.max() <= config.max_concurrent


@settings(max_examples=80, deadline=None)
@given(config=configs(), seed=st.integers(0, 2**40))
def test_every_sentence_is_true_or_absent_as_told(config, seed):
  story = make_story(config, seed)
  shown = {event.pair for event in story.events}
  allowed = set(
    list(MEANING)
    if config.n_paraphrases == 24
    else [t for p in PAIRS for t in paraphrases(p, config.n_paraphrases)]
  )
  for query in story.queries:
    event = story.events[query.event]
    assert MEANING[query.text] == MEANING[query.caption] == event.pair
    assert (query.start_s, query.end_s) == (event.start_s, event.end_s)
    assert query.negative_start_s == 0
    assert query.negative_end_s == story.duration_s
    assert query.text in allowed
  for query in story.absent_queries:
    colour, shape, action = MEANING[query.text]
    assert MEANING[query.caption] == (colour, shape, action)
    assert (colour, shape, action) not in shown
    has_object = (colour, shape) in {pair[:2] for pair in shown}
    has_action = action in {pair[2] for pair in shown}
    assert has_object == (query.kind != 'object')
    if query.kind != 'object':
      assert has_action == (query.kind == 'both')
    assert query.text in allowed
  if config.combinations != 'all':
    unseen = config.combinations == 'unseen'
    asked = [*story.queries, *story.absent_queries]
    for query in asked:
      assert (MEANING[query.text] in held_out_pairs()) == unseen


def test_a_story_depends_on_its_seed_alone(stories):
  assert make_story(standard(), 7) == stories[7] != stories[8]


def test_version_1_tells_these_stories():
  story = make_story(standard(), 0)
  assert story.description == (
    'From 13.125 to 15.875 s a yellow cross slides to the right. '
    'From 20.125 to 36 s a pink triangle slides to the right. '
    'From 38.375 to 48.875 s a blue square slides to the right. '
    'From 43.125 to 46.875 s a cyan cross shakes.'
  )
  assert story.queries[3].text == 'there is a cyan cross trembling'


def test_at_least_three_in_ten_videos_hold_each_kind_of_distractor(stories):
  assert np.mean([s.has_object_distractor for s in stories]) >= 0.3
  assert np.mean([s.has_action_distractor for s in stories]) >= 0.3
  for story in stories:
    for event in story.events:
      if event.is_distractor:
        others = [e for e in story.events if e is not event]
        assert any(
          e.pair[:2] == event.pair[:2] or e.action == event.action
          for e in others
        )


def test_lengths_spread_evenly_from_5_to_40_percent(stories):
  shares = [
    (event.end_s - event.start_s) / story.duration_s
    for story in stories
    for event in story.events
  ]
  assert 0.05 <= min(shares) and max(shares) <= 0.4
  counts, _ = np.histogram(shares, bins=7, range=(0.05, 0.4))
  assert counts.min() > 0.6 * counts.max()


def test_events_overlap_in_many_videos(stories):
  overlapping = [
    any(
      one.start_frame < other.end_frame and other.start_frame < one.end_frame
      for one, other in itertools.combinations(story.events, 2)
    )
    for story in stories
  ]
  assert np.mean(overlapping) > 0.5


def test_all_pairs_but_the_held_out_ones_are_seen():
  seen = {
    event.pair
    for seed in range(700)
    for event in make_story(standard(), seed).events
  }
  assert seen == set(PAIRS) - held_out_pairs()


def test_unseen_stories_ask_about_a_held_out_pair_each():
  for seed in range(60):
    story = make_story(standard(combinations='unseen'), seed)
    assert {query.event for query in story.queries} == set(
      story.held_out_events
    )
    assert story.queries


@pytest.mark.parametrize('preset', PRESETS.values())
def test_presets_make_stories_of_any_seed(preset):
  for seed in (TRAIN[-1], VALIDATION[0], TEST[0], TEST[-1]):
    assert make_story(preset(), seed).queries


def test_without_distractors_few_videos_have_them():
  config = standard(object_distractors=0.0, action_distractors=0.0)
  stories = [make_story(config, seed) for seed in range(100)]
  assert np.mean([s.has_object_distractor for s in stories]) < 0.3
  assert not any(e.is_distractor for s in stories for e in s.events)


def test_what_hardly_fits_fits_and_what_does_not_is_told():
  tight = easy(n_events=(3, 3), event_frac=(0.19, 0.9))
  assert len(make_story(tight, 1).events) == 3
  never = easy(n_events=(1, 1), event_frac=(0.6, 0.6))
  assert len(make_story(never, 1).events) == 1
  # Of 7 frames 4 events take 2 each, one after another.
  crowded = easy(
    duration_s=(0.7, 0.7),
    fps=10.0,
    n_events=(4, 4),
    event_frac=(0.15, 0.15),
  )
  with pytest.raises(BadInput, match='do not fit'):
    make_story(crowded, 1)


def test_a_negative_seed_is_bad_input():
  with pytest.raises(BadInput, match='-1'):
    make_story(standard(), -1)


def test_stories_are_frozen(stories):
  with pytest.raises(dataclasses.FrozenInstanceError):
    stories[0].seed = 3
