"""Videos told by a system of two fixed events, scored by hand."""

import json

import pytest

from configs.evaluate import activitynet_captions, told_stories, youcook2
from input_pipeline.video import Resize, open_video
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.caption_files import activitynet_captions as read
from vtg_jax.evaluation.caption_files import youcook2_captions
from vtg_jax.evaluation.caption_summary import summarise_captions
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.moments import Caption
from vtg_jax.systems.grounder import BenchmarkOptions

TRUE = {
  'a': {
    'duration': 8.0,
    'timestamps': [[0, 4], [8, 4]],
    'sentences': ['a dog runs', ' a cat sits '],
  },
  'broken': {'timestamps': [[0, 1]], 'sentences': ['x']},
}


class Halves:
  """A system of its own: it tells the same two halves of every video."""

  system, notice = 'halves', ''
  benchmark_options = {
    'paper': BenchmarkOptions(dense_caption={'first': 'a dog runs'}),
    'best': BenchmarkOptions(dense_caption={'first': 'a red circle rises'}),
  }

  def open_video(self, path, *, resize='pil', on_progress=None):
    return open_video(path, resize=Resize(size=8, method=resize))

  def dense_caption(self, video, *, first):
    end_s = video.duration_s
    return [
      Caption(start_s=0, end_s=end_s / 2, text=first, score=1),
      Caption(start_s=end_s / 2, end_s=end_s, text='a dog sits', score=1),
    ]


@pytest.fixture
def config(videos, tmp_path):
  (tmp_path / 'val.json').write_text(json.dumps(TRUE))
  return activitynet_captions.get_config().to_dict() | {
    'annotations': str(tmp_path / 'val.json'),
    'videos': str(videos),
    'words': 'overlap',
  }


def test_told_videos_end_in_scores(config, tmp_path):
  done = evaluate(config, Halves(), model='m', out=tmp_path / 'out')
  assert (done.n_samples, done.n_failed) == (2, 1)
  scores = done.document
  # Half of it each: the other video failed. Words 1 and 2/3 where IoU is 1.
  assert scores['soda_c'] == pytest.approx(5 / 6 / 2)
  assert scores['sentences'] == {'words': pytest.approx(5 / 6 / 2)}
  assert (scores['f1'], scores['precision'], scores['recall']) == (0.5,) * 3
  assert done.head[1] == 'SODA_c'
  assert '| model |' in (tmp_path / 'out' / 'table.md').read_text()
  again = evaluate(config, Halves(), model='m', out=tmp_path / 'out')
  assert again.document == done.document


def test_generated_videos_are_told(tmp_path):
  values = told_stories.get_config('quicktest').to_dict()
  config = values | {
    'seeds': '2000000:2000001', 'difficulty': 'easy', 'files': False, 'size': 8,
  }  # fmt: skip
  done = evaluate(config, Halves(), model='m', out=tmp_path)
  assert done.n_failed == 0
  assert done.document['settings']['config']['tell'] == {
    'first': 'a red circle rises'
  }
  assert done.document['true_per_video'] >= 1


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'words': 'bleu'}, "words is 'bleu'"),
    ({'annotations': None}, 'annotations=FILE'),
    ({'annotations': [3]}, 'a file or a list'),
    ({'tell': {'prompt': 'x'}}, 'knows no tell.prompt; use first'),
  ],
)
def test_what_does_not_fit_is_told(config, tmp_path, changes, message):
  with pytest.raises(BadInput, match=message):
    evaluate(config | changes, Halves(), model='m', out=tmp_path / 'out')


def test_two_people_told_the_same_videos(tmp_path):
  one, other = tmp_path / 'val_1.json', tmp_path / 'val_2.json'
  one.write_text(json.dumps(TRUE))
  other.write_text(json.dumps({'a': TRUE['a'], 'b': TRUE['broken']}))
  first, second, third = read([one, other])
  assert [i.video for i in (first, second, third)] == ['a', 'broken', 'b']
  assert [len(i.references) for i in (first, second, third)] == [2, 1, 1]
  # A reversed span is turned round, and spaces leave the sentence.
  assert first.references[0][1] == ((4.0, 8.0), 'a cat sits')


@pytest.mark.parametrize(
  'about', [{}, {'timestamps': [[0, 1]], 'sentences': []}, 3,
            {'timestamps': [[0]], 'sentences': ['a']},
            {'timestamps': [], 'sentences': []},
            {'timestamps': [[0, float('nan')]], 'sentences': ['a']}],
)  # fmt: skip
def test_a_video_without_events_is_bad_input(tmp_path, about):
  (tmp_path / 'val.json').write_text(json.dumps({'a': about}))
  with pytest.raises(BadInput, match="'a' in"):
    read([tmp_path / 'val.json'])


def test_several_references_are_averaged_for_the_story_and_joined_for_words():
  line = {
    'video': 'a',
    'told': [[[0, 4], 'a']],
    'references': [[[[0, 4], 'a']], [[[0, 4], 'b'], [[6, 8], 'c']]],
    'seconds': 1.0,
    'error': None,
  }
  found = summarise_captions(
    [line], words='overlap', bootstrap=Bootstrap(n_resamples=5)
  )
  assert found.soda_c == 0.5  # 1 by the first person, 0 by the second
  assert found.sentences['words'] == 0.5  # of two comparisons
  assert (found.precision, found.recall) == (1, 1)  # by the first person


RELEASED = {
  'database': {
    'a': {
      'subset': 'validation',
      'annotations': [
        {'segment': [0, 4], 'sentence': 'a dog runs', 'id': 0},
        {'segment': [4, 8], 'sentence': 'a cat sits', 'id': 1},
      ],
    },
    'b': {'subset': 'training', 'annotations': [{'segment': [0, 1]}]},
  }
}
JOINED = {
  'annotations': [
    {
      'image_id': 'val/a.mp4',
      'segments': [[0, 4], [4, 8]],
      'pure_cap': 'a dog runs. a cat sits',
    }
  ]
}


@pytest.mark.parametrize(
  ('document', 'video', 'end'),
  [(RELEASED, 'a', ''), (JOINED, 'val/a.mp4', '.')],
)
def test_both_files_of_recipes_are_read(tmp_path, document, video, end):
  (tmp_path / 'val.json').write_text(json.dumps(document))
  (item,) = youcook2_captions(tmp_path / 'val.json')
  assert item.video == video
  assert item.references == (
    (((0, 4), f'a dog runs{end}'), ((4, 8), f'a cat sits{end}')),
  )


def test_recipes_are_scored_by_the_mean_of_their_videos(videos, tmp_path):
  (tmp_path / 'val.json').write_text(json.dumps(RELEASED))
  config = youcook2.get_config().to_dict() | {
    'annotations': str(tmp_path / 'val.json'),
    'videos': str(videos),
    'words': 'overlap',
  }
  done = evaluate(config, Halves(), model='m', out=tmp_path / 'out')
  assert done.n_failed == 0
  assert done.document['f1_of_videos'] == 1.0


@pytest.mark.parametrize(
  'document',
  [
    {},
    {'database': {'a': 3}},
    {'database': {'a': {'subset': 'validation'}}},
    {'annotations': 3},
    {'annotations': [{'image_id': 'a', 'segments': [], 'pure_cap': 'x. y'}]},
    {'database': {'a': {'subset': 'testing'}}},
  ],
)
def test_what_is_no_file_of_recipes_is_told(tmp_path, document):
  (tmp_path / 'val.json').write_text(json.dumps(document))
  with pytest.raises(BadInput, match='val.json'):
    youcook2_captions(tmp_path / 'val.json')
