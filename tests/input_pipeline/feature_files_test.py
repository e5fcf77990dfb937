"""Released feature files read as they are, and nothing in them is executed."""

import io
import os
import pickle

import numpy as np
import pytest

from input_pipeline.feature_files import (
  H5Features,
  LmdbFeatures,
  LmdbQueries,
  NpyFolder,
  read_features,
)
from vtg_jax.errors import BadInput

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


def npz(**arrays) -> bytes:
  """As the release writes them: `allow_pickle` ends up as an array."""
  out = io.BytesIO()
  np.savez_compressed(out, allow_pickle=np.array(True), **arrays)
  return out.getvalue()


def write_lmdb(path, entries):
  import lmdb

  with lmdb.open(str(path), map_size=1 << 20) as environment:
    with environment.begin(write=True) as writing:
      for key, value in entries.items():
        writing.put(key.encode(), value)
  return path


def locked(data: bytes) -> bytes:
  """An npz of one array that says it needs a password."""
  at = data.index(b'PK\1\2') + 8
  flags = bytes([data[at] | 1])
  return data[:6] + flags + data[7:at] + flags + data[at + 1 :]


class Trap:
  """Unpickling it is noticed."""

  def __reduce__(self):
    return pytest.fail, ('unpickled',)


def object_array():
  array = np.empty(1, object)
  array[0] = Trap()
  return array


def test_an_npy_file_a_video(tmp_path):
  np.save(tmp_path / 'b.npy', ROWS.astype(np.float16))
  np.save(tmp_path / 'a.npy', ROWS)
  files = NpyFolder(tmp_path, fps=2.0)
  assert list(files) == ['a', 'b'] and 'a' in files and 'c' not in files
  found = files.read('b')
  np.testing.assert_array_equal(found.features, ROWS)
  np.testing.assert_array_equal(found.times_s, [0, 0.5, 1, 1.5, 2, 2.5])
  assert found.fps == 2.0
  with pytest.raises(BadInput, match="no features of 'c'"):
    files.read('c')
  with pytest.raises(BadInput, match='leads out of its folder'):
    files.read('../a')
  with pytest.raises(BadInput, match='there is no folder'):
    NpyFolder(tmp_path / 'none', fps=2.0)


def test_npy_files_of_something_else_are_refused(tmp_path):
  np.save(tmp_path / 'pickled.npy', object_array(), allow_pickle=True)
  np.save(tmp_path / 'whole.npy', np.arange(6).reshape(3, 2))
  np.save(tmp_path / 'flat.npy', ROWS[0])
  (tmp_path / 'cut.npy').write_bytes((tmp_path / 'flat.npy').read_bytes()[:-2])
  (tmp_path / 'raw.npy').write_bytes(pickle.dumps(Trap()))
  files = NpyFolder(tmp_path, fps=2.0)
  for name in files:
    with pytest.raises(BadInput, match='holds no features'):
      files.read(name)


def head(shape: str) -> bytes:
  """The head of an .npy file that promises a shape."""
  said = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
  said = said.ljust(117).encode() + b'\n'
  return b'\x93NUMPY\1\0' + len(said).to_bytes(2, 'little') + said


# numpy refuses each in a way of its own.
SHAPES = ('(99999999999999999999, 3)', '(6, 2', '(True, 2)', '(-6, 2)')


@pytest.mark.parametrize('shape', SHAPES)
def test_a_shape_that_cannot_be_is_refused(tmp_path, shape):
  path = tmp_path / 'a.npy'
  path.write_bytes(head('(6, 2)') + ROWS.tobytes())
  np.testing.assert_array_equal(read_features(path, fps=2.0).features, ROWS)
  path.write_bytes(head(shape) + ROWS.tobytes())
  with pytest.raises(BadInput, match='holds no features'):
    NpyFolder(tmp_path, fps=2.0).read('a')


def test_features_that_are_no_numbers_are_refused(tmp_path):
  np.save(tmp_path / 'a.npy', ROWS * np.float32(np.nan))
  with pytest.raises(BadInput, match='a.npy holds features that are no number'):
    read_features(tmp_path / 'a.npy', fps=2.0)


