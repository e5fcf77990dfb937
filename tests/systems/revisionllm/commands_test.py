"""What a user of the command sees: notices, budgets, files of features."""

import json
import shutil

import numpy as np
import pytest

from input_pipeline.encode_video import Encoding
from input_pipeline.feature_index import index_path, open_index
from input_pipeline.feature_layout import FORMAT
from tests.systems.revisionllm.tiny import tiny, write_tiny
from vtg_jax import cli
from vtg_jax.errors import BadInput
from vtg_jax.moments.calibration import fit_calibration, write_calibration
from vtg_jax.systems.revisionllm import grounder
from vtg_jax.testing.numbered_video import write_numbered_video

QUERY = 'A red ball rolls. '


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return write_tiny(tmp_path_factory.mktemp('model') / 'tiny')


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
  folder = tmp_path_factory.mktemp('videos')
  for name, n_frames in (('short', 40), ('other', 48), ('long', 300)):
    write_numbered_video(folder / f'{name}.mp4', n_frames, Encoding(fps=2))
  return folder


@pytest.fixture
def vtg(folder, capsys):
  """Runs the command; its document if it prints one, and its notices."""

  def run(verb, *arguments, code=0):
    arguments = [verb, *arguments, '--model', folder]
    assert cli.main([str(a) for a in arguments]) == code
    said = capsys.readouterr()
    return json.loads(said.out) if said.out.startswith('{') else said.out, (
      said.err
    )

  return run


def test_the_released_search_answers_a_file(vtg, videos):
  options = ('--search', 'released', '--json')
  as_released = ('--quirks', 'released', '--mode', 'generate')
  for more in ((), ('--quirks', 'released'), as_released):
    document, _ = vtg(
      'ground', videos / 'short.mp4', QUERY, 'a cat', *options, *more
    )
    answers = document['moments']
    assert [one['query'] for one in answers] == [QUERY, 'a cat']
    for one in answers:
      # Every frame is read, and each sparse level asks about every window.
      assert one['looked_at'] == 1 and one['cost']['sequences'] > 12
      assert one['cost']['frames'] >= document['duration_s']
      assert one['absent'] or 0 <= one['start_s'] <= one['end_s'] <= 20


def test_the_cost_is_told_before_the_answers_alone(vtg, videos):
  video = videos / 'short.mp4'
  table, notices = vtg('ground', video, QUERY)
  assert 'start_s' in table and 'note: a query costs ' in notices
  assert 'calls of the language model' in notices
  _, notices = vtg('ground', video, QUERY, '--json')
  assert 'costs' not in notices and 'is not indexed; run vtg index' in notices


def test_a_stale_index_is_made_anew_and_said_so(vtg, videos, tmp_path):
  video = shutil.copy(videos / 'short.mp4', tmp_path / 'a.mp4')
  vtg('index', video)
  _, notices = vtg('ground', video, QUERY, '--json')
  assert notices == ''
  shutil.copy(videos / 'other.mp4', video)
  answer, notices = vtg('ground', video, QUERY, '--json')
  assert 'note: made anew: ' in notices and 'before it changed' in notices
  assert notices.count('\n') == 1
  assert len(open_index(video).features) == 48
  again, notices = vtg('ground', video, QUERY, '--json')
  assert notices == ''
  assert again['moments'][0]['score'] == answer['moments'][0]['score']


@pytest.mark.parametrize(
  ('damage', 'said'),
  [
    (lambda data: b'no index' * 9, 'is no index of features'),
    (
      lambda data: data.replace(
        FORMAT.version.to_bytes(4, 'little'), (9).to_bytes(4, 'little'), 1
      ),
      'has format 9 and this version reads 1',
    ),
  ],
)
def test_a_foreign_or_newer_index_is_one_sentence(
  vtg, videos, tmp_path, damage, said
):
  video = shutil.copy(videos / 'short.mp4', tmp_path / 'a.mp4')
  vtg('index', video)
  path = index_path(video)
  path.write_bytes(damage(path.read_bytes()))
  _, notices = vtg('ground', video, QUERY, code=2)
  (line,) = [one for one in notices.splitlines() if 'note:' not in one]
  assert said in line and 'vtg index --rebuild' in line


def test_a_budget_ends_the_search_of_a_long_file(vtg, videos):
  video = videos / 'long.mp4'
  options = ('--json', '--absent-below', 1, '--budget')
  seen = []
  for budget, units in (
    ('calls=0', {'sequences': 0}),
    ('calls=3,frames=10', {'sequences': 3, 'frames': 10}),
    ('frames=10', {'frames': 10}),
    ('seconds=0', {'sequences': 0}),
    ('seconds=600', {}),
  ):
    document, _ = vtg('ground', video, QUERY, *options, budget)
    (answer,) = document['moments']
    assert answer['absent']
    for unit, most in units.items():
      assert answer['cost'][unit] <= most, (budget, unit)
    seen.append(answer['looked_at'])
  assert seen[0] == seen[3] == 0 < seen[1] < 0.5 and seen[2] == seen[4] == 1
  table, notices = vtg(
    'ground', video, QUERY, '--budget', 'calls=3', '--absent-below', 1
  )
  assert f'(looked at {seen[1]:.0%} of the video)' in table
  assert 'less where its budget ends it' in notices


def rows(n, seed=0):
  width = tiny().features_width
  rng = np.random.default_rng(seed)
  return rng.normal(0, 1, (n, width)).astype(np.float32)


