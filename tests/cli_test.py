import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vtg_jax
from input_pipeline.video import open_video
from vtg_jax import cli
from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, Moment, Round

ROOT = Path(__file__).resolve().parents[1]


class ScriptedGrounder:
  """Answers the middle of any video, and records what it was asked."""

  system = 'scripted'

  def __init__(self, *, absent=(), notice=''):
    self.notice = notice
    self.absent = absent
    self.options = None

  def open_video(self, video, *, resize='pil', on_progress=None):
    return open_video(video, resize=None, on_progress=on_progress)

  def ground(self, frames, queries, **options):
    self.options = options
    end_s = frames.duration_s
    rounds = (Round(start_s=0.0, end_s=end_s, choice='middle'),)
    return [
      Absent(query=query, score=0.1, threshold=0.2, looked_at=0.5)
      if query in self.absent
      else Moment(
        start_s=end_s / 4,
        end_s=end_s / 2,
        score=0.5,
        query=query,
        rounds=rounds,
      )
      for query in queries
    ]


@pytest.fixture
def video(tmp_path):
  folder = tmp_path / 'a folder of frames'
  folder.mkdir()
  for i in range(8):
    Image.new('RGB', (64, 48), (30 * i, 80, 90)).save(folder / f'{i:04}.png')
  return folder


@pytest.fixture
def grounder(monkeypatch):
  grounder = ScriptedGrounder(absent=('a giraffe',), notice='not trained')
  monkeypatch.setitem(vars(vtg_jax), 'load', lambda *_: grounder)
  return grounder


def run(*arguments):
  return cli.main([str(a) for a in arguments])


def refusal(capsys, *arguments):
  """Runs what must be refused; returns its one sentence."""
  assert run(*arguments) == 2
  out, err = capsys.readouterr()
  assert out == '' and err.count('\n') == 1
  assert err.startswith('vtg: error: ') and 'Traceback' not in err
  return err


def process(*arguments, **options):
  return subprocess.run(
    [sys.executable, '-m', 'vtg_jax', *map(str, arguments)],
    cwd=ROOT,
    capture_output=True,
    text=True,
    timeout=120,
    **options,
  )


def test_ground_prints_a_line_an_answer(capsys, video, grounder):
  assert run('ground', video, 'a dog [red]', 'a giraffe') == 0
  out, err = capsys.readouterr()
  assert out.splitlines()[0].split() == ['start_s', 'end_s', 'score', 'query']
  assert 'a dog [red]' in out and '0.5000' in out
  assert 'not in  video  0.1000  a giraffe (looked at 50% of the' in out
  assert 'uncalibrated' in err and 'not trained' in err


def test_ground_json_is_one_document_on_standard_output(
  capsys, video, grounder
):
  assert run('ground', video, 'a dog', 'a giraffe', '--json') == 0
  document = json.loads(capsys.readouterr().out)
  assert document['duration_s'] > 0
  first, second = document['moments']
  assert first['query'] == 'a dog' and not first['absent']
  assert first['rounds'][0]['choice'] == 'middle'
  assert second['absent'] and second['threshold'] == 0.2


def test_ground_draws_the_timeline(capsys, video, grounder, tmp_path):
  picture = tmp_path / 'out.png'
  assert run('ground', video, 'a dog', '--plot', picture) == 0
  assert np.asarray(Image.open(picture).convert('RGB')).std() > 1
  assert {p.name for p in tmp_path.iterdir()} == {video.name, 'out.png'}


def test_only_the_options_given_reach_the_grounder(capsys, video, grounder):
  assert run('ground', video, 'a dog') == 0
  assert grounder.options == {}
  assert (
    run(
      *('ground', video, 'a dog', '--top-k', 3, '--sampling', 'paper'),
      *('--mode', 'generate', '--rounds', 2, '--orders', 4, '--beam', 5),
      *('--absent-below', 0.25, '--seed', 7, '--resize', 'swscale'),
      *('--false-alarm-rate', 0.1),
    )
    == 0
  )
  assert grounder.options == {
    'top_k': 3,
    'sampling': 'paper',
    'mode': 'generate',
    'max_rounds': 2,
    'n_orders': 4,
    'beam_width': 5,
    'absent_below': 0.25,
    'false_alarm_rate': 0.1,
    'seed': 7,
  }


