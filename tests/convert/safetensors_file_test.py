import json

import ml_dtypes
import numpy as np
import pytest

from tests.convert.small_model import save
from vtg_jax.convert.safetensors_file import SafetensorsFile, write_safetensors
from vtg_jax.convert.tensor_file import DTYPES, TensorInfo
from vtg_jax.errors import BadInput


def craft(path, header, data=b''):
  text = header if isinstance(header, bytes) else json.dumps(header).encode()
  path.write_bytes(len(text).to_bytes(8, 'little') + text + data)
  return path


def entry(start, stop, *, dtype='F32', shape=(1,)):
  return {'dtype': dtype, 'shape': shape, 'data_offsets': [start, stop]}


@pytest.mark.parametrize('name', list(DTYPES))
def test_every_type_comes_back_bit_for_bit(tmp_path, name):
  bits = np.random.default_rng(0).integers(0, 2, 64, np.uint8)
  array = bits.view(DTYPES[name]).reshape(2, -1)
  file = SafetensorsFile.open(save(tmp_path / 'a.safetensors', {'x': array}))
  assert file.tensors['x'] == TensorInfo(name, array.shape)
  assert file.read('x').tobytes() == array.tobytes()


def test_scalars_and_empty_tensors_are_read(tmp_path):
  tensors = {
    'scalar': np.array(3.5, np.float16),
    'empty': np.zeros((0, 4), ml_dtypes.bfloat16),
  }
  file = SafetensorsFile.open(save(tmp_path / 'a.safetensors', tensors))
  assert file.read('scalar') == 3.5 and file.read('scalar').shape == ()
  assert file.read('empty').shape == (0, 4)


def test_files_are_what_the_format_s_own_library_reads_and_writes(tmp_path):
  from safetensors import numpy as library

  tensors = {
    'b': np.arange(6, dtype=np.float32).reshape(2, 3),
    'a': np.arange(3, dtype=np.int64),
  }
  path = tmp_path / 'theirs.safetensors'
  library.save_file(tensors, path, metadata={'format': 'pt'})
  file = SafetensorsFile.open(path)
  assert file.metadata == {'format': 'pt'}
  arrays = {key: file.read(key) for key in file.tensors}
  ours = save(tmp_path / 'ours.safetensors', arrays, file.metadata)
  assert ours.read_bytes() == path.read_bytes()
  for key, array in library.load_file(ours).items():
    np.testing.assert_array_equal(array, tensors[key])


def test_a_file_cut_short_is_bad_input(tmp_path):
  path = save(tmp_path / 'a.safetensors', {'x': np.ones(9)})
  whole = path.read_bytes()
  for n_bytes in (0, 5, 20, len(whole) - 1):
    path.write_bytes(whole[:n_bytes])
    with pytest.raises(BadInput, match='not a whole safetensors file'):
      SafetensorsFile.open(path)


@pytest.mark.parametrize(
  ('header', 'n_data', 'reason'),
  [
    (b'{"x"', 0, 'not JSON'),
    (b'[1]', 0, 'not a table'),
    (b'{"x":{},"x":{}}', 0, 'twice'),
    ({'x': {}}, 0, 'incomplete'),
    ({'x': entry(0, 4, dtype='Q4')}, 4, 'unknown type'),
    ({'x': entry(0, 4, shape=(-1,))}, 4, 'impossible'),
    ({'x': entry(0, 4, shape=(2,))}, 4, '4 bytes'),
    ({'x': entry(4, 8)}, 8, 'does not begin'),
    ({'x': entry(0, 4), 'y': entry(0, 4)}, 4, 'does not begin'),
    ({'x': entry(0, 4)}, 5, 'announced'),
    ({'x': entry(0, 4), '__metadata__': 3}, 4, 'metadata'),
  ],
)
def test_a_header_that_lies_is_bad_input(tmp_path, header, n_data, reason):
  path = craft(tmp_path / 'a.safetensors', header, bytes(n_data))
  with pytest.raises(BadInput, match=reason):
    SafetensorsFile.open(path)


def test_a_header_longer_than_the_file_is_not_allocated(tmp_path):
  path = tmp_path / 'a.safetensors'
  path.write_bytes((1 << 62).to_bytes(8, 'little') + b'{}')
  with pytest.raises(BadInput, match='not a whole'):
    SafetensorsFile.open(path)


def test_writing_another_shape_than_announced_raises(tmp_path):
  with pytest.raises(ValueError, match='x'):
    write_safetensors(
      tmp_path / 'a', {'x': TensorInfo('F32', (2,))}, [np.ones(3, np.float32)]
    )