def test_files_of_features_are_grounded(vtg, tmp_path):
  h5py = pytest.importorskip('h5py', reason='h5py is an extra')
  np.save(tmp_path / 'movie.npy', rows(60))
  with h5py.File(tmp_path / 'movies.h5', 'w') as file:
    file['movie'] = rows(60)
  told = [
    vtg('ground', tmp_path / name, QUERY, '--json')[0]
    for name in ('movie.npy', 'movies.h5/movie')
  ]
  for document in told:
    assert document['duration_s'] == 30
    del document['video'], document['moments'][0]['cost']['seconds']
  assert told[0] == told[1]
  _, said = vtg('ground', tmp_path / 'movies.h5', QUERY, code=2)
  assert 'holds features of many videos; name one, as in' in said
  assert 'movies.h5/movie' in said
  _, said = vtg('ground', tmp_path / 'none.npy', QUERY, code=2)
  assert "has no features of 'none'" in said
  plot = tmp_path / 'a.png'
  vtg('ground', tmp_path / 'movie.npy', QUERY, '--plot', plot)
  assert plot.stat().st_size > 1000


def test_an_lmdb_of_features_is_grounded(vtg, tmp_path):
  lmdb = pytest.importorskip('lmdb', reason='lmdb is an extra')
  np.savez(tmp_path / 'movie.npz', features=rows(60))
  with lmdb.open(str(tmp_path / 'movies')) as environment:
    with environment.begin(write=True) as writing:
      writing.put(b'movie', (tmp_path / 'movie.npz').read_bytes())
  document, _ = vtg('ground', tmp_path / 'movies' / 'movie', QUERY, '--json')
  assert document['duration_s'] == 30


def test_features_are_indexed_as_they_are(vtg, tmp_path):
  for seed, name in enumerate(('one', 'two')):
    np.save(tmp_path / f'{name}.npy', rows(60, seed))
  said, _ = vtg('index', tmp_path / 'one.npy', tmp_path / 'two.npy')
  assert said.count('60 frames, features as they were') == 2
  index = open_index(tmp_path / 'two.npy')
  np.testing.assert_array_equal(index.features, rows(60, 1))
  assert index.duration_s == 30
  found, _ = vtg('search', tmp_path, QUERY, '--json')
  assert {one['video'].rpartition('/')[2] for one in found['found']} == {
    'one.npy',
    'two.npy',
  }
  # An index in a folder of its own is a video, too.
  alone = tmp_path / 'alone' / 'two.npy.features'
  alone.parent.mkdir()
  alone.write_bytes(index.path.read_bytes())
  told = [
    vtg('ground', path, QUERY, '--json')[0]['moments'][0]
    for path in (tmp_path / 'two.npy', alone)
  ]
  for one in told:
    del one['cost']['seconds']
  assert told[0] == told[1]
  alone.write_bytes(index.path.read_bytes()[:-9])
  _, said = vtg('ground', alone, QUERY, code=2)
  assert 'two.npy.features is cut short or damaged' in said
  shutil.rmtree(alone.parent)
  for path in (index.path, tmp_path / 'one.npy.features'):
    path.write_bytes(path.read_bytes()[:-9])
  _, said = vtg('search', tmp_path, QUERY, code=2)
  assert 'none of 2 indexes can be used' in said
  path.unlink()
  _, said = vtg('search', tmp_path, QUERY, code=2)
  assert 'is cut short or damaged' in said and 'passed over' not in said
  np.save(tmp_path / 'wide.npy', np.ones((3, 9), np.float32))
  _, said = vtg('index', tmp_path / 'wide.npy', code=2)
  assert 'have 9 channels' in said
  (tmp_path / 'movies.h5').touch()
  _, said = vtg('index', tmp_path / 'movies.h5', code=2)
  assert 'which needs no index' in said


def test_a_calibrated_checkpoint_keeps_a_rate_of_false_alarms(
  vtg, folder, videos
):
  video = videos / 'short.mp4'
  raw, _ = vtg('ground', video, QUERY, '--json')
  score = raw['moments'][0]['score']
  below, above = score / 2, (1 + score) / 2
  path = write_calibration(
    folder,
    fit_calibration(
      [above, above, below, below, below, below],
      [0.9, 0.8, 0.0, None, None, None],
    ),
  )
  try:
    document, _ = vtg('ground', video, QUERY, '--json')
    (answer,) = document['moments']
    assert answer['calibrated'] and 0 <= answer['score'] <= 1
    document, _ = vtg(
      'ground', video, QUERY, '--json', '--false-alarm-rate', 0.5
    )
    (answer,) = document['moments']
    assert answer['calibrated'] and answer['looked_at'] > 0
    table, notices = vtg(
      'ground', video, QUERY, '--false-alarm-rate', 0.5, '--budget', 'calls=9'
    )
    assert 'a query costs' in notices and 'uncalibrated' not in notices
    _, said = vtg('ground', video, QUERY, '--false-alarm-rate', 0.01, code=2)
    assert 'held-out' in said
    # The frame encoder's likeness is no score of the language model.
    document, _ = vtg('ground', video, QUERY, '--json', '--search', 'likeness')
    assert not document['moments'][0]['calibrated']
  finally:
    path.unlink()
  _, said = vtg('ground', video, QUERY, '--false-alarm-rate', 0.5, code=2)
  assert 'needs a checkpoint folder with a calibration.json' in said


def test_a_checkpoint_without_an_encoder_is_refused(folder, tmp_path):
  copy = shutil.copytree(folder, tmp_path / 'copy')
  shutil.rmtree(copy / 'frame_encoder')
  with pytest.raises(BadInput, match='has no encoder of frames and sentences'):
    grounder.load(copy)
  grounder.load(copy, encoder=folder / 'frame_encoder')
