"""Checkpoint folders that were tampered with, whatever the system."""

import json

import pytest

import vtg_jax
from tests.systems.hawkeye import tiny
from vtg_jax.errors import BadInput


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('saved') / 'model'
  tiny.save(folder)
  return folder


@pytest.mark.parametrize(
  ('entry', 'value', 'told'),
  [
    ('notice', ['read me'], "notice of .* is \\['read me'\\]"),
    ('model', None, 'config.json: config is None; it must be a table'),
    ('model', {}, 'config.json: config has missing'),
  ],
)
def test_an_entry_of_the_wrong_kind_is_named(folder, entry, value, told):
  path = folder / 'config.json'
  before = path.read_text()
  path.write_text(json.dumps(json.loads(before) | {entry: value}))
  try:
    with pytest.raises(BadInput, match=told):
      vtg_jax.load(folder)
  finally:
    path.write_text(before)


def test_a_vocabulary_that_was_cut_short_is_refused(tmp_path):
  tiny.save(tmp_path / 'model')
  path = tmp_path / 'model' / 'tokenizers' / 'vocab.txt'
  path.write_text(path.read_text()[:-20])
  with pytest.raises(BadInput, match='give the whole file'):
    vtg_jax.load(tmp_path / 'model')