@pytest.mark.features
def test_an_h5_file_of_movies(tmp_path):
  import h5py

  path = tmp_path / 'features.h5'
  with h5py.File(tmp_path / 'other.h5', 'w') as file:
    file['secret'] = ROWS
  with h5py.File(path, 'w') as file:
    file['1234'] = ROWS
    file['texts'] = 'no features'
    file['flat'] = ROWS[0]
    file.create_dataset('huge', (2**40, 768), 'f4', chunks=(1024, 768))
    file.create_group('group')
    file['outside'] = h5py.ExternalLink('other.h5', 'secret')
  with H5Features(path, fps=5.0) as files:
    assert '1234' in files and '12' not in files and len(list(files)) == 6
    np.testing.assert_array_equal(files.read('1234').features, ROWS)
    assert files.read('1234').fps == 5.0
    for name in ('texts', 'flat', 'huge', 'group', 'outside'):
      with pytest.raises(BadInput, match='holds no features'):
        files.read(name)
    with pytest.raises(BadInput, match="no features of '1234/x'"):
      files.read('1234/x')
  path.write_bytes(b'no H5')
  with pytest.raises(BadInput, match='cannot be read as H5'):
    H5Features(path, fps=5.0)


@pytest.mark.features
def test_an_lmdb_of_movies(tmp_path):
  path = write_lmdb(
    tmp_path / 'videos',
    {
      'new': npz(features=ROWS, memory_global=-ROWS),
      'old': npz(memory_global=ROWS, pickled=object_array()),
      'none': npz(other=ROWS),
      'pickled': npz(features=object_array()),
      'raw': pickle.dumps(Trap()),
      'cut': npz(features=ROWS)[:-40],
      'locked': locked(npz(features=ROWS)),
    },
  )
  with LmdbFeatures(path, fps=5.0) as files:
    assert len(list(files)) == 7
    for name in ('new', 'old'):
      np.testing.assert_array_equal(files.read(name).features, ROWS)
    for name in ('none', 'pickled', 'raw', 'cut', 'locked'):
      with pytest.raises(BadInput, match='holds no features'):
        files.read(name)
    for name in ('absent', ''):
      assert name not in files
      with pytest.raises(BadInput, match='has no features of'):
        files.read(name)
  with LmdbFeatures(path / 'data.mdb', fps=5.0) as files:
    assert 'new' in files
  with pytest.raises(BadInput, match='cannot be read as LMDB'):
    LmdbFeatures(tmp_path / 'nowhere', fps=5.0)


@pytest.mark.features
def test_an_lmdb_that_is_cut_short_is_told(tmp_path):
  """To read a page that is not there would end the process."""
  path = write_lmdb(tmp_path / 'videos', {'a': npz(features=ROWS) * 100})
  data = path / 'data.mdb'
  os.truncate(data, data.stat().st_size // 2)
  with pytest.raises(BadInput, match='is truncated: .* download it again'):
    LmdbFeatures(path, fps=5.0)


@pytest.mark.features
def test_an_lmdb_of_queries(tmp_path):
  path = write_lmdb(
    tmp_path / 'queries',
    {
      'new': npz(token_features=ROWS, cls_features=ROWS[1], eot_features=-ROWS),
      'old': npz(token_features=ROWS, eot_features=ROWS[1:2]),
      'half': npz(token_features=ROWS),
    },
  )
  with LmdbQueries(path) as files:
    for name in ('new', 'old'):
      found = files.read(name)
      np.testing.assert_array_equal(found.token_features, ROWS)
      np.testing.assert_array_equal(found.cls_features, ROWS[1])
    with pytest.raises(BadInput, match='holds no features'):
      files.read('half')


@pytest.mark.parametrize(
  ('kind', 'library'), [(H5Features, 'h5py'), (LmdbFeatures, 'lmdb')]
)
def test_a_library_that_is_not_there_is_told(
  monkeypatch, tmp_path, kind, library
):
  monkeypatch.setitem(__import__('sys').modules, library, None)
  with pytest.raises(BadInput, match=rf'{library}, which is not installed'):
    kind(tmp_path, fps=5.0)
