import json

import pytest

from vtg_jax import cli
from vtg_jax.folder_lock import FolderLock


@pytest.fixture
def captions(tmp_path):
  path = tmp_path / 'captions.json'
  words = ('sits', 'runs', 'eats', 'sings', 'reads')
  told = {
    f'v{i}': {
      'duration': 10,
      'timestamps': [[0, 4], [5, 9]],
      'sentences': [f'a man {word}', f'a woman {word}'],
    }
    for i, word in enumerate(words)
  }
  path.write_text(json.dumps(told))
  return path


def run(captions, *options):
  out = ['--out', str(captions.parent / 'train.json')]
  return cli.main(['build-grounded-qa', str(captions), *out, *options])


def test_the_verb_writes_questions_and_counts_them(captions, capsys):
  assert run(captions, 'distractors.count=2', '--writer', 'template') == 0
  said = capsys.readouterr().out
  assert '10 questions about 5 videos; 10 events' in said
  assert '5 videos asked about now' in said
  items = json.loads((captions.parent / 'train.json').read_text())
  assert len(items) == 10
  assert items[1]['conversation'][0]['value'].startswith(
    '<image>\nQuestion: What happens after this: a man sits?\nOptions:\n(A) '
  )
  assert run(captions, 'distractors.count=2', '--writer', 'template') == 0
  assert '0 videos asked about now' in capsys.readouterr().out


def test_two_runs_do_not_write_in_one_folder(captions, capsys):
  with FolderLock(captions.parent):
    assert run(captions, '--writer', 'template') == 2
  assert 'another run is writing' in capsys.readouterr().err
  assert not (captions.parent / 'train.videos.jsonl').exists()


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    (['--writer', 'template', 'distractor.count=2'], 'distractors.count'),
    (['--writer', 'template', 'attempts=0'], 'attempts is 0'),
    (['--writer', 'http://127.0.0.1:9/v1'], 'say which one'),
    (['--writer', 'http://127.0.0.1:9/v1', '--served-model', 'm'], 'start the'),
    (['--writer', 'json:JSONDecoder'], 'without name'),
    (['--writer', 'template', '--embedder', 'json:no'], 'cannot be imported'),
  ],
)
def test_what_cannot_be_built_is_one_sentence_and_two(
  captions, capsys, options, said
):
  assert run(captions, *options) == 2
  assert said in capsys.readouterr().err.strip().splitlines()[-1]