@pytest.mark.parametrize(
  ('arguments', 'said'),
  [
    (['ground'], "'VIDEO'"),
    (['ground', 'x.mp4'], "'QUERY'"),
    (['ground', 'x.mp4', ''], 'empty'),
    (['ground', 'x.mp4', 'a dog', ' \t'], 'empty'),
    (['ground', 'x.mp4', 'a \udcff dog'], 'UTF-8'),
    (['ground', 'x.mp4', 'q', '--top-k', '0'], '--top-k is 0'),
    (['ground', 'x.mp4', 'q', '--top-k', 'two'], "'--top-k'"),
    (['ground', 'x.mp4', 'q', '--rounds', '-1'], '--rounds is -1'),
    (['ground', 'x.mp4', 'q', '--orders', '0'], '--orders is 0'),
    (['ground', 'x.mp4', 'q', '--beam', '0'], '--beam is 0'),
    (['ground', 'x.mp4', 'q', '--seed', '-1'], '--seed is -1'),
    (['ground', 'x.mp4', 'q', '--absent-below', 'nan'], 'nan'),
    (['ground', 'x.mp4', 'q', '--absent-below', '1.5'], '1.5'),
    (['ground', 'x.mp4', 'q', '--absent-below', '-inf'], '-inf'),
    (['ground', 'x.mp4', 'q', '--sampling', 'random'], "'--sampling'"),
    (['ground', 'x.mp4', 'q', '--plot', '/no/where/x.png'], '/no/where'),
    (['ground', 'x.mp4', 'q', '--plot', 'x.jpg'], '.png, .svg, .pdf'),
    (['ground', 'x.mp4', 'q', '--plot', 'x'], '.png, .svg, .pdf'),
    (['ground', 'x.mp4', 'q', '--frobnicate'], '--frobnicate'),
    (['caption'], "'VIDEO'"),
    (['caption', 'x.mp4', '--prompt', ' '], 'empty'),
    (['caption', 'x.mp4', '--max-tokens', '0'], '--max-tokens is 0'),
    (['caption', 'x.mp4', '--plot', 'x.jpg'], '.png, .svg, .pdf'),
    (['describe', 'x.mp4'], "'START-END'"),
    (['describe', 'x.mp4', '12'], "'12' is no interval"),
    (['describe', 'x.mp4', '1-2', '0:30-0:12'], "'0:30-0:12' is empty"),
    (['answer', 'x.mp4'], "'QUESTION'"),
    (['answer', 'x.mp4', ''], 'empty'),
    (['answer', 'x.mp4', 'q', '--option', ''], 'empty'),
    (['answer', 'x.mp4', 'q', '--mode', 'guess'], "'--mode'"),
    (['answer', 'x.mp4', 'q', '--plot', '/no/where/x.png'], '/no/where'),
    (['highlight', 'x.mp4'], "'QUERY'"),
    (['highlight', 'x.mp4', ' '], 'empty'),
    (['frobnicate'], 'frobnicate'),
    (['convert', 'hawkeye', 'a.pth'], "'--out'"),
    (['verify', 'folder', '--out', 'x.txt'], '.npz'),
    (['export'], "'DIR'"),
  ],
  ids=' '.join,
)
def test_bad_input_is_one_sentence_and_exit_2(capsys, arguments, said):
  if any('\udcff' in a for a in arguments) and os.name == 'nt':
    pytest.skip('Windows has no undecodable arguments')
  assert said in refusal(capsys, *arguments)


@pytest.mark.parametrize(
  ('arguments', 'said'),
  [
    (['caption'], 'cannot tell the events'),
    (['describe', '0-1'], 'cannot describe an interval'),
    (['answer', 'why?'], 'cannot answer questions'),
    (['highlight', 'a dog'], 'cannot find highlights'),
  ],
  ids=lambda a: a[0],
)
def test_what_a_system_cannot_do_is_said_before_a_frame_is_read(
  capsys, grounder, arguments, said
):
  verb, *others = arguments
  assert said in refusal(capsys, verb, 'no such file.mp4', *others)


def test_an_option_that_a_system_lacks_is_said(capsys, grounder, monkeypatch):
  def ground(frames, queries, *, top_k=1):
    raise AssertionError('was asked')

  monkeypatch.setattr(grounder, 'ground', ground)
  said = refusal(capsys, 'ground', 'x.mp4', 'q', '--top-k', 2, '--rounds', 3)
  assert '--rounds' in said and '--top-k' not in said


def test_a_picture_that_is_a_folder_is_refused(capsys, tmp_path):
  (tmp_path / 'x.png').mkdir()
  picture = tmp_path / 'x.png'
  assert 'is a folder' in refusal(
    capsys, 'ground', 'x.mp4', 'q', '--plot', picture
  )


