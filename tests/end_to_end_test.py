"""The command line from released files to a picture, on the golden model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vtg_jax import cli

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / 'tests' / 'golden' / 'hawkeye'
CLIP = ROOT / 'vtg_jax' / 'testing' / 'data' / 'demo.mp4'


def run(*arguments):
  return cli.main([str(a) for a in arguments])


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
  folder = tmp_path_factory.mktemp('a model') / 'hawkeye'
  assert run('convert', 'hawkeye', GOLDEN, '--out', folder) == 0
  return folder


def grounded(capsys, *arguments):
  capsys.readouterr()
  assert run('ground', *arguments, '--json') == 0
  return json.loads(capsys.readouterr().out)


def test_a_converted_checkpoint_grounds_two_queries(
  capsys, checkpoint, tmp_path
):
  picture = tmp_path / 'timeline.png'
  document = grounded(
    capsys,
    *(CLIP, 'a red circle', 'a pink circle shrinks'),
    *('--model', checkpoint, '--plot', picture, '--rounds', 2),
  )
  first, second = document['moments']
  assert document['duration_s'] == pytest.approx(48.0)
  assert [first['query'], second['query']] == [
    'a red circle',
    'a pink circle shrinks',
  ]
  for moment in first, second:
    assert 0 <= moment['start_s'] < moment['end_s'] <= 48.0
    assert 1 <= len(moment['rounds']) <= 2
    likely = [max(one['probabilities'].values()) for one in moment['rounds']]
    assert moment['score'] == pytest.approx(np.prod(likely), rel=1e-4)
  assert np.asarray(Image.open(picture).convert('RGB')).std() > 1


def test_the_same_command_gives_the_same_answer(capsys, checkpoint):
  command = (CLIP, 'a red circle', '--model', checkpoint, '--rounds', 2)
  assert grounded(capsys, *command) == grounded(capsys, *command)


def test_a_threshold_turns_the_answer_into_absent(capsys, checkpoint):
  document = grounded(
    capsys,
    *(CLIP, 'a red circle', '--model', checkpoint, '--rounds', 2),
    *('--absent-below', 1),
  )
  (answer,) = document['moments']
  assert answer['absent']
  assert answer['threshold'] == 1


def test_a_query_longer_than_the_model_is_one_sentence(capsys, checkpoint):
  query = 'word ' * 2000
  capsys.readouterr()
  assert run('ground', CLIP, query, '--model', checkpoint) == 2
  out, err = capsys.readouterr()
  assert out == ''
  assert err.count('\n') == 1
  assert len(err) < 400


def test_a_checkpoint_goes_back_to_the_same_bytes(checkpoint, tmp_path):
  out = tmp_path / 'released'
  assert run('export', checkpoint, '--out', out) == 0
  (file,) = out.rglob('*.safetensors')
  assert file.read_bytes() == (GOLDEN / 'weights.safetensors').read_bytes()


def test_a_checkpoint_in_the_way_is_refused_and_kept(capsys, checkpoint):
  before = sorted(path.name for path in checkpoint.rglob('*'))
  assert run('convert', 'hawkeye', GOLDEN, '--out', checkpoint) == 2
  assert capsys.readouterr().err.count('\n') == 1
  assert sorted(path.name for path in checkpoint.rglob('*')) == before


def as_process(tmp_path, *arguments):
  """`vtg` as a user starts it, with its own cache of compiled programs."""
  return subprocess.run(
    [sys.executable, '-m', 'vtg_jax', *map(str, arguments)],
    cwd=ROOT,
    env={**os.environ, 'XDG_CACHE_HOME': str(tmp_path / 'cache')},
    capture_output=True,
    text=True,
    timeout=300,
    check=False,
  )


def test_a_process_prints_a_table_and_draws_a_picture(checkpoint, tmp_path):
  picture = tmp_path / 'a picture.png'
  done = as_process(
    tmp_path,
    *('ground', CLIP, 'a red circle', 'ein roter Kreis, größer'),
    *('--model', checkpoint, '--rounds', 2, '--plot', picture),
  )
  assert done.returncode == 0, done.stderr
  assert 'Traceback' not in done.stderr
  for told in ('score', 'a red circle', 'ein roter Kreis, größer'):
    assert told in done.stdout
  assert Image.open(picture).format == 'PNG'


def test_a_process_given_no_video_or_no_checkpoint_exits_2(
  checkpoint, tmp_path
):
  broken = shutil.copytree(checkpoint, tmp_path / 'broken')
  (broken / 'tokenizers' / 'tokenizer.model').unlink()
  for arguments in (
    (ROOT / 'README.md', 'a red circle', '--model', checkpoint),
    (CLIP, 'a red circle', '--model', broken),
  ):
    done = as_process(tmp_path, 'ground', *arguments)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.startswith('vtg: error: ')
    assert done.stderr.count('\n') == 1


def test_verify_exits_1_for_one_changed_array_and_names_it(tmp_path):
  folder = shutil.copytree(GOLDEN, tmp_path / 'golden')
  with np.load(GOLDEN / 'outputs.npz') as stored:
    arrays = {name: stored[name] for name in ('vit_out', 'vit_pos_embed')}
  arrays['vit_out'] = arrays['vit_out'] + np.float32(1e-3)
  np.savez(folder / 'outputs.npz', **arrays)
  done = as_process(tmp_path, 'verify', folder, '--json')
  assert done.returncode == 1, done.stderr
  document = json.loads(done.stdout)
  assert not document['passed']
  passed = {c['name']: c['passed'] for c in document['comparisons']}
  assert [name for name, good in passed.items() if not good] == ['vit_out']
  assert passed['vit_pos_embed']
  assert len(passed) > 400
