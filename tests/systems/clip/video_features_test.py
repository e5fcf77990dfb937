"""A video's features are those of its index, or the same made now."""

import dataclasses
import os

import numpy as np
import pytest

from input_pipeline.encode_video import Encoding
from input_pipeline.feature_index import FeatureIndex, index_path
from input_pipeline.feature_layout import Made
from input_pipeline.frame_features import EvenFeatures, QueryFeatures
from input_pipeline.index_features import index_features
from tests.systems.clip.tiny import write_tiny
from vtg_jax.errors import BadInput
from vtg_jax.systems.clip import frame_encoder
from vtg_jax.systems.clip.video_features import (
  likeness,
  shows,
  video_features,
)
from vtg_jax.testing.numbered_video import write_numbered_video


@pytest.fixture(scope='module')
def encoder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('clip') / 'tiny'
  return frame_encoder.load(write_tiny(folder))


@pytest.fixture
def video(tmp_path, encoder):
  path = tmp_path / 'a.mp4'
  write_numbered_video(path, 50, Encoding(fps=10))
  return encoder.open_video(path)


def write_index(encoder, video, fps=8.0):
  made = Made(
    model='tiny', fingerprint=encoder.fingerprint, resize='pil', fps=fps
  )
  return index_features(
    video,
    index_path(video.path),
    made,
    encoder.start_encoding,
    width=encoder.features,
    batch=encoder.batch,
  )


def test_an_index_is_read_instead_of_the_video(encoder, video):
  told, notices = [], []
  now = video_features(
    encoder,
    video,
    fps=8.0,
    on_notice=notices.append,
    on_progress=lambda *done: told.append(done),
  )
  assert isinstance(now, EvenFeatures)
  assert (told[-1], len(notices)) == ((40, 40), 1)
  assert 'is not indexed' in notices[0]
  write_index(encoder, video)
  unread = encoder.open_video(video.path)
  later = video_features(encoder, unread, fps=8.0)
  assert isinstance(later, FeatureIndex) and not unread.count.pictures
  np.testing.assert_array_equal(now.features, later.features)
  assert np.all(np.diff(later.times_s) >= 0)
  np.testing.assert_allclose(now.times_s, later.times_s, atol=0.1)


def test_a_damaged_index_is_passed_over_and_another_one_is_told(encoder, video):
  path = write_index(encoder, video)
  with pytest.raises(BadInput, match=r'made with fps 8\.0, not 2\.0'):
    video_features(encoder, video, fps=2.0)
  os.truncate(path, path.stat().st_size - 1)
  notices = []
  found = video_features(encoder, video, fps=2.0, on_notice=notices.append)
  assert len(found.features) == 10 and 'damaged' in notices[0]


def test_the_frames_most_like_a_sentence_tell_whether_it_is_shown():
  query = QueryFeatures(
    token_features=np.zeros((1, 2), np.float32),
    cls_features=np.array([0, 3], np.float32),
  )
  frames = EvenFeatures(
    features=np.array([[1, 0], [0, 9], [2, 2], [0, 0], [0, 1]], np.float32),
    fps=1.0,
  )
  half = np.sqrt(0.5)
  np.testing.assert_allclose(likeness(frames, query), [0, 1, half, 0, 1])
  assert shows(frames, query) == pytest.approx((2 + half) / 3)
  short = dataclasses.replace(frames, features=frames.features[2:3])
  assert shows(short, query) == pytest.approx(half)
