import os
import shutil

import numpy as np
import pytest

from input_pipeline.encode_video import Encoding
from input_pipeline.feature_index import PARTIAL, open_index
from tests.systems.clip.tiny import write_tiny
from vtg_jax import cli
from vtg_jax.systems.clip import frame_encoder
from vtg_jax.testing.numbered_video import write_numbered_video


@pytest.fixture(scope='module')
def model(tmp_path_factory):
  return write_tiny(tmp_path_factory.mktemp('model') / 'tiny')


@pytest.fixture(scope='module')
def original(tmp_path_factory):
  path = tmp_path_factory.mktemp('video') / 'a.mp4'
  write_numbered_video(path, 50, Encoding(fps=10))
  return path


@pytest.fixture
def video(tmp_path, original):
  return shutil.copy2(original, tmp_path / 'a.mp4')


def run(model, *arguments):
  return cli.main(['index', *map(str, arguments), '--model', str(model)])


def test_a_video_is_indexed_once(model, video, capsys):
  assert run(model, video) == 0
  said = capsys.readouterr().out
  assert f'{video}.features: 10 frames of 5.0 s at 2 per second, in' in said
  assert said.count('\n') == 1
  encoder = frame_encoder.load(model)
  index = open_index(video, fingerprint=encoder.fingerprint, fps=2.0)
  frames = encoder.open_video(video).get(range(0, 50, 5))
  np.testing.assert_array_equal(index.features, encoder.encode_frames(frames))
  assert run(model, video) == 0
  assert '10 frames, up to date' in capsys.readouterr().out


def test_a_stale_or_damaged_index_is_made_anew(model, video, capsys):
  assert run(model, video) == 0
  path = f'{video}.features'
  with open(path, 'rb') as file:
    whole = file.read()
  os.truncate(path, len(whole) - 7)
  capsys.readouterr()
  assert run(model, video) == 0
  said = capsys.readouterr()
  assert 'note: made anew' in said.err and 'damaged' in said.err
  with open(path, 'rb') as file:
    assert file.read() == whole
  write_numbered_video(video, 30, Encoding(fps=10))
  assert run(model, video) == 0
  assert 'before it changed' in capsys.readouterr().err
  assert len(open_index(video).features) == 6


def test_an_index_of_another_kind_is_left_alone(model, video, capsys):
  assert run(model, video, '--dtype', 'float16') == 0
  for option, said in (
    (['--fps', '5'], 'made with fps 2.0, not 5.0'),
    (['--resize', 'swscale'], 'made with resize pil, not swscale'),
    ([], 'made with dtype float16, not float32'),
  ):
    assert run(model, video, *option) == 2
    err = capsys.readouterr().err
    assert said in err and '--rebuild' in err and err.count('\n') == 1
  assert run(model, video, '--rebuild') == 0
  assert open_index(video).features.dtype == np.float32


def test_what_is_no_index_is_only_replaced_when_told_to(model, video, capsys):
  path = video.with_name('a.mp4.features')
  path.write_text('my notes')
  assert run(model, video) == 2
  assert 'is no index of features' in capsys.readouterr().err
  assert path.read_text() == 'my notes'
  assert run(model, video, '--rebuild') == 0
  assert len(open_index(video).features) == 10


def test_a_folder_of_videos_with_a_bad_one(model, video, tmp_path, capsys):
  (tmp_path / 'more').mkdir()
  shutil.copy2(video, tmp_path / 'more' / 'b.mkv')
  (tmp_path / 'c.mp4').write_bytes(b'no video')
  out = tmp_path / 'out'
  assert run(model, tmp_path, '--out', out) == 2
  said = capsys.readouterr()
  assert said.out.count('\n') == 2
  assert f'note: skipped {tmp_path / "c.mp4"}' in said.err
  assert '1 of 3 videos are not indexed' in said.err
  assert sorted(os.listdir(out)) == ['a.mp4.features', 'b.mkv.features']
  assert len(open_index(video, out).features) == 10
  (tmp_path / 'more' / 'a.mp4').write_bytes(b'of the same name')
  assert run(model, tmp_path, '--out', out) == 2
  assert 'would have one index' in capsys.readouterr().err


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    (['nowhere.mp4'], 'there is no video nowhere.mp4'),
    (['{video}', '--fps', '0'], '0.0 frames per second is no rate'),
    (['{empty}'], 'is a folder without images'),
    (['{video}', '--dtype', 'int8'], "'int8'"),
  ],
)
def test_bad_input_is_one_sentence(
  model, video, tmp_path, capsys, options, said
):
  empty = tmp_path / 'empty'
  empty.mkdir()
  options = [one.format(video=video, empty=empty) for one in options]
  assert run(model, *options) == 2
  err = capsys.readouterr().err
  assert said in err and err.count('\n') == 1
  assert not list(tmp_path.glob(f'*{PARTIAL}'))


def test_shipped_encoders_are_named_and_one_is_taken(video, tmp_path, capsys):
  indexes = []
  for name in (None, 'revisionllm_small'):
    out = tmp_path / str(name)
    named = [] if name is None else ['--model', name]
    assert cli.main(['index', str(video), '--out', str(out), *named]) == 0
    indexes.append(open_index(video, out))
  (one, other) = indexes
  assert one.header.made.fingerprint == other.header.made.fingerprint
  capsys.readouterr()
  assert cli.main(['index', str(video), '--model', 'clip_smal']) == 2
  assert 'clip_small, ' in capsys.readouterr().err
