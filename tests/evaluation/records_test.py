"""Lines that survive being cut off, and runs that are kept apart."""

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.records import Records, as_json, write_whole

SETTINGS = {'model': 'm', 'options': {'seed': 0}}


def write(folder, samples, settings=SETTINGS):
  with Records(folder, settings) as records:
    for i in samples:
      records.append({'sample': i, 'score': i / 2})


def test_a_rerun_finds_what_was_done(tmp_path):
  write(tmp_path, [2, 0])
  with Records(tmp_path, SETTINGS) as records:
    assert records.done == {
      2: {'sample': 2, 'score': 1.0},
      0: {'sample': 0, 'score': 0.0},
    }


@hypothesis.given(cut=st.integers(0, 60))
def test_a_line_that_was_cut_off_is_dropped(tmp_path_factory, cut):
  folder = tmp_path_factory.mktemp('cut')
  write(folder, [0, 1])
  file = folder / 'samples.jsonl'
  data = file.read_bytes()
  file.write_bytes(data[:cut])
  whole = data[:cut].count(b'\n')
  write(folder, range(whole, 2))
  assert file.read_bytes() == data


def test_other_settings_are_refused_by_name(tmp_path):
  write(tmp_path, [0])
  other = {'model': 'm', 'options': {'seed': 1}}
  with pytest.raises(BadInput, match=r'options.seed 0, not 1'):
    Records(tmp_path, other)
  with pytest.raises(BadInput, match=r'videos None'):
    Records(tmp_path, {**SETTINGS, 'videos': 'x'})


def test_a_folder_without_samples_takes_new_settings(tmp_path):
  write(tmp_path, [])
  write(tmp_path, [0], {'model': 'n'})
  assert json.loads((tmp_path / 'settings.json').read_text()) == {'model': 'n'}


def test_samples_without_settings_are_refused(tmp_path):
  write(tmp_path, [0])
  (tmp_path / 'settings.json').unlink()
  with pytest.raises(BadInput, match='no readable settings'):
    Records(tmp_path, SETTINGS)


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
  write(tmp_path, [0, 1])
  file = tmp_path / 'samples.jsonl'
  file.write_text('{"sam\n' + file.read_text())
  with pytest.raises(BadInput, match='line 1'):
    Records(tmp_path, SETTINGS)


def test_a_file_in_the_way_is_bad_input(tmp_path):
  (tmp_path / 'out').write_text('')
  with pytest.raises(BadInput, match='is a file'):
    Records(tmp_path / 'out', SETTINGS)


def test_a_run_in_progress_is_left_alone(tmp_path):
  with Records(tmp_path, SETTINGS):
    with pytest.raises(BadInput, match='another run is writing'):
      Records(tmp_path, SETTINGS)
  Records(tmp_path, SETTINGS).close()


def test_half_a_character_is_kept(tmp_path):
  with Records(tmp_path, {'text': '\ud800'}) as records:
    records.append({'sample': 0, 'question': 'a \ud800'})
  with Records(tmp_path, {'text': '\ud800'}) as records:
    assert records.done[0]['question'] == 'a \ud800'


def test_nan_becomes_null():
  assert json.loads(as_json({'a': [float('nan'), 1.5]})) == {'a': [None, 1.5]}


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
  path = tmp_path / 'summary.json'
  write_whole(path, 'old')
  with pytest.raises(UnicodeEncodeError):
    write_whole(path, 'new \ud800')
  assert [p.name for p in tmp_path.iterdir()] == ['summary.json']
  assert path.read_text() == 'old'
