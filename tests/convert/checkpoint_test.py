import json
import shutil

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from tests.convert.small_model import CONFIG, EXPECTED, convert, released, save
from vtg_jax.convert.checkpoint import (
  load_params,
  read_config,
  save_checkpoint,
  tokenizer_file,
)
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput


@pytest.fixture
def folder(tmp_path):
  path = save(tmp_path / 'a.safetensors', released(np.float16))
  convert([path], tmp_path / 'ours')
  return tmp_path / 'ours'


@pytest.mark.parametrize(
  'restore',
  [
    lambda path: ocp.StandardCheckpointer().restore(path),
    lambda path: ocp.PyTreeCheckpointer().restore(path),
  ],
)
def test_plain_orbax_restores_what_conversion_wrote(folder, restore):
  theirs = flatten(restore((folder / 'params').absolute()))
  ours = flatten(load_params(folder))
  assert set(theirs) == set(ours) == set(EXPECTED)
  for path, array in ours.items():
    np.testing.assert_array_equal(theirs[path], array)
    assert theirs[path].dtype == array.dtype


def test_plain_orbax_restores_onto_devices(folder):
  shapes = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(
      x.shape,
      x.dtype,
      sharding=jax.sharding.SingleDeviceSharding(jax.devices()[0]),
    ),
    load_params(folder),
  )
  restored = ocp.StandardCheckpointer().restore(
    (folder / 'params').absolute(), shapes
  )
  assert all(isinstance(x, jax.Array) for x in jax.tree.leaves(restored))


def test_parameters_in_memory_come_back_as_saved(tmp_path):
  params = {
    'a': {'kernel': np.arange(6, dtype=np.float32).reshape(2, 3)},
    'b': jax.numpy.ones(4, jax.numpy.bfloat16),
  }
  (tmp_path / 'vocab').write_text('words')
  save_checkpoint(
    tmp_path / 'own',
    params,
    CONFIG | {'width': 3},
    tokenizer_files={'bert.txt': tmp_path / 'vocab'},
  )
  loaded = load_params(tmp_path / 'own')
  np.testing.assert_array_equal(loaded['a']['kernel'], params['a']['kernel'])
  assert loaded['b'].dtype == params['b'].dtype
  assert read_config(tmp_path / 'own') == {
    'format_version': 1,
    'system': 'small',
    'width': 3,
  }
  assert tokenizer_file(tmp_path / 'own', 'bert.txt').read_text() == 'words'
  with pytest.raises(BadInput, match='other.txt is missing'):
    tokenizer_file(tmp_path / 'own', 'other.txt')


def test_a_part_is_loaded_alone_and_in_the_wanted_type(folder):
  assert list(load_params(folder, only='layers/')) == ['layers']
  assert set(load_params(folder, only=('layers/', 'queries'))) == {
    'layers',
    'queries',
  }
  loaded = flatten(load_params(folder, dtype=np.float32))
  assert {array.dtype for array in loaded.values()} == {np.dtype(np.float32)}


def test_a_checkpoint_is_found_by_a_way_through_its_parent(folder):
  """TensorStore itself takes no path with .. in it."""
  around = flatten(load_params(folder / '..' / folder.name))
  assert set(around) == set(EXPECTED)


def test_a_missing_tokenizer_file_is_bad_input_and_leaves_nothing(tmp_path):
  with pytest.raises(BadInput, match='give the tokenizer file'):
    save_checkpoint(
      tmp_path / 'own',
      {'a': np.ones(2)},
      CONFIG,
      tokenizer_files={'x': tmp_path / 'gone'},
    )
  assert list(tmp_path.iterdir()) == []


def remove_chunk(folder):
  (folder / 'params' / 'layers.fc.kernel' / '1.0.0').unlink()


def cut_chunk(folder):
  (folder / 'params' / 'layers.fc.kernel' / '1.0.0').write_bytes(b'x')


def cut_index(folder):
  (folder / 'params' / '_METADATA').write_text('{"tree_met')


def remove_array(folder):
  shutil.rmtree(folder / 'params' / 'layers.fc.kernel')


def remove_params(folder):
  shutil.rmtree(folder / 'params')


def remove_config(folder):
  (folder / 'config.json').unlink()


def cut_config(folder):
  (folder / 'config.json').write_text('{"system"')


def empty_config(folder):
  (folder / 'config.json').write_text('{}')


def name_a_path(folder):
  config = {'format_version': 1, 'system': '../../evil'}
  (folder / 'config.json').write_text(json.dumps(config))


@pytest.mark.parametrize(
  'damage',
  [
    remove_chunk,
    cut_chunk,
    cut_index,
    remove_array,
    remove_params,
    remove_config,
    cut_config,
    empty_config,
    name_a_path,
    shutil.rmtree,
  ],
)
def test_a_damaged_checkpoint_is_bad_input(folder, damage):
  damage(folder)
  with pytest.raises(BadInput) as error:
    load_params(folder)
  assert str(folder) in str(error.value) and '\n' not in str(error.value)


def test_a_checkpoint_of_a_later_format_is_bad_input(folder):
  config = {'format_version': 2, 'system': 'small'}
  (folder / 'config.json').write_text(json.dumps(config))
  with pytest.raises(BadInput, match='install a later vtg-jax'):
    read_config(folder)
