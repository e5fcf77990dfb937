"""One tiny grounder and its compilations, shared by the tests beside it."""

import pytest

from input_pipeline.encode_video import Encoding
from tests.systems.hawkeye import tiny
from vtg_jax.testing.numbered_video import write_numbered_video


@pytest.fixture(scope='session')
def grounder():
  return tiny.counting_grounder()


@pytest.fixture(scope='session')
def clip(tmp_path_factory):
  """Eight seconds, 10 frames a second, each with its number in it."""
  path = tmp_path_factory.mktemp('clips') / 'eight seconds.mp4'
  write_numbered_video(path, 80, Encoding(gop=20), width=64, height=48)
  return path


@pytest.fixture(scope='session')
def other_clip(tmp_path_factory):
  path = tmp_path_factory.mktemp('clips') / 'other.mp4'
  write_numbered_video(path, 43, Encoding(fps=25), width=64, height=80)
  return path


@pytest.fixture
def video(grounder, clip):
  """Opened, and nothing of it decoded."""
  return grounder.open_video(clip)


@pytest.fixture
def warm_video(video):
  video.prefetch(range(video.n_frames))
  return video
