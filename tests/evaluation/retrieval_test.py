"""The video of a sentence among others: items, lines and scores."""

import json

import numpy as np
import pytest

from configs.evaluate import msrvtt, story_retrieval
from tests.systems.clip.tiny import write_tiny
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.benchmarks import benchmark
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.evaluation.items import RetrievalItem
from vtg_jax.evaluation.retrieval_summary import cells, summarise_retrieval
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.moments import Absent, Moment
from vtg_jax.systems.clip import frame_encoder
from vtg_jax.systems.grounder import BenchmarkOptions
from vtg_jax.testing.numbered_video import write_numbered_video

NAMES = ('a', 'b', 'c')


class Long:
  """A system of its own: it finds everything in the longest video alone."""

  system, notice = 'long', ''
  benchmark_options = {'best': BenchmarkOptions(ground={'least': 0})}
  features_fps = 1.0

  def __init__(self, folder):
    self.frame_encoder = frame_encoder.load(folder)

  def open_video(self, path):
    return self.frame_encoder.open_video(path)

  def ground(self, video, queries, *, least):
    (query,), n = queries, len(video.features)
    if n < least:
      return [Absent(score=0.0, threshold=0.5, query=query)]
    return [Moment(start_s=0, end_s=1, score=n / 1000, query=query)]


def config(**changes):
  values = story_retrieval.get_config('quicktest').to_dict()
  return values | {'size': 16, 'difficulty': 'easy'} | changes


def test_sentences_are_true_of_one_video_alone():
  items = benchmark(config(seeds='2000000:2000012')).items
  assert items and all(len(item.among) == 12 for item in items)
  assert len({item.video for item in items}) > 1
  assert all(item.video in item.among for item in items)


def test_the_right_video_is_looked_for(tmp_path):
  system = Long(write_tiny(tmp_path / 'clip'))
  out = tmp_path / 'out'
  # Twelve seconds are none of the longest.
  done = evaluate(config(search={'least': 12}), system, model='long', out=out)
  assert done.n_failed == 0 and len(done.body) == 2
  lines = [json.loads(text) for text in (out / 'samples.jsonl').open()]
  assert len(lines) == done.n_samples > 0
  for line in lines:
    best = np.argsort(line['cosines'])[-2:]
    names = [f'{2000000 + i}.mp4' for i in best]
    assert set(line['closely']) == set(names)


@pytest.mark.parametrize('kind', ['features', 'videos'])
def test_the_clips_of_a_folder_are_looked_for(tmp_path, kind):
  """From files, and from features in their place."""
  system = Long(write_tiny(tmp_path / 'clip'))
  folder = tmp_path / 'clips'
  folder.mkdir()
  for name, seconds in zip(NAMES, (3, 5, 4), strict=True):
    if kind == 'features':
      features = np.ones((seconds, system.frame_encoder.features), np.float32)
      np.save(folder / f'{name}.npy', features)
    else:
      write_numbered_video(folder / f'{name}.mp4', seconds * 25)
  file = tmp_path / 'test.csv'
  rows = ''.join(f'{name},{name} cat\n' for name in NAMES)
  file.write_text(f'video_id,sentence\n{rows}')
  values = msrvtt.get_config().to_dict() | {
    'annotations': str(file),
    kind: str(folder),
    'search': {'least': 0},
    'closely': 3,
  }
  out = tmp_path / 'out'
  done = evaluate(values, system, model='long', out=out)
  assert done.n_samples == 3 and done.n_failed == 0
  lines = [json.loads(text) for text in (out / 'samples.jsonl').open()]
  assert [line['question'] for line in lines] == ['a cat', 'b cat', 'c cat']
  assert all(line['closely'] == ['b', 'c', 'a'] for line in lines)


@pytest.mark.parametrize(
  ('rows', 'said'),
  [('a,x\na,y\n', 'names a clip twice'), ('', 'holds no row')],
)
def test_a_bad_file_of_clips_is_named(tmp_path, rows, said):
  file = tmp_path / 'test.csv'
  file.write_text('video_id,sentence\n' + rows)
  values = msrvtt.get_config().to_dict() | {'annotations': str(file)}
  with pytest.raises(BadInput, match=said):
    benchmark(values | {'videos': str(tmp_path)})


def test_a_system_without_features_is_refused(tmp_path):
  class Blind:
    system, notice = 'blind', ''
    benchmark_options = Long.benchmark_options

    def ground(self, video, queries, *, least):
      return []

  with pytest.raises(BadInput, match="'blind' encodes no frames"):
    evaluate(config(), Blind(), model='blind', out=tmp_path)


def test_what_was_looked_at_comes_before_the_rest():
  items = [
    RetrievalItem(video=video, question='it', among=NAMES) for video in 'ab'
  ]
  lines = [
    {'cosines': [0.1, 0.9, 0.5], 'closely': ['a', 'b']},
    {'cosines': [0.9, 0.1, 0.5], 'closely': ['c', 'a']},
  ]
  options = {'bootstrap': Bootstrap(n_resamples=20)}
  alone, closely = summarise_retrieval(lines, items, **options).rows
  assert (alone.recall[1], alone.median_rank) == (0, 3)
  assert (closely.recall[1], closely.recall[5]) == (0.5, 1)
  assert cells(closely)[1:4] == ['50.0', '100.0', '100.0']
  lines = [{**line, 'closely': []} for line in lines]
  assert len(summarise_retrieval(lines, items, **options).rows) == 1
