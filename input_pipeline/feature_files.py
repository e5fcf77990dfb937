"""Features as others released them: H5, LMDB, and an .npy file a video.

    MAD           CLIP_L14_frames_features_5fps.h5   movie -> (N, 768)
    MAD           LMDB   movie -> npz: features, or memory_global
    queries       LMDB   query -> npz: token_features; cls_features, or
                                       eot_features
    VidChapters   FOLDER/video.npy                   (N, 768)

Nothing is ever unpickled, and of an npz only the arrays named here are read.

Source: spec sections 2 and 8.
"""

import contextlib
import importlib
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from input_pipeline.frame_features import EvenFeatures, QueryFeatures
from input_pipeline.video_folder import video_path
from vtg_jax.errors import BadInput

FRAMES = ('features', 'memory_global')
WORDS = ('token_features',)
SENTENCE = ('cls_features', 'eot_features')
_NPY = '.npy'
_H5 = ('.h5', '.hdf5')
_LMDB, _LMDB_DATA = '.lmdb', 'data.mdb'


def is_feature_file(path: str | os.PathLike) -> bool:
  """Whether a path leads to released features: see `read_features`."""
  path = Path(path)
  if path.suffix.lower() == _NPY and not path.is_dir():
    return True
  return _many(path) or (not path.exists() and _many(path.parent))


def read_features(path: str | os.PathLike, *, fps: float) -> EvenFeatures:
  """Features of a video from a file as others release them.

  Args:
    path: An .npy file; or FILE.h5/NAME or FILE.lmdb/NAME, a video by its name
      in a file of many. An LMDB may be a folder of any name.
    fps: Rows per second, which the files do not tell.

  Raises:
    BadInput: it cannot be read, which video is not said, or a feature is no
      number.
  """
  found = _read(Path(path), fps)
  if not np.isfinite(found.features).all():
    raise BadInput(
      f'{os.fspath(path)} holds features that are no numbers; make them anew'
    )
  return found


def _read(path: Path, fps: float) -> EvenFeatures:
  if path.suffix.lower() == _NPY and not path.is_dir():
    return NpyFolder(path.parent, fps=fps).read(path.stem)
  whole = _many(path)
  file = path if whole else path.parent
  kind = H5Features if file.suffix.lower() in _H5 else LmdbFeatures
  with kind(file, fps=fps) as opened:
    if whole:
      first = next(iter(opened), 'NAME')
      raise BadInput(
        f'{file} holds features of many videos; name one, as in {file}/{first}'
      )
    return opened.read(path.name)


def _many(path: Path) -> bool:
  """Whether it is a file with features of many videos."""
  if path.is_dir():
    return (path / _LMDB_DATA).is_file()
  return path.suffix.lower() in (*_H5, _LMDB) and path.is_file()


class NpyFolder:
  """A folder with an .npy file for each video."""

  def __init__(self, folder: str | os.PathLike, *, fps: float):
    """Looks into the folder.

    Args:
      folder: the folder.
      fps: rows per second, which the files do not tell.

    Raises:
      BadInput: there is no such folder.
    """
    self._folder, self._fps = Path(folder), fps
    if not self._folder.is_dir():
      raise BadInput(f'there is no folder {self._folder}; check its name')

  def __contains__(self, name: str) -> bool:
    return self._path(name).is_file()

  def __iter__(self) -> Iterator[str]:
    return iter(sorted(path.stem for path in self._folder.glob(f'*{_NPY}')))

  def read(self, name: str) -> EvenFeatures:
    """Features of one video, read from disk as they are used.

    Raises:
      BadInput: it is not there, or damaged.
    """
    path = self._path(name)
    try:
      array = np.load(path, mmap_mode='r', allow_pickle=False)
    except FileNotFoundError as error:
      raise _missing(name, self._folder) from error
    except Exception as error:  # a damaged head raises whatever it meets
      raise _damaged(name, self._folder) from error
    return EvenFeatures(
      features=_checked(array, 2, name, self._folder), fps=self._fps
    )

  def _path(self, name: str) -> Path:
    return Path(video_path(self._folder, name + _NPY))


class H5Features:
  """An H5 file with a dataset for each video; a context."""

  def __init__(self, path: str | os.PathLike, *, fps: float):
    """Opens the file.

    Args:
      path: the file.
      fps: rows per second, which the file does not tell.

    Raises:
      BadInput: it is no such file, or h5py is not installed.
    """
    self._h5py = _extra('h5py', path)
    self._path, self._fps = os.fspath(path), fps
    try:
      self._file = self._h5py.File(self._path, 'r')
    except OSError as error:
      raise BadInput(
        f'{self._path} cannot be read as H5; check the path, or download it '
        'again'
      ) from error

  def __contains__(self, name: str) -> bool:
    return name in set(self)

  def __iter__(self) -> Iterator[str]:
    return iter(sorted(self._file))

  def read(self, name: str) -> EvenFeatures:
    """Features of one video.

    Raises:
      BadInput: it is not there, or damaged.
    """
    if name not in self:
      raise _missing(name, self._path)
    # A link could lead into any other file of this machine.
    if not isinstance(self._file.get(name, getlink=True), self._h5py.HardLink):
      raise _damaged(name, self._path)
    found = self._file[name]
    if not isinstance(found, self._h5py.Dataset) or found.external:
      raise _damaged(name, self._path)
    if found.is_virtual:
      raise _damaged(name, self._path)
    try:
      array = found[()]
    except (OSError, ValueError, TypeError, MemoryError) as error:
      raise _damaged(name, self._path) from error
    return EvenFeatures(
      features=_checked(array, 2, name, self._path), fps=self._fps
    )

  def close(self) -> None:
    self._file.close()

  def __enter__(self) -> 'H5Features':
    return self

  def __exit__(self, *_) -> None:
    self.close()


