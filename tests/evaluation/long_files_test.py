"""MAD's and VidChapters' files, over features of frames."""

import json

import numpy as np
import pytest

from vtg_jax import config_file
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.evaluation.long_files import long_items
from vtg_jax.moments import Moment
from vtg_jax.systems.grounder import BenchmarkOptions

MOMENTS = {
  '7': {
    'movie': 'film',
    'sentence': 'A man runs.',
    'timestamps': [10.0, 14.0],
    'movie_duration': 60.0,
  },
  '8': {
    'movie': 'gone',
    'sentence': 'He stops.',
    'timestamps': [1.0, 2.0],
    'movie_duration': 30.0,
  },
}
CHAPTERS = {
  'vid': 'film',
  'duration': 60,
  'query': ['Intro', 'The end'],
  'relevant_windows': [[[0, 31]], [[31, 60]]],
}


class Tenth:
  """A system of its own: it answers with the second tenth of a minute."""

  system, notice = 'tenth', ''
  benchmark_options = {'paper': BenchmarkOptions(), 'best': BenchmarkOptions()}

  def ground(self, video, queries, *, top_k):
    assert video.features.shape == (300, 4) and top_k == 5
    return [
      Moment(start_s=10, end_s=15, score=0.5, query=query) for query in queries
    ]


@pytest.fixture
def files(tmp_path):
  (tmp_path / 'test.json').write_text(json.dumps(MOMENTS))
  (tmp_path / 'lines.jsonl').write_text(json.dumps(CHAPTERS) + '\n')
  (tmp_path / 'features').mkdir()
  np.save(tmp_path / 'features' / 'film.npy', np.ones((300, 4), np.float32))
  return tmp_path


def test_sentences_are_asked_as_systems_word_them(files):
  items = long_items(files / 'test.json', 'moments')
  assert [(i.video, i.question, i.gold, i.qid) for i in items] == [
    ('film', 'a man runs', ((10.0, 14.0),), '7'),
    ('gone', 'he stops', ((1.0, 2.0),), '8'),
  ]
  assert len(long_items(files / 'test.json', 'moments', 40.0)) == 1
  intro, end = long_items(files / 'lines.jsonl', 'chapters')
  assert (intro.question, end.gold) == ('intro', ((31, 60),))


def test_features_are_asked_about_and_missing_ones_told(files):
  values = config_file.read_config(
    'mad',
    [
      f'annotations={files / "test.json"}',
      f'features={files / "features"}',
    ],
    within='evaluate',
  )
  out = files / 'out'
  done = evaluate(values, Tenth(), model='tenth', out=out)
  found, lost = map(json.loads, (out / 'samples.jsonl').open())
  assert (found['iou'], found['duration'], found['error']) == (0.8, 60.0, None)
  assert "no features of 'gone'" in lost['error']
  assert done.summary.rows[0].scores['R1@0.7'] == 0.5
  assert done.n_failed == 1


@pytest.mark.parametrize(
  ('name', 'kind', 'message'),
  [
    ('', 'moments', 'no annotation file'),
    ('test.json', 'films', "format 'films' is unknown"),
    ('test.json', 'chapters', 'test.json'),
  ],
)
def test_other_files_are_bad_input(files, name, kind, message):
  with pytest.raises(BadInput, match=message):
    long_items(str(files / name) if name else '', kind)
