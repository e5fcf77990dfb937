"""`vtg evaluate` as typed: a benchmark by name or file, and where it ends."""

import json

import pytest

from input_pipeline.encode_video import Encoding
from tests.systems.hawkeye import tiny
from vtg_jax import cli
from vtg_jax.testing.numbered_video import write_numbered_video

SCORE = ['answer.mode=score', 'answer.sampling=timestamp']


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """A checkpoint, a video, questions about it, and a folder to work in."""
  folder = tmp_path_factory.mktemp('place')
  tiny.save(folder / 'model')
  (folder / 'videos').mkdir()
  write_numbered_video(
    folder / 'videos' / 'a.mp4', 20, Encoding(), width=64, height=48
  )
  item = {
    'video': 'a.mp4',
    'question': 'Who?',
    'candidates': ['a', 'b'],
    'answer': 'b',
  }
  (folder / 'qa.json').write_text(json.dumps([item]))
  (folder / 'bad.json').write_text(json.dumps([item | {'video': 'b.mp4'}]))
  return folder


def vtg(place, config, *overrides, questions='qa.json', options=()):
  return cli.main(
    [
      'evaluate',
      config,
      f'annotations={place / questions}',
      f'videos={place / "videos"}',
      *SCORE,
      *overrides,
      '--model',
      str(place / 'model'),
      *options,
    ]
  )


def test_a_benchmark_is_scored_by_its_name(place, tmp_path, capsys):
  out = tmp_path / 'out'
  assert vtg(place, 'video_qa', 'title=Mine', options=['--out', str(out)]) == 0
  said = capsys.readouterr()
  assert 'Mine' in said.out
  assert f'written to {out}' in said.out
  assert 'a test' in said.err  # the checkpoint's notice
  summary = json.loads((out / 'summary.json').read_text())
  assert summary['n_samples'] == 1


def test_json_is_the_summary(place, tmp_path, capsys):
  options = ['--out', str(tmp_path / 'out'), '--json']
  assert vtg(place, 'evaluate/video_qa', options=options) == 0
  summary = json.loads((tmp_path / 'out' / 'summary.json').read_text())
  said = json.loads(capsys.readouterr().out)
  assert said == summary | {'folder': str(tmp_path / 'out')}


def test_results_go_under_the_configs_name(place, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert vtg(place, 'video_qa:quicktest') == 0
  assert (tmp_path / 'out/evaluate/video_qa-quicktest/summary.json').is_file()


def test_where_every_sample_failed_the_exit_code_is_one(
  place, tmp_path, capsys
):
  options = ['--out', str(tmp_path / 'out')]
  assert vtg(place, 'video_qa', questions='bad.json', options=options) == 1
  assert '1 of 1 samples failed' in capsys.readouterr().err


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['shape_stores'], 'one of shape_stories'),
    (['video'], 'one of video_qa'),
    (['shape_stories', 'seed=3'], 'seeds'),
    (['shape_stories', 'seeds=3'], 'FIRST:END'),
    (['shape_stories', 'other_orders=many'], 'other_orders'),
    (['shape_stories:quicktest', 'search.max_rounds=0'], 'max_rounds is 0'),
    (['shape_stories:quicktest', 'resize=pill'], "resize 'pill' is unknown"),
    (['shape_stories:quicktest', 'search.mode=guess'], "mode 'guess' is"),
    (['shape_stories:quicktest', 'search.seed=-1'], 'seed is -1'),
    (['charades_sta'], 'annotations=FILE'),
    (['video_qa', 'annotations=nowhere.json'], 'nowhere.json'),
  ],
)
def test_what_cannot_be_evaluated_is_one_sentence_and_two(
  place, tmp_path, capsys, arguments, message
):
  out = ['--model', str(place / 'model'), '--out', str(tmp_path / 'out')]
  assert cli.main(['evaluate', *arguments, *out]) == 2
  error = capsys.readouterr().err.strip().splitlines()[-1]
  assert error.startswith('vtg: error: ')
  assert message in error
  assert not (tmp_path / 'out').exists()
