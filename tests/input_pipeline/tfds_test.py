"""The TFDS builders over made videos, without TensorFlow."""

import importlib
import json
import sys

import pytest

from input_pipeline.encode_video import Encoding
from vtg_jax.testing.numbered_video import write_numbered_video

tfds = pytest.importorskip(
  'tensorflow_datasets', reason='tensorflow_datasets is not installed'
)
grain = pytest.importorskip('grain')

CHARADES = (
  'AO8RW 0.0 1.5##a person opens a door.\n'
  'AO8RW 1.0 2.0##a person sits.\n'
  'GONE1 0.0 1.0##nobody knows.\n'
  'B[1]* 0.5 1.0##a dog barks.\n'
)
ACTIVITYNET = {
  'v_1': {
    'duration': 2.0,
    'timestamps': [[0, 1.5], [1, 2]],
    'sentences': ['She sits.', 'She stands.'],
  }
}


@pytest.fixture
def manual(tmp_path):
  folder = tmp_path / 'manual'
  (folder / 'videos').mkdir(parents=True)
  for name in ('AO8RW.mp4', 'B[1]*.mkv', 'v_1.mp4'):
    write_numbered_video(folder / 'videos' / name, 20, Encoding(fps=10))
  (folder / 'charades_sta_train.txt').write_text(CHARADES)
  (folder / 'train.json').write_text(json.dumps(ACTIVITYNET))
  return folder


def prepared(name, config, manual, tmp_path):
  module = importlib.import_module(
    f'input_pipeline.tfds.{name}.{name}_dataset_builder'
  )
  builder = module.Builder(data_dir=str(tmp_path / 'tfds'), config=config)
  assert builder.name == name
  builder.download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir=str(manual))
  )
  return builder


def test_charades_becomes_a_source_for_grain(manual, tmp_path):
  builder = prepared('charades_sta', 'annotations', manual, tmp_path)
  source = builder.as_data_source('train')
  records = list(grain.MapDataset.source(source))
  assert {record['video'] for record in records} == {b'AO8RW.mp4', b'B[1]*.mkv'}
  (record,) = [r for r in records if r['video'] == b'AO8RW.mp4']
  assert record['duration_s'] == 2.0
  assert list(record['sentences']['text']) == [
    b'a person opens a door',
    b'a person sits',
  ]
  assert list(record['sentences']['end_s']) == [1.5, 2.0]
  assert 'frames' not in record


def test_frames_are_stored_at_three_a_second(manual, tmp_path):
  builder = prepared('activitynet_captions', 'frames_3fps', manual, tmp_path)
  (record,) = builder.as_data_source('train')
  assert record['frames'].shape == (6, 224, 224, 3)
  assert record['frames'].dtype == 'uint8'
  assert list(record['sentences']['start_s']) == [0.0, 1.0]


def test_tensorflow_is_not_needed():
  assert 'tensorflow' not in sys.modules
