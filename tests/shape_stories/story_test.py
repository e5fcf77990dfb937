import pytest

from vtg_jax.shape_stories.config import standard
from vtg_jax.shape_stories.make_story import make_story


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
