"""The verbs about a video, through a tiny random Grounded-VideoLLM."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vtg_jax
from tests.systems.grounded_videollm import tiny
from vtg_jax import cli
from vtg_jax.commands.describe import parse_span
from vtg_jax.errors import BadInput

CLIP = Path(cli.__file__).parent / 'testing' / 'data' / 'demo.mp4'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
  folder = tmp_path_factory.mktemp('a model') / 'tiny'
  tiny.save(folder, 'phi3')
  return folder


@pytest.fixture(scope='module')
def load_once():
  """The real loader; what it compiles serves all tests."""
  return functools.cache(vtg_jax.load)


@pytest.fixture
def run(capsys, checkpoint, load_once, monkeypatch):
  """Runs a verb; returns its exit code and what it prints."""

  monkeypatch.setitem(vars(vtg_jax), 'load', load_once)

  def run(verb, *arguments):
    capsys.readouterr()
    arguments = [verb, CLIP, *arguments, '--model', checkpoint]
    code = cli.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()

  return run


def told(done):
  """The JSON document of a run that went well."""
  code, out, err = done
  assert code == 0, err
  assert 'vtg: note: a test' in err
  document = json.loads(out)
  assert document['duration_s'] == pytest.approx(48.0)
  return document


def refused(done):
  code, out, err = done
  assert code == 2 and out == '', (out, err)
  assert err.startswith('vtg: error: ') and err.count('\n') == 1
  return err


def is_picture(path):
  return np.asarray(Image.open(path).convert('RGB')).std() > 1


def test_ground_says_how_sure_it_is_of_each_end(run, tmp_path):
  picture = tmp_path / 'timeline.png'
  asked = ('a red cross', '--top-k', 3)
  moments = told(run('ground', *asked, '--json', '--plot', picture))['moments']
  assert 2 <= len(moments) <= 3
  for end in 'start', 'end':
    first_s, last_s = moments[0][f'{end}_range_s']
    assert 0 <= first_s <= last_s <= 48.0
  assert is_picture(picture)
  _, table, _ = run('ground', *asked)
  head, *lines = table.splitlines()
  level = f'{moments[0]["range_level"]:.0%}'
  assert f'start in {level}' in head and f'end in {level}' in head
  assert len(lines) == len(moments)
  first_s, last_s = moments[0]['start_range_s']
  assert f'{first_s:.2f}-{last_s:.2f}' in lines[0]


def test_caption_tells_events_as_json_table_and_picture(run, tmp_path):
  picture = tmp_path / 'timeline.svg'
  asked = ('--max-tokens', 40)
  captions = told(run('caption', *asked, '--json', '--plot', picture))[
    'captions'
  ]
  assert captions
  assert all(0 <= c['start_s'] <= c['end_s'] <= 48.0 for c in captions)
  assert 'what happens' in picture.read_text()
  code, table, _ = run('caption', *asked)
  assert code == 0
  assert table.split()[:4] == ['start_s', 'end_s', 'score', 'text']


def test_describe_tells_each_interval_in_the_order_given(run, tmp_path):
  picture = tmp_path / 'timeline.png'
  document = told(
    run(
      *('describe', '0:10-0:20.5', '2-5', '40-99', '--max-tokens', 8),
      *('--json', '--plot', picture),
    )
  )
  spans = [(c['start_s'], c['end_s']) for c in document['captions']]
  assert spans == [(10.0, 20.5), (2.0, 5.0), (40.0, 48.0)]
  assert is_picture(picture)
  assert 'ends at 48' in refused(run('describe', '50-60'))


def test_answer_chooses_an_option_and_shows_the_evidence(run, tmp_path):
  picture = tmp_path / 'timeline.png'
  asked = (
    *('answer', 'what spins?', 'what is red?'),
    *('--option', 'a cross', '--option', 'a square', '--evidence'),
  )
  answers = told(run(*asked, '--json', '--plot', picture))['answers']
  assert [a['question'] for a in answers] == ['what spins?', 'what is red?']
  for answer in answers:
    assert answer['choice'] == int(np.argmax(answer['probabilities']))
    assert len(answer['probabilities']) == 2 and len(answer['evidence']) == 1
  assert is_picture(picture)
  _, table, _ = run(*asked)
  head, first, _ = table.splitlines()
  assert head.split() == ['score', 'answer', 'evidence_s', 'question']
  seen = answers[0]['evidence'][0]
  assert f'{seen["start_s"]:.2f}-{seen["end_s"]:.2f}' in first
  assert answers[0]['text'] in first


def test_answer_writes_freely_without_options(run):
  document = told(run('answer', 'what spins?', '--max-tokens', 8, '--json'))
  (answer,) = document['answers']
  assert answer['choice'] is None and answer['evidence'] == []


def test_text_is_drawn_by_temperature_and_seed(run):
  asked = ('describe', '2-5', '--max-tokens', 8, '--temperature', 50, '--json')
  one, again, other = (
    told(run(*asked, '--candidates', 40, '--seed', seed))['captions']
    for seed in (1, 1, 2)
  )
  assert one == again
  assert one[0]['text'] != other[0]['text']


@pytest.mark.parametrize(
  ('arguments', 'said'),
  [
    (['ground', 'a cat', '--rounds', 3], 'does not know --rounds'),
    (['ground', 'a cat', '--top-k', 65], 'top_k is 65'),
    (['caption', '--temperature', -1], '--temperature is -1'),
    (['caption', '--temperature', 'nan'], 'temperature is nan'),
    (['describe', '2-5', '--candidates', 0], '--candidates is 0'),
    (['answer', 'why?', '--seed', 2**31], 'seed is 2147483648'),
    (['answer', 'why?', '--option', 'so'], '1 options'),
    (['answer', 'why?', '--mode', 'letter'], 'give options'),
    (['answer', 'why? ' * 2000], 'shorten the question'),
  ],
  ids=lambda a: str(a)[:40],
)
def test_what_the_system_cannot_do_is_one_sentence(run, arguments, said):
  assert said in refused(run(*arguments))


@pytest.mark.parametrize(
  ('text', 'span'),
  [
    ('12.5-30', (12.5, 30.0)),
    (' 12 - 30 ', (12.0, 30.0)),
    ('0:12-1:05.5', (12.0, 65.5)),
    ('59:00-1:02:03', (3540.0, 3723.0)),
    ('12.0–18.0 s', (12.0, 18.0)),
    ('3s-4s', (3.0, 4.0)),
  ],
)
def test_an_interval_is_read_as_people_write_it(text, span):
  assert parse_span(text) == span


@pytest.mark.parametrize(
  'text',
  [
    '', '-', '12', '12-', '-12', 'a-b', '1-2-3', '1:75-2:00', '0:61:00-2:00:00',
    '1:2:3:4-5:00:00', '1,5-2', '1e3-2e3', 'nan-inf', '٣-٤', '0-' + '9' * 400,
    '5-5', '30-12',
  ],
)  # fmt: skip
def test_what_is_no_interval_is_refused(text):
  with pytest.raises(BadInput, match='is no interval|is empty'):
    parse_span(text)
