"""Every system on every kind of benchmark, in tiny."""

import inspect
import json

import pytest

from configs.evaluate import (
  activitynet_captions,
  charades_sta,
  mvbench,
  next_gqa_answers,
)
from tests.systems.grounded_videollm import tiny
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.asking import resolved
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.systems.grounded_videollm.grounder import GroundedVideoLlmGrounder
from vtg_jax.systems.hawkeye.grounder import HawkEyeGrounder


@pytest.mark.parametrize('kind', [HawkEyeGrounder, GroundedVideoLlmGrounder])
def test_benchmarks_set_only_options_that_there_are(kind):
  assert set(kind.benchmark_options) == {'paper', 'best'}
  for options in kind.benchmark_options.values():
    for method in ('ground', 'answer', 'dense_caption'):
      named = set(getattr(options, method))
      if named:
        known = inspect.signature(getattr(kind, method)).parameters
        assert named <= set(known)
    # The seed of the option orders is one of them.
    assert options.other_orders is None or 'seed' in options.ground


@pytest.mark.parametrize(
  ('table', 'options', 'message'),
  [
    ('search', {'mode': 'letter'}, "mode 'letter' is unknown"),
    ('search', {'template': 'when?'}, 'no %s'),
    ('search', {'temperature': -1}, 'temperature is -1'),
    ('answer', {'mode': 'guess'}, "mode 'guess' is unknown"),
    ('answer', {'max_tokens': 0}, 'max_tokens is 0'),
    ('tell', {'sampling': 'random'}, "sampling 'random' is unknown"),
    ('tell', {'prompt': ' '}, 'prompt is empty'),
    ('tell', {'max_tokens': 'all'}, 'of type int'),
  ],
)
def test_a_value_that_fails_every_sample_is_refused(table, options, message):
  with pytest.raises(BadInput, match=message):
    resolved({'protocol': 'best', table: options}, GroundedVideoLlmGrounder)


@pytest.fixture(scope='module')
def grounded_videollm():
  return tiny.grounder('phi3')


def config(module, videos, **entries):
  return module.get_config().to_dict() | {'videos': str(videos)} | entries


@pytest.mark.parametrize('protocol', ['paper', 'best'])
def test_sentences_are_grounded(grounded_videollm, videos, tmp_path, protocol):
  annotations = tmp_path / 'charades.txt'
  annotations.write_text('a 1.0 3.0##a dog runs.\na 4 6##a cat sits.\n')
  done = evaluate(
    config(
      charades_sta, videos, annotations=str(annotations), protocol=protocol
    ),
    grounded_videollm,
    model='tiny',
    out=tmp_path / 'out',
  )
  assert (done.n_samples, done.n_failed) == (2, 0)
  assert done.body[0][0] == 'model'
  assert done.document['settings']['config']['search']['seed'] == 0
  assert 'equals a threshold' in (tmp_path / 'out' / 'table.md').read_text()
  # Free text of a random model tells no span, and so no doubt of it.
  assert ('boundaries' in done.document) == (protocol == 'best')


def test_events_are_told(grounded_videollm, videos, tmp_path):
  about = {'timestamps': [[0, 4]], 'sentences': ['a dog runs']}
  (tmp_path / 'val.json').write_text(json.dumps({'a': about}))
  done = evaluate(
    config(
      activitynet_captions,
      videos,
      annotations=str(tmp_path / 'val.json'),
      words='overlap',
      protocol='best',
      tell={'max_tokens': 24},
    ),
    grounded_videollm,
    model='tiny',
    out=tmp_path / 'out',
  )
  assert done.n_failed == 0
  assert done.document['told_per_video'] > 0


def test_answers_come_with_evidence(grounded_videollm, videos, tmp_path):
  (tmp_path / 'test.csv').write_text(
    'video_id,question,answer,qid,a0,a1,a2,a3,a4\na,who,e,3,a,b,c,d,e\n'
  )
  spans = {'a': {'duration': 8, 'location': {'3': [[0, 4]]}}}
  (tmp_path / 'gsub.json').write_text(json.dumps(spans))
  done = evaluate(
    config(
      next_gqa_answers,
      videos,
      annotations=str(tmp_path / 'test.csv'),
      spans=str(tmp_path / 'gsub.json'),
      protocol='best',
    ),
    grounded_videollm,
    model='tiny',
    out=tmp_path / 'out',
  )
  assert done.n_failed == 0
  (line,) = map(json.loads, (tmp_path / 'out' / 'samples.jsonl').open())
  assert line['letter'] in 'ABCDE' and len(line['probabilities']) == 5
  assert len(line['told_evidence']) == 1
  assert done.document['grounded']['n_examples'] == 1


def test_a_clip_is_asked_about_as_a_video(grounded_videollm, videos, tmp_path):
  folder = videos / 'star' / 'Charades_v1_480'
  folder.mkdir(parents=True, exist_ok=True)
  if not (folder / 'a.mp4').exists():
    (folder / 'a.mp4').symlink_to(videos / 'a.mp4')
  item = {'video': 'a.mp4', 'question': 'Who?', 'candidates': ['x', 'y'],
          'answer': 'y', 'start': 2.0, 'end': 5.0}  # fmt: skip
  late = item | {'start': 50.0, 'end': 60.0}
  (tmp_path / 'action_sequence.json').write_text(json.dumps([item, late]))
  done = evaluate(
    config(
      mvbench,
      videos,
      annotations=str(tmp_path),
      tasks=['Action Sequence'],
      protocol='best',
    ),
    grounded_videollm,
    model='tiny',
    out=tmp_path / 'out',
  )
  first, second = map(json.loads, (tmp_path / 'out' / 'samples.jsonl').open())
  assert first['error'] is None and first['letter'] in 'AB'
  assert 'inside the video' in second['error']
  assert done.n_failed == 1