def test_a_failed_plot_leaves_the_older_picture(
  capsys, video, grounder, tmp_path, monkeypatch
):
  picture = tmp_path / 'out.png'
  picture.write_bytes(b'older')

  def full(*_, path, **__):
    Path(path).write_bytes(b'half')
    raise OSError(28, 'No space left on device', str(path))

  monkeypatch.setattr('vtg_jax.timeline.draw_timeline', full)
  assert run('ground', video, 'a dog', '--plot', picture) == 2
  assert 'the disk is full' in capsys.readouterr().err
  assert picture.read_bytes() == b'older'
  assert {p.name for p in tmp_path.iterdir()} == {video.name, 'out.png'}


@pytest.mark.parametrize(
  ('error', 'code', 'said'),
  [
    (BadInput('x is 3,\n  use 4'), 2, 'x is 3, use 4'),
    (OSError(28, 'No space left on device', 'out.npz'), 2, "'out.npz'; free"),
    (OSError(13, 'Permission denied', 'a.mp4'), 2, "'a.mp4': permission"),
    (FileNotFoundError(2, 'No such file', 'a.mp4'), 2, "'a.mp4'"),
    (KeyError('inside'), 1, '--debug'),
    (MemoryError(), 1, 'out of memory'),
    (KeyboardInterrupt(), 130, ''),
  ],
  ids=repr,
)
def test_every_failure_has_its_exit_code(
  capsys, monkeypatch, error, code, said
):
  def fail(*_):
    raise error

  monkeypatch.setitem(vars(vtg_jax), 'load', fail)
  assert run('ground', 'x.mp4', 'a dog') == code
  out, err = capsys.readouterr()
  assert said in err and err.count('\n') <= 1 and not out


def test_debug_shows_where_an_error_came_from(monkeypatch):
  def fail(*_):
    raise BadInput('x is 3; use 4')

  monkeypatch.setitem(vars(vtg_jax), 'load', fail)
  for arguments in (
    ['--debug', 'ground', 'x.mp4', 'q'],
    ['ground', 'x.mp4', 'q', '--debug'],
  ):
    with pytest.raises(BadInput):
      cli.main(arguments)
  assert cli.main(['ground', 'x.mp4', '--', '--debug']) == 2


def test_words_after_two_dashes_are_queries(capsys, video, grounder):
  assert run('ground', video, '--json', '--', '--debug') == 0
  document = json.loads(capsys.readouterr().out)
  assert document['moments'][0]['query'] == '--debug'


def test_an_unknown_system_names_the_known_ones(capsys, tmp_path):
  said = refusal(
    capsys, 'convert', 'eagleeye', 'x.pth', '--out', tmp_path / 'out'
  )
  assert 'eagleeye' in said and 'hawkeye' in said
  assert not list(tmp_path.iterdir())


def test_help_and_version_work_as_a_process():
  done = process('--help')
  assert done.returncode == 0 and done.stderr == ''
  assert all(
    v in done.stdout
    for v in ('ground', 'caption', 'describe', 'answer', 'verify', 'convert')
  )
  assert process('--version').stdout == f'vtg {vtg_jax.__version__}\n'


def test_no_verb_shows_the_help_and_exits_2():
  done = process()
  assert done.returncode == 2 and 'Commands:' in done.stdout


@pytest.mark.parametrize(
  'arguments',
  [
    ('ground', 'no such file.mp4', 'a dog'),
    ('ground', ROOT / 'setup.cfg', 'a dog'),
    ('ground', 'x.mp4', 'a dog', '--model', 'no such model'),
    ('verify', 'no such folder'),
    ('export', 'no such folder', '--out', 'x'),
    ('convert', 'hawkeye', 'no such file.pth', '--out', 'x'),
  ],
  ids=lambda a: f'{a[0]} {Path(str(a[1])).name}',
)
def test_a_process_told_nonsense_exits_2_without_a_traceback(arguments):
  done = process(*arguments)
  assert done.returncode == 2, done.stderr
  assert done.stdout == '' and 'Traceback' not in done.stderr
  assert done.stderr.startswith('vtg: error: ')
  assert done.stderr.count('\n') == 1
  assert not (ROOT / 'x').exists()


def test_a_picture_does_not_replace_the_video(tmp_path, capsys):
  video = tmp_path / 'video.png'
  video.write_bytes(b'kept')
  said = refusal(capsys, 'caption', video, '--plot', video)
  assert 'is what is read' in said and video.read_bytes() == b'kept'


def test_a_query_does_not_steer_the_terminal(capsys, video, grounder):
  assert run('ground', video, 'a \x1b[31mdog\nruns\x00') == 0
  assert 'a [31mdog runs' in capsys.readouterr().out
  assert 'a[2J.mp4' in refusal(capsys, 'ground', 'a\x1b[2J.mp4', 'a dog')
