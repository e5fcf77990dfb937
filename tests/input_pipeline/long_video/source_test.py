"""Data sets on disk: sentences, and the features of both."""

import json
import logging
import pickle

import numpy as np
import pytest

from input_pipeline.feature_index import source_of
from input_pipeline.feature_layout import IndexHeader, Made
from input_pipeline.feature_writer import FeatureWriter
from input_pipeline.long_video.features import FramesOnDisk, NpzQueries
from input_pipeline.long_video.source import LongVideoFiles, open_source
from tests.input_pipeline.long_video.annotations_test import MOMENT
from vtg_jax.errors import BadInput


@pytest.fixture
def data(tmp_path):
  """A data set of three films, of which one has no features."""
  frames, queries = tmp_path / 'frames', tmp_path / 'queries'
  frames.mkdir()
  queries.mkdir()
  for i, name in enumerate(['a', 'b']):
    np.save(frames / f'{name}.npy', np.full((20 + i, 4), i, np.float32))
    np.savez(
      queries / f'q{i}.npz',
      token_features=np.full((3, 4), i, np.float32),
      cls_features=np.zeros(4, np.float32),
      allow_pickle=np.array(True),
    )
  entries = {f'q{i}': {**MOMENT, 'movie': m} for i, m in enumerate('abc')}
  (tmp_path / 'mad.json').write_text(json.dumps(entries))

  def files(**options):
    return LongVideoFiles(
      **{
        'annotations': str(tmp_path / 'mad.json'),
        'kind': 'moments',
        'frames': str(frames),
        'fps': 5.0,
        'queries': str(queries),
      }
      | options
    )

  return files


def test_sentences_and_the_features_of_both(data, caplog):
  with caplog.at_level(logging.WARNING):
    source = open_source(data(n_kept=1))
  assert '1 of 3 sentences are left out' in caplog.text
  assert [item.query_id for item in source.items] == ['q0', 'q1']
  for again in (source, pickle.loads(pickle.dumps(source))):
    for video, n_frames, value in (('b', 21, 1), ('a', 20, 0), ('b', 21, 1)):
      features = again.frames(video)
      assert len(features) == n_frames
      assert (features[np.array([3, 1])] == value).all()
    assert again.words('q1').shape == (3, 4)


def test_features_are_kept_while_there_is_room(data):
  frames = FramesOnDisk(data().frames, fps=5.0, n_kept=2)
  first = frames.open('a')
  frames.open('b')
  assert frames.open('a') is first
  assert frames.names() == {'a', 'b'}
  few = FramesOnDisk(data().frames, fps=5.0, n_kept=1)
  first = few.open('a')
  few.open('b')
  assert few.open('a') is not first


def test_what_is_missing_is_named(data, tmp_path):
  source = open_source(data())
  with pytest.raises(BadInput, match="no features of 'c'"):
    source.frames('c')
  with pytest.raises(BadInput, match='there is no .*q9.npz'):
    source.words('q9')
  with pytest.raises(BadInput, match='no features of sentences; give queries'):
    open_source(data(queries=None)).words('q0')
  (tmp_path / 'none').mkdir()
  with pytest.raises(BadInput, match='features of no video in'):
    open_source(data(frames=str(tmp_path / 'none')))
  bad = tmp_path / 'queries' / 'bad.npz'
  bad.write_bytes(b'PK')
  with pytest.raises(BadInput, match='bad.npz holds no features'):
    NpzQueries(tmp_path / 'queries').read('bad')


@pytest.mark.parametrize(
  'options', [{'kind': 'film'}, {'clips': 'a.csv'}, {'n_kept': 0}]
)
def test_options_that_do_not_fit_are_refused(data, options):
  with pytest.raises(ValueError, match='unknown|needs the CSV|use more'):
    data(**options)


def test_msr_vtt_has_two_files_of_annotations(data, tmp_path):
  sentences = [{'sen_id': 4, 'video_id': 'a', 'caption': 'A dog'}]
  (tmp_path / 'data.json').write_text(json.dumps({'sentences': sentences}))
  (tmp_path / 'train.csv').write_text('video_id\na\n')
  source = open_source(
    data(
      annotations=str(tmp_path / 'data.json'),
      kind='msrvtt',
      clips=str(tmp_path / 'train.csv'),
      wording='video',
    )
  )
  (item,) = source.items
  assert item.question() == '<video>\nDuring which video can we see a dog?'


def test_a_folder_of_indexes_is_one_of_features(data, tmp_path):
  video = tmp_path / 'a'
  video.write_bytes(b'a film')
  header = IndexHeader(
    source=source_of(video),
    made=Made(model='m', fingerprint='f', resize='pil', fps=5.0),
    duration_s=1.0,
    n_rows=5,
    width=4,
  )
  with FeatureWriter(tmp_path / 'index' / 'a.features', header) as writer:
    writer.append(np.arange(5) / 5, np.ones((5, 4), np.float32))
    writer.finish(video)
  source = open_source(data(frames=str(tmp_path / 'index')))
  assert [item.video for item in source.items] == ['a']
  assert source.frames('a')[np.array([4])].tolist() == [[1, 1, 1, 1]]
  slow = FramesOnDisk(tmp_path / 'index', fps=2.0)
  with pytest.raises(BadInput, match='has 5.0 rows a second, 2.0 are needed'):
    slow.open('a')
