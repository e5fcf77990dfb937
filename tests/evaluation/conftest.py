"""A tiny grounder and a folder of real videos, shared by the tests here."""

import pytest

from input_pipeline.encode_video import Encoding
from tests.systems.hawkeye import tiny
from vtg_jax.systems.hawkeye.grounder import HawkEyeGrounder
from vtg_jax.testing.numbered_video import write_numbered_video


@pytest.fixture(scope='session')
def grounder():
  return HawkEyeGrounder(tiny.config(), tiny.params(), *tiny.tokenizers())


@pytest.fixture(scope='session')
def videos(tmp_path_factory):
  """a.mp4 of 8 s, b.mp4 of 4 s, and broken.mp4 that is none."""
  folder = tmp_path_factory.mktemp('videos')
  write_numbered_video(folder / 'a.mp4', 80, Encoding(), width=64, height=48)
  write_numbered_video(folder / 'b.mp4', 40, Encoding(), width=64, height=48)
  (folder / 'broken.mp4').write_bytes(b'no video')
  return folder
