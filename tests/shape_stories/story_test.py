import numpy as np
import pytest

from vtg_jax.shape_stories.config import standard
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.words import ACTIONS, OBJECTS


@pytest.mark.parametrize('seed', range(5))
def test_labels_say_what_each_frame_shows(seed):
  story = make_story(standard(), seed)
  ids = np.random.default_rng(seed).permutation(story.n_frames)
  labels = story.labels(ids)
  assert labels['events'].shape == (len(ids), len(story.events))
  assert labels['objects'].shape == labels['actions'].shape == (len(ids), 36)
  assert (labels['objects'] == (labels['actions'] >= 0)).all()
  for row, frame in enumerate(ids.tolist()):
    shown = {
      (*OBJECTS[o], ACTIONS[labels['actions'][row, o]])
      for o in np.flatnonzero(labels['objects'][row])
    }
    on = [story.events[e] for e in np.flatnonzero(labels['events'][row])]
    assert shown == {event.pair for event in on}
    for event in story.events:
      time_s = frame / story.fps
      assert (event in on) == (event.start_s <= time_s < event.end_s)


def test_times_lie_on_frames():
  story = make_story(standard(fps=7.5), 3)
  assert story.duration_s == story.n_frames / 7.5
  for event in story.events:
    assert event.start_s * 7.5 == pytest.approx(event.start_frame)
    assert event.end_s * 7.5 == pytest.approx(event.end_frame)


def test_a_description_names_every_event():
  story = make_story(standard(), 4)
  for event in story.events:
    assert event.caption in story.description
