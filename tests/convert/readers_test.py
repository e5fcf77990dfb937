import json

import numpy as np
import pytest

from tests.convert.small_model import save
from vtg_jax.convert.readers import open_source
from vtg_jax.errors import BadInput


def shard(folder, number, total, **tensors):
  name = f'model-{number:05}-of-{total:05}.safetensors'
  return save(folder / name, {k: np.ones(v) for k, v in tensors.items()})


def index(folder, weight_map):
  path = folder / 'model.safetensors.index.json'
  path.write_text(json.dumps({'weight_map': weight_map}))
  return path


def test_a_folder_of_shards_is_one_source(tmp_path):
  one, two = shard(tmp_path, 1, 2, a=2), shard(tmp_path, 2, 2, b=3)
  (tmp_path / 'config.json').write_text('{}')
  (tmp_path / 'training_args.bin').write_bytes(b'not weights')
  for with_index in (False, True):
    if with_index:
      index(tmp_path, {'a': one.name, 'b': two.name})
    source = open_source(tmp_path)
    assert list(source.tensors) == ['a', 'b'] and source.is_folder
    assert source.read('b').shape == (3,)
    assert [path.name for path in source.companions] == ['config.json']
  source = open_source(tmp_path / 'model.safetensors.index.json')
  assert list(source.tensors) == ['a', 'b'] and source.is_folder


def test_a_missing_shard_is_bad_input(tmp_path):
  shard(tmp_path, 1, 2, a=2)
  with pytest.raises(BadInput, match='1 weight files of 2'):
    open_source(tmp_path)
  index(tmp_path, {'a': 'model-00001-of-00002.safetensors', 'b': 'gone.bin'})
  with pytest.raises(BadInput, match=r'not there \(gone.bin\)'):
    open_source(tmp_path)


@pytest.mark.parametrize(
  'name', ['../x.safetensors', '/etc/passwd', 'a/b.safetensors', '..', 'a\\b']
)
def test_an_index_that_points_outside_its_folder_is_refused(tmp_path, name):
  inner = tmp_path / 'model'
  inner.mkdir()
  save(tmp_path / 'x.safetensors', {'a': np.ones(1)})
  index(inner, {'a': name})
  with pytest.raises(BadInput, match='outside its folder'):
    open_source(inner)


def test_an_index_that_names_a_tensor_its_file_lacks_is_refused(tmp_path):
  one = shard(tmp_path, 1, 1, a=2)
  index(tmp_path, {'a': one.name, 'b': one.name})
  with pytest.raises(BadInput, match=r'do not hold \(b\)'):
    open_source(tmp_path)


def test_a_key_in_two_files_is_bad_input(tmp_path):
  shard(tmp_path, 1, 2, a=2, b=1)
  shard(tmp_path, 2, 2, b=1)
  with pytest.raises(BadInput, match='b in more than one file'):
    open_source(tmp_path)


@pytest.mark.parametrize('text', ['', '[]', '{"weight_map": 3}', '{}'])
def test_a_damaged_index_is_bad_input(tmp_path, text):
  (tmp_path / 'model.safetensors.index.json').write_text(text)
  with pytest.raises(BadInput, match='not an index'):
    open_source(tmp_path)


def test_an_index_that_names_nothing_is_bad_input(tmp_path):
  index(tmp_path, {})
  with pytest.raises(BadInput, match='names no weight files'):
    open_source(tmp_path)


def test_what_is_no_source_is_bad_input(tmp_path):
  with pytest.raises(BadInput, match='does not exist'):
    open_source(tmp_path / 'nothing')
  with pytest.raises(BadInput, match='has no model.safetensors'):
    open_source(tmp_path)
  (tmp_path / 'weights.txt').write_text('x')
  with pytest.raises(BadInput, match='neither safetensors nor'):
    open_source(tmp_path / 'weights.txt')
