"""Highlights told by a system of one fixed answer, scored by hand."""

import json
import math

import pytest

from configs.evaluate import charades_sta, qvhighlights
from input_pipeline.video import Resize, open_video
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.evaluation.highlight_files import qvhighlights_items
from vtg_jax.moments import Highlights
from vtg_jax.systems.grounder import BenchmarkOptions

LINE = {
  'qid': 7,
  'query': 'a dog runs',
  'duration': 8,
  'vid': 'a',
  'relevant_windows': [[2, 6]],
  'relevant_clip_ids': [1, 2],
  'saliency_scores': [[4, 2, 4], [3, 3, 0]],
}


class Marker:
  """A system of its own: something always stands out at the same times."""

  system, notice = 'marker', ''
  benchmark_options = {'paper': BenchmarkOptions(highlights={'saliency': 3.0})}

  def open_video(self, path, *, resize='pil', on_progress=None):
    return open_video(path, resize=Resize(size=8, method=resize))

  def highlights(self, video, queries, *, saliency):
    return [
      Highlights(
        query=query, times_s=(3.0, 7.0), saliency=(saliency, 1.0), score=1
      )
      for query in queries
    ]


@pytest.fixture
def config(videos, tmp_path):
  lines = [LINE, LINE | {'vid': 'broken', 'qid': 8}]
  text = '\n'.join(map(json.dumps, lines))
  (tmp_path / 'val.jsonl').write_text(text + '\n')
  return qvhighlights.get_config().to_dict() | {
    'annotations': str(tmp_path / 'val.jsonl'),
    'videos': str(videos),
  }


def test_highlights_end_in_scores(config, tmp_path):
  done = evaluate(config, Marker(), model='m', out=tmp_path / 'out')
  assert (done.n_samples, done.n_failed) == (2, 1)
  very_good, good, fair = done.summary.rows
  # Clip 1 is the best and two people's highlight, nothing is the third's.
  # Of the video that failed all clips are alike: a quarter of them.
  assert very_good.mean_ap == pytest.approx((2 / 3 + 2 / 3 / 4) / 2)
  # And its first clip, which is taken then, is nobody's.
  assert very_good.hit_at_1 == 0.5
  assert [row.name for row in (very_good, good, fair)] == (
    ['VeryGood', 'Good', 'Fair']
  )
  assert done.document['told_per_query'] == 1.0
  assert done.document['n_silent'] == 1
  assert '| VeryGood |' in (tmp_path / 'out' / 'table.md').read_text()
  again = evaluate(config, Marker(), model='m', out=tmp_path / 'out')
  assert again.document == done.document


def test_the_systems_options_are_checked(config, tmp_path):
  with pytest.raises(BadInput, match='knows no mark.prompt; use saliency'):
    evaluate(
      config | {'mark': {'prompt': 'x'}}, Marker(), model='m', out=tmp_path
    )


def test_a_system_without_highlights_is_told(config, grounder, tmp_path):
  with pytest.raises(BadInput, match='finds no highlights'):
    evaluate(config, grounder, model='m', out=tmp_path)
  assert 'mark' not in charades_sta.get_config()


@pytest.mark.parametrize(
  'change',
  [
    {'saliency_scores': [[4, 2, 4]]},
    {'saliency_scores': [[4], [3, 3]]},
    {'relevant_clip_ids': [1, 4]},
    {'relevant_clip_ids': None},
    {'query': ''},
    {'vid': 3},
    {'duration': 'x'},
    {'duration': -4.0, 'relevant_clip_ids': [], 'saliency_scores': []},
    {'duration': 1e12},
    {'relevant_clip_ids': [1, math.inf]},
    {'saliency_scores': [[4, 2, math.nan], [3, 3, 3]]},
  ],
)
def test_a_line_that_is_no_query_is_bad_input(tmp_path, change):
  path = tmp_path / 'val.jsonl'
  path.write_text('\n'.join(map(json.dumps, [LINE, LINE | change])))
  with pytest.raises(BadInput, match='line 2 of'):
    qvhighlights_items(path)


def test_what_does_not_fit_together_is_no_answer():
  with pytest.raises(ValueError, match='2 times have 1 saliencies'):
    Highlights(query='', times_s=(1.0, 2.0), saliency=(1.0,), score=1.0)
