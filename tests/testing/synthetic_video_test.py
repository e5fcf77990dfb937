import dataclasses

import numpy as np
import pytest

from vtg_jax.testing.synthetic_video import (
  ACTIONS,
  SHAPES,
  Event,
  Story,
  StoryConfig,
  random_story,
  render,
  render_frame,
)

EVENT = Event(
  start_s=1.0, end_s=3.0, colour='red', shape='square', action='falls'
)
STORY = Story(events=(EVENT,), duration_s=4.0, fps=5.0, width=96, height=64)


def red_pixels(frame):
  red, green, blue = (frame[..., i].astype(int) for i in range(3))
  return (red - green > 100) & (red - blue > 100)


def test_story_is_drawn_to_its_length_and_size():
  frames = list(render(STORY))
  assert len(frames) == STORY.n_frames == 20
  assert {(f.shape, f.dtype.name) for f in frames} == {((64, 96, 3), 'uint8')}


def test_shape_is_seen_exactly_from_start_to_end():
  seen = [red_pixels(frame).any() for frame in render(STORY)]
  assert seen == [5 <= i < 15 for i in range(20)]


@pytest.mark.parametrize(
  ('action', 'axis', 'sign'),
  [
    ('falls', 0, 1),
    ('rises', 0, -1),
    ('moves right', 1, 1),
    ('moves left', 1, -1),
  ],
)
def test_shape_moves_as_its_caption_says(action, axis, sign):
  event = dataclasses.replace(EVENT, action=action)
  story = dataclasses.replace(STORY, events=(event,))
  places = [
    np.argwhere(red_pixels(render_frame(story, t)))[:, axis].mean()
    for t in (1.1, 1.9, 2.8)
  ]
  assert all(np.diff(places) * sign > 5)


def test_growing_shape_grows():
  story = dataclasses.replace(
    STORY, events=(dataclasses.replace(EVENT, action='grows'),)
  )
  areas = [red_pixels(render_frame(story, t)).sum() for t in (1.1, 2.0, 2.9)]
  assert areas[0] < areas[1] < areas[2]


def test_every_shape_and_action_can_be_drawn():
  for shape in SHAPES:
    for action in ACTIONS:
      if (shape, action) != ('circle', 'spins'):
        event = dataclasses.replace(EVENT, shape=shape, action=action)
        story = dataclasses.replace(STORY, events=(event,))
        assert red_pixels(render_frame(story, 1.2)).sum() > 30


def test_caption_names_colour_shape_and_action():
  assert EVENT.caption == 'a red square falls from top to bottom'


def test_random_story_depends_on_its_seed_alone():
  config = StoryConfig()
  assert random_story(config, 3) == random_story(config, 3)
  assert random_story(config, 3) != random_story(config, 4)


@pytest.mark.parametrize('seed', range(20))
def test_random_events_are_apart_named_apart_and_on_frames(seed):
  config = StoryConfig(n_events=4)
  story = random_story(config, seed)
  captions = [event.caption for event in story.events]
  assert len(set(captions)) == config.n_events
  for event in story.events:
    assert 2.8 <= event.end_s - event.start_s <= 6.2
    for edge_s in (event.start_s, event.end_s):
      assert edge_s * config.fps == pytest.approx(round(edge_s * config.fps))


def test_events_that_do_not_fit_are_refused():
  with pytest.raises(ValueError, match='do not fit'):
    StoryConfig(n_events=10, duration_s=20)
  with pytest.raises(ValueError, match='keep them apart'):
    dataclasses.replace(STORY, events=(EVENT, EVENT))
  with pytest.raises(ValueError, match='keep them apart'):
    dataclasses.replace(STORY, duration_s=2.0)
  with pytest.raises(ValueError, match='no interval'):
    dataclasses.replace(EVENT, end_s=1.0)
