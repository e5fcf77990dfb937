"""The features of frames and sentences of a data set, opened when used.

What a path leads to tells how it is read: a folder of indexes
(`feature_index`), of .npy or .npz files, with LMDB's data.mdb, or an H5 file.
"""

import collections
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from input_pipeline.feature_files import (
  H5Features,
  LmdbFeatures,
  LmdbQueries,
  NpyFolder,
)
from input_pipeline.feature_index import SUFFIX, find_indexes, read_index
from input_pipeline.frame_features import (
  FeatureFile,
  FrameFeatures,
  QueryFeatures,
)
from input_pipeline.long_video.video_features import VideoFeatures
from input_pipeline.video_folder import video_path
from vtg_jax.errors import BadInput

_LMDB = 'data.mdb'
_H5 = ('.h5', '.hdf5')
_NPZ = '.npz'


class FramesOnDisk:
  """The frame features of many videos.

  What is sent to another process is the path alone.
  """

  def __init__(self, path: str | os.PathLike, *, fps: float, n_kept: int = 4):
    """Opens nothing yet.

    Args:
      path: see above.
      fps: rows per second.
      n_kept: videos whose features are kept once they were asked for.
    """
    self.path, self.fps, self._n_kept = os.fspath(path), fps, n_kept
    self._file: FeatureFile | None = None
    self._kept: collections.OrderedDict = collections.OrderedDict()

  def __getstate__(self):
    return {**self.__dict__, '_file': None, '_kept': collections.OrderedDict()}

  def names(self) -> set[str]:
    """The videos there are features of."""
    return set(self._opened())

  def open(self, video: str) -> VideoFeatures:
    """Those of a video.

    Raises:
      BadInput: there are none, or they cannot be read.
    """
    if video in self._kept:
      self._kept.move_to_end(video)
      return self._kept[video]
    features = self._opened().read(video).features
    self._kept[video] = features
    if len(self._kept) > self._n_kept:
      self._kept.popitem(last=False)
    return features

  def _opened(self) -> FeatureFile:
    if self._file is None:
      self._file = open_frames(self.path, fps=self.fps)
    return self._file


class WordsOnDisk:
  """The features of many sentences; see `FramesOnDisk`."""

  def __init__(self, path: str | os.PathLike):
    self.path = os.fspath(path)
    self._file = None

  def __getstate__(self):
    return {**self.__dict__, '_file': None}

  def open(self, query_id: str) -> Float[np.ndarray, 'L D']:
    """Those of a sentence, a row a word.

    Raises:
      BadInput: there are none, or they cannot be read.
    """
    if self._file is None:
      self._file = open_queries(self.path)
    return self._file.read(query_id).token_features


def open_frames(path: str | os.PathLike, *, fps: float) -> FeatureFile:
  """Features of videos by name, wherever they are stored.

  Args:
    path: see above.
    fps: rows per second, which most files do not tell.

  Raises:
    BadInput: there is nothing of the kind.
  """
  path = Path(path)
  if path.is_dir() and not (path / _LMDB).is_file():
    if any(path.rglob(f'*{SUFFIX}')):
      return IndexFolder(path, fps=fps)
    return NpyFolder(path, fps=fps)
  if path.suffix in _H5:
    return H5Features(path, fps=fps)
  return LmdbFeatures(path, fps=fps)


def open_queries(path: str | os.PathLike):
  """Features of sentences by name, wherever they are stored.

  Raises:
    BadInput: there is nothing of the kind.
  """
  path = Path(path)
  if path.is_dir() and not (path / _LMDB).is_file():
    return NpzQueries(path)
  return LmdbQueries(path)


class IndexFolder:
  """A folder of indexes that `vtg index` made; names are those of videos."""

  def __init__(self, folder: str | os.PathLike, *, fps: float):
    """Looks into the folder.

    Args:
      folder: the folder.
      fps: rows per second that indexes must have.

    Raises:
      BadInput: it holds no index.
    """
    self._folder, self._fps = folder, fps
    self._paths = {
      path.name.removesuffix(SUFFIX): path for path in find_indexes(folder)
    }

  def __contains__(self, name: str) -> bool:
    return name in self._paths

  def __iter__(self) -> Iterator[str]:
    return iter(sorted(self._paths))

  def read(self, name: str) -> FrameFeatures:
    """Features of one video.

    Raises:
      BadInput: it is not there, damaged, or of another rate.
    """
    if name not in self._paths:
      raise BadInput(f'{self._folder} has no index of {name!r}; make one')
    index = read_index(self._paths[name])
    if index.fps != self._fps:
      raise BadInput(
        f'{index.path} has {index.fps} rows a second, {self._fps} are needed; '
        'make it anew'
      )
    return index


class NpzQueries:
  """A folder with an .npz for each sentence: token_features, cls_features."""

  def __init__(self, folder: str | os.PathLike):
    """Looks into the folder; raises BadInput if there is none."""
    self._folder = Path(folder)
    if not self._folder.is_dir():
      raise BadInput(f'there is no folder {self._folder}; check its name')

  def read(self, name: str) -> QueryFeatures:
    """Features of one sentence.

    Raises:
      BadInput: it is not there, or damaged.
    """
    path = video_path(self._folder, name + _NPZ)
    try:
      with np.load(path, allow_pickle=False) as stored:
        words, whole = (
          np.asarray(stored[key], np.float32)
          for key in ('token_features', 'cls_features')
        )
    except FileNotFoundError as error:
      raise BadInput(f'there is no {path}; check the name') from error
    except Exception as error:  # a damaged zip raises whatever it meets
      raise BadInput(f'{path} holds no features of a sentence') from error
    if words.ndim != 2 or whole.ndim != 1:
      raise BadInput(f'{path} holds no features of a sentence; make it anew')
    return QueryFeatures(token_features=words, cls_features=whole)