class _Lmdb:
  """An LMDB whose values are npz files; a context."""

  def __init__(self, path: str | os.PathLike):
    """Opens it to be read.

    Args:
      path: the folder with data.mdb, or the file itself.

    Raises:
      BadInput: there is none, or lmdb is not installed.
    """
    self._lmdb = _extra('lmdb', path)
    self._path = os.fspath(path)
    try:
      self._environment = self._lmdb.open(
        self._path,
        subdir=os.path.isdir(path),
        readonly=True,
        create=False,
        lock=False,
        readahead=False,
      )
    except self._lmdb.Error as error:
      raise BadInput(
        f'{self._path} cannot be read as LMDB; check the path, or download it '
        'again'
      ) from error
    self._refuse_cut_short()

  def __contains__(self, name: str) -> bool:
    return self._value(name) is not None

  def __iter__(self) -> Iterator[str]:
    with self._environment.begin() as reading, reading.cursor() as cursor:
      for key in cursor.iternext(keys=True, values=False):
        with contextlib.suppress(UnicodeDecodeError):
          yield key.decode()

  def close(self) -> None:
    self._environment.close()

  def __enter__(self):
    return self

  def __exit__(self, *_) -> None:
    self.close()

  def _refuse_cut_short(self) -> None:
    """Raises BadInput where pages are missing: to read one ends the process."""
    path = Path(self._path)
    data = path / _LMDB_DATA if path.is_dir() else path
    n_pages = self._environment.info()['last_pgno'] + 1
    n_bytes = n_pages * self._environment.stat()['psize']
    if data.stat().st_size < n_bytes:
      self.close()
      raise BadInput(
        f'{self._path} is truncated: {data.stat().st_size} of {n_bytes} bytes '
        'are there; copy or download it again'
      )

  def _value(self, name: str) -> bytes | None:
    try:
      with self._environment.begin() as reading:
        return reading.get(name.encode())
    except (self._lmdb.Error, UnicodeEncodeError):  # such as an empty name
      return None

  def _arrays(self, name: str, wanted: Sequence[Sequence[str]]) -> list:
    """For each list of names, the array under the first that is there."""
    value = self._value(name)
    if value is None:
      raise _missing(name, self._path)
    try:
      with np.load(io.BytesIO(value), allow_pickle=False) as stored:
        return [
          stored[next(one for one in names if one in stored)]
          for names in wanted
        ]
    except Exception as error:  # a damaged zip raises whatever it meets
      raise _damaged(name, self._path) from error


class LmdbFeatures(_Lmdb):
  """An LMDB with the features of frames of each video."""

  def __init__(self, path: str | os.PathLike, *, fps: float):
    """Opens it.

    Args:
      path: the folder with data.mdb, or the file itself.
      fps: rows per second, which the file does not tell.

    Raises:
      BadInput: there is none, or lmdb is not installed.
    """
    super().__init__(path)
    self._fps = fps

  def read(self, name: str) -> EvenFeatures:
    """Features of one video.

    Raises:
      BadInput: it is not there, or damaged.
    """
    (array,) = self._arrays(name, [FRAMES])
    return EvenFeatures(
      features=_checked(array, 2, name, self._path), fps=self._fps
    )


class LmdbQueries(_Lmdb):
  """An LMDB with the features of each query."""

  def read(self, name: str) -> QueryFeatures:
    """Features of one query.

    Raises:
      BadInput: it is not there, or damaged.
    """
    words, sentence = self._arrays(name, [WORDS, SENTENCE])
    if sentence.ndim == 2 and len(sentence) == 1:
      sentence = sentence[0]
    return QueryFeatures(
      token_features=_checked(words, 2, name, self._path).astype(np.float32),
      cls_features=_checked(sentence, 1, name, self._path).astype(np.float32),
    )


def _checked(array, n_axes: int, name: str, where) -> np.ndarray:
  """The array, if it holds features."""
  if (
    not isinstance(array, np.ndarray)
    or array.ndim != n_axes
    or array.dtype.kind != 'f'
    or not array.size
  ):
    raise _damaged(name, where)
  return array


def _extra(module: str, path):
  """A library that only those files need."""
  try:
    return importlib.import_module(module)
  except ImportError as error:
    raise BadInput(
      f'{os.fspath(path)} is read with {module}, which is not installed; pip '
      "install 'vtg-jax[features]'"
    ) from error


def _missing(name: str, where) -> BadInput:
  return BadInput(f'{where} has no features of {name!r}; check the name')


def _damaged(name: str, where) -> BadInput:
  return BadInput(
    f'the entry {name!r} of {where} holds no features; check the file, or '
    'download it again'
  )
