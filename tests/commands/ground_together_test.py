"""`vtg ground` with several models, and what learns how sure they are."""

import json
from pathlib import Path

import pytest

from tests.systems import toy
from vtg_jax import cli

CLIP = Path(cli.__file__).parent / 'testing' / 'data' / 'demo.mp4'


@pytest.fixture
def models(tmp_path, monkeypatch):
  toy.register(monkeypatch)
  spans = {'a': (0.0, 0.5), 'b': (0.25, 0.75), 'blind': None}
  return {
    name: toy.save(tmp_path / name, **({'span': span} if span else {}))
    for name, span in spans.items()
  }


def vtg(verb, *arguments, models=()):
  chosen = [word for model in models for word in ('--model', model)]
  return cli.main([str(word) for word in (verb, *arguments, *chosen)])


def test_each_answer_and_what_they_share_is_told(models, tmp_path, capsys):
  both = [models['a'], models['b']]
  picture = tmp_path / 'timeline.svg'
  asked = (CLIP, 'a cat', 'a dog')
  assert vtg('ground', *asked, '--json', '--plot', picture, models=both) == 0
  said = capsys.readouterr()
  document = json.loads(said.out)
  one, other = document['agreements']
  assert (one['query'], other['query']) == ('a cat', 'a dog')
  assert one['common'] == {'start_s': 12.0, 'end_s': 24.0}
  assert one['answers']['b'][0]['end_s'] == 36.0
  assert one['confidence'] is None and 'vtg calibrate' in said.err
  assert 'in common' in picture.read_text()
  assert vtg('ground', *asked, models=both) == 0
  table = capsys.readouterr().out
  assert '12.00' in table and table.count('mean 0.33') == 2


def test_how_sure_they_are_is_learnt_and_told(models, tmp_path, capsys):
  both = [models['a'], models['b']]
  how = ('difficulty=easy', 'files=false', 'size=16', '--out', tmp_path / 'out')
  assert vtg('calibrate', 'agreement:quicktest', *how, models=both) == 0
  assert f'{tmp_path / "agreement.json"}: ' in capsys.readouterr().out
  assert vtg('ground', CLIP, 'a cat', '--json', models=both[::-1]) == 0
  (one,) = json.loads(capsys.readouterr().out)['agreements']
  assert one['confidence']['surest'] in ('a', 'b')
  assert 0 < one['confidence']['probability'] < 1
  assert vtg('ground', CLIP, 'a cat', models=both) == 0
  assert 'surest' in capsys.readouterr().out


@pytest.mark.parametrize(
  ('verb', 'names', 'options', 'said'),
  [
    ('ground', 'aa', (), 'given twice'),
    ('ground', ('a', 'blind'), (), 'blind is of the system'),
    ('ground', 'ab', ('--rounds', 3), 'does not know --rounds'),
    ('ground', 'ab', ('--false-alarm-rate', 0.1), 'a has none'),
    ('ground', 'ab', ('--absent-below', 2), 'no probability'),
    ('evaluate', 'aa', (), 'given twice'),
    ('evaluate', 'ab', ('difficulty=mad',), 'mad'),
    ('calibrate', 'aa', (), 'given twice'),
    ('calibrate', ('a', 'blind'), (), 'cannot find moments'),
  ],
)
def test_what_cannot_be_asked_is_one_sentence_and_two(
  verb, names, options, said, models, tmp_path, capsys
):
  about = {'ground': (CLIP, 'a cat')}
  usual = ('agreement:quicktest', 'files=false', 'size=16')
  where = () if verb == 'ground' else ('--out', tmp_path / 'out')
  chosen = [models[name] for name in names]
  asked = about.get(verb, usual)
  assert vtg(verb, *asked, *options, *where, models=chosen) == 2
  error = capsys.readouterr().err.strip().splitlines()[-1]
  assert error.startswith('vtg: error: ') and said in error
