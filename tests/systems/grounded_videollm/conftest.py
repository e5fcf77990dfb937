"""Tiny grounders of both dialects and their compilations, made once."""

import functools

import pytest

from input_pipeline.encode_video import Encoding
from tests.systems.grounded_videollm import tiny
from vtg_jax.testing.numbered_video import write_numbered_video

grounder_of = functools.cache(tiny.grounder)


@pytest.fixture(params=['phi3', 'llama3'])
def either(request):
  """A grounder of each dialect in turn."""
  return grounder_of(request.param)


@pytest.fixture
def grounder():
  return grounder_of('phi3')


@pytest.fixture(scope='session')
def clip(tmp_path_factory):
  """Four seconds, 10 frames a second, each with its number in it."""
  path = tmp_path_factory.mktemp('clips') / 'four seconds.mp4'
  write_numbered_video(path, 40, Encoding(gop=20), width=64, height=48)
  return path


@functools.cache
def _opened(path):
  """One store for all tests: every grounder keeps what it knows of it."""
  return grounder_of('phi3').open_video(path)


@pytest.fixture
def video(clip):
  return _opened(clip)
