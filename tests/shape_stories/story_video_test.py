import numpy as np
import pytest

from input_pipeline.frame_choice import timestamp_frame_times
from input_pipeline.frame_store import FrameStore
from input_pipeline.pixels import Resize
from input_pipeline.video import open_video
from vtg_jax.shape_stories.config import standard
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.render import render
from vtg_jax.shape_stories.story_video import StoryVideo, write_mp4


@pytest.fixture(scope='module')
def story():
  return make_story(standard(duration_s=(12.0, 14.0)), 5)


@pytest.fixture(scope='module')
def path(story, tmp_path_factory):
  path = tmp_path_factory.mktemp('stories') / 'story.mp4'
  write_mp4(story, path)
  return path


def test_file_and_story_have_the_same_times(story, path):
  drawn, read = StoryVideo(story), open_video(path, resize=None)
  assert isinstance(drawn, FrameStore)
  for name in ('n_frames', 'fps', 'duration_s', 'paper_duration_s'):
    assert getattr(drawn, name) == pytest.approx(getattr(read, name)), name
  np.testing.assert_allclose(drawn.times_s, read.times_s, atol=1e-6)
  assert (drawn.index.width, drawn.index.height) == (128, 128)
  assert (read.index.width, read.index.height) == (128, 128)
  times_s = timestamp_frame_times(1.0, 11.0, 12)
  np.testing.assert_array_equal(drawn.frame_at(times_s), read.frame_at(times_s))


@pytest.mark.parametrize(
  ('resize', 'most'),
  [(None, 4.0), (Resize(size=64), 3.0), (Resize(size=48), 3.0)],
)
def test_file_and_story_show_the_same(story, path, resize, most):
  drawn = StoryVideo(story, resize=resize)
  read = open_video(path, resize=resize)
  ids = list(range(0, story.n_frames, 3))
  apart = np.abs(drawn.get(ids).astype(int) - read.get(ids))
  assert apart.mean() < most
  assert apart.mean(axis=(1, 2, 3)).max() < 2 * most


def test_frames_are_drawn_once(story):
  told = []
  video = StoryVideo(
    story,
    resize=Resize(size=16),
    on_progress=lambda *count: told.append(count),
  )
  assert video.missing([4, 2, 4]) == [2, 4]
  video.prefetch([4, 2])
  frames = video.get([2, 3, 2])
  assert (video.count.passes, video.count.pictures) == (2, 3)
  assert video.decoded == 3
  assert told == [(1, 2), (2, 2), (1, 1)]
  np.testing.assert_array_equal(frames, render(story, [2, 3, 2], size=16))
  assert video.resize == Resize(size=16)


def test_a_story_is_drawn_at_every_size(story):
  video = StoryVideo(story, resize=Resize(size=16))
  (frame,) = video.at_size(24).get([3])
  np.testing.assert_array_equal(frame, render(story, [3], size=24)[0])
