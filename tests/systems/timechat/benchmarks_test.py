"""TimeChat on the benchmarks of its paper, in tiny."""

import inspect
import json

import pytest

from configs.evaluate import charades_sta, qvhighlights, youcook2
from tests.systems.timechat.golden import GOLDEN
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.asking import TABLES, resolved
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.systems.timechat.benchmarks import benchmark_options
from vtg_jax.systems.timechat.grounder import TimeChatGrounder
from vtg_jax.systems.timechat.replay.golden_set import GoldenSet
from vtg_jax.testing.numbered_video import write_numbered_video


@pytest.fixture(scope='module')
def grounder():
  g = GoldenSet(GOLDEN)
  return TimeChatGrounder(g.config, g.params, g.tokenizer, g.bert)


@pytest.mark.parametrize('prompts', ['released', 'as_trained'])
def test_benchmarks_set_only_options_that_there_are(prompts):
  for options in benchmark_options(prompts).values():
    for method in ('ground', 'dense_caption', 'highlights'):
      known = inspect.signature(getattr(TimeChatGrounder, method)).parameters
      assert getattr(options, method).keys() <= known.keys()


@pytest.mark.parametrize(
  ('table', 'options', 'message'),
  [
    ('search', {'mode': 'letter'}, "mode 'letter' is unknown"),
    ('search', {'template': 'when?'}, 'no %s'),
    ('tell', {'prompt': 'Of <ImageHere>?'}, '<ImageHere>'),
    ('mark', {'max_tokens': 0}, 'max_tokens is 0'),
    ('mark', {'temperature': 'hot'}, 'give a value like the usual 0.0'),
  ],
)
def test_a_value_that_fails_every_sample_is_refused(
  grounder, table, options, message
):
  with pytest.raises(BadInput, match=message):
    resolved({'protocol': 'best', table: options}, grounder)


def test_the_paper_asks_released_models_zero_shot(grounder):
  config = {table: {} for table in TABLES if table != 'answer'}
  asked = resolved(config | {'protocol': 'paper'}, grounder)
  assert 'from the Charades dataset' in asked['search']['template']
  assert 'a maximum of 10 significant' in asked['tell']['prompt']
  own = benchmark_options('as_trained')['paper']
  assert own.ground['template'] is own.dense_caption['prompt'] is str


def test_its_benchmarks_run_on_files(grounder, tmp_path):
  videos = tmp_path / 'videos'
  videos.mkdir()
  write_numbered_video(videos / 'a.mp4', 24)
  steps = [{'segment': [0, 2], 'id': 0, 'sentence': 'cut it'}]
  recipe = {'duration': 2.4, 'subset': 'validation', 'annotations': steps}
  marked = {
    'qid': 1, 'query': 'a cup', 'duration': 2, 'vid': 'a',
    'relevant_clip_ids': [0], 'saliency_scores': [[4, 4, 2]],
  }  # fmt: skip
  few = {'template': 'highlights of %s?', 'max_tokens': 110}
  for benchmark, text, entries in (
    (charades_sta, 'a 0.5 2.0##a dog runs.\n', {}),
    (
      youcook2,
      json.dumps({'database': {'a': recipe}}),
      {'tell': {'max_tokens': 12}, 'words': 'overlap'},
    ),
    (qvhighlights, json.dumps(marked), {'mark': few, 'protocol': 'best'}),
  ):
    name = benchmark.__name__.rpartition('.')[2]
    annotations = tmp_path / f'{name}.json'
    annotations.write_text(text)
    done = evaluate(
      benchmark.get_config().to_dict()
      | {'annotations': str(annotations), 'videos': str(videos)}
      | entries,
      grounder,
      model='tiny',
      out=tmp_path / name,
    )
    told = (tmp_path / name / 'samples.jsonl').read_text()
    assert (done.n_samples, done.n_failed) == (1, 0), told
