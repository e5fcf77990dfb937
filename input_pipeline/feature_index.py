"""Features of a video's frames on disk: encoded once, read by every query.

One file a video, beside it or in a folder of its own: `dog.mp4.features`. While
it is made it is called `dog.mp4.features.partial`; it only grows and gets its
name once it is complete, so a run may be killed at any time and goes on where
it was. See `feature_layout` for what it holds.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from input_pipeline import record_file
from input_pipeline.feature_layout import (
  DONE,
  FORMAT,
  HEAD,
  ROWS,
  IndexHeader,
  Source,
  rows_of,
)
from vtg_jax.errors import BadInput

SUFFIX = '.features'
PARTIAL = '.partial'
_BLOCK_BYTES = 1 << 20
# What entries that make no index raise while they are read.
_NO_INDEX = (
  ValueError,  # `BadInput` of a rate or a type is one
  TypeError,
  KeyError,
  OverflowError,
  RecursionError,
)


class BadIndex(BadInput):
  """An index that cannot be used.

  Attributes:
    replaceable: nothing is lost by making it anew: it is damaged, or of a video
      that has changed.
  """

  def __init__(self, message: str, *, replaceable: bool):
    super().__init__(message)
    self.replaceable = replaceable


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FeatureIndex:
  """A whole index; a `FrameFeatures`.

  Attributes:
    path: the file.
    header: what it says of itself.
    source_sha256: of the video's bytes.
    features: a row a frame.
    times_s: when the frame of each row is displayed, seconds from the first.
  """

  path: Path
  header: IndexHeader
  source_sha256: str
  features: Float[np.ndarray, 'N D']
  times_s: Float64[np.ndarray, 'N']

  @property
  def fps(self) -> float:
    """Rows per second: row i stands for the time i / fps."""
    return self.header.made.fps

  @property
  def duration_s(self) -> float:
    return self.header.duration_s


def index_path(
  video: str | os.PathLike, folder: str | os.PathLike | None = None
) -> Path:
  """Where the index of a video is: beside it, or in a folder of indexes."""
  video = Path(os.path.abspath(video))
  return Path(folder or video.parent) / (video.name + SUFFIX)


def video_of(path: str | os.PathLike) -> Path:
  """The video that an index is of, if it lies beside it."""
  path = Path(path)
  return path.with_name(path.name.removesuffix(SUFFIX))


def is_index(path: str | os.PathLike) -> bool:
  """Whether a path leads to an index itself, by its name."""
  return Path(path).name.endswith(SUFFIX) and Path(path).is_file()


def find_indexes(folder: str | os.PathLike) -> list[Path]:
  """The indexes in a folder and those in it, sorted.

  Raises:
    BadInput: it is no folder, or holds none.
  """
  folder = Path(folder)
  if not folder.is_dir():
    raise BadInput(f'there is no folder {str(folder)!r}; check its name')
  found = sorted(path for path in folder.rglob(f'*{SUFFIX}') if path.is_file())
  if not found:
    raise BadInput(
      f'{str(folder)!r} holds no index; make some with vtg index {folder}'
    )
  return found


def open_index(
  video: str | os.PathLike,
  folder: str | os.PathLike | None = None,
  *,
  fingerprint: str | None = None,
  fps: float | None = None,
) -> FeatureIndex:
  """The index of a video, if it is whole and of that video as it is.

  Args:
    video: the video.
    folder: where indexes are, if not beside the videos.
    fingerprint: of the encoder it must have been made with.
    fps: rows per second it must have.

  Raises:
    BadIndex: there is none, or it cannot be used.
  """
  path = index_path(video, folder)
  if not path.exists():
    part = Path(f'{path}{PARTIAL}').exists()
    how = 'is indexed only in part' if part else 'is not indexed'
    raise BadIndex(
      f'{os.fspath(video)} {how}; run vtg index {os.fspath(video)}',
      replaceable=True,
    )
  index = read_index(path)
  check_source(index, video)
  check_made(index, fingerprint=fingerprint, fps=fps)
  return index


def read_index(path: str | os.PathLike) -> FeatureIndex:
  """Reads an index, every byte of it checked.

  Raises:
    BadIndex: it is no index, of a later version, cut short or damaged.
  """
  path = Path(path)
  try:
    with open(path, 'rb') as file:
      n_bytes = os.fstat(file.fileno()).st_size
      return _parsed(path, file, n_bytes)
  except record_file.NotThisFormat as error:
    raise _foreign(path, error.version) from error
  except BadIndex:
    raise
  except OSError as error:
    raise BadIndex(
      f'{path} cannot be read ({error.strerror}); check the path',
      replaceable=False,
    ) from error
  except _NO_INDEX as error:
    raise _damaged(path) from error


def check_source(index: FeatureIndex, video: str | os.PathLike) -> None:
  """Raises BadIndex if the video is not what was encoded.

  Size and time of change tell at once; where only the time differs (a copy),
  the video is read.
  """
  now, then = source_of(video), index.header.source
  if now.n_bytes == then.n_bytes:
    if now.mtime_ns == then.mtime_ns:
      return
    if source_sha256(video) == index.source_sha256:
      return
  raise BadIndex(
    f'{index.path} is of {then.name} as it was before it changed; run vtg '
    f'index {os.fspath(video)} again',
    replaceable=True,
  )


def check_made(index: FeatureIndex, **wanted: Any) -> None:
  """Raises BadIndex if it was made with something else.

  Args:
    index: the index.
    **wanted: entries of `Made`; None for one that may be anything.
  """
  made = index.header.made
  for name, value in wanted.items():
    there = getattr(made, name)
    if value is None or there == value:
      continue
    what = (
      f'another model ({made.model})'
      if name == 'fingerprint'
      else f'{name} {there}, not {value}'
    )
    raise BadIndex(
      f'{index.path} was made with {what}; use the same, index again with '
      'vtg index --rebuild, or elsewhere with --out',
      replaceable=False,
    )


def source_of(video: str | os.PathLike) -> Source:
  """The video as it is now.

  Raises:
    BadInput: there is none.
  """
  path = Path(os.path.abspath(video))
  try:
    states = [file.stat() for file in _files(path)]
  except OSError as error:
    raise BadInput(f'there is no video {path}; check its name') from error
  return Source(
    name=path.name,
    n_bytes=sum(state.st_size for state in states),
    mtime_ns=max((state.st_mtime_ns for state in states), default=0),
  )


def source_sha256(video: str | os.PathLike) -> str:
  """SHA-256 of a file; of a folder, of the names and bytes of its files.

  Raises:
    BadInput: it cannot be read.
  """
  path, digest = Path(os.path.abspath(video)), hashlib.sha256()
  try:
    for name in _files(path):
      if name != path:
        digest.update(f'{name.name}\0{name.stat().st_size}\0'.encode())
      with open(name, 'rb') as file:
        while block := file.read(_BLOCK_BYTES):
          digest.update(block)
  except OSError as error:
    raise BadInput(
      f'{path} cannot be read ({error.strerror}); check the disk'
    ) from error
  return digest.hexdigest()


def _parsed(path: Path, file, n_bytes: int) -> FeatureIndex:
  records = record_file.whole_records(file, FORMAT, n_bytes)
  head = next(records, None)
  if head is None or head.kind != HEAD:
    raise _damaged(path)
  header = IndexHeader.from_json(head.payload)
  # A header that promises more than the file holds must not ask for memory.
  row_bytes = header.width * header.row_dtype.itemsize + 8
  if header.n_rows * row_bytes > n_bytes:
    raise _damaged(path)
  features = np.empty((header.n_rows, header.width), header.row_dtype)
  times_s = np.empty(header.n_rows, np.float64)
  n_rows, end = 0, None
  for record in records:
    if record.kind == DONE:
      end = json.loads(record.payload)
      break
    if record.kind != ROWS:
      raise _damaged(path)
    first, times, rows = rows_of(record.payload, header)
    if first != n_rows:
      raise _damaged(path)
    features[n_rows : n_rows + len(rows)] = rows
    times_s[n_rows : n_rows + len(rows)] = times
    n_rows += len(rows)
  if end is None or n_rows != header.n_rows or record.end != n_bytes:
    raise _damaged(path)
  # Its checksums may be right and nothing of ours have written it.
  if not (np.isfinite(features).all() and np.isfinite(times_s).all()):
    raise _damaged(path)
  return FeatureIndex(
    path=path,
    header=header,
    source_sha256=str(end['sha256']),
    features=features,
    times_s=times_s,
  )


def _damaged(path: Path) -> BadIndex:
  return BadIndex(
    f'{path} is cut short or damaged; run vtg index again, which makes it anew',
    replaceable=True,
  )


def _foreign(path: Path, version: int | None) -> BadIndex:
  if version is None:
    said = 'is no index of features; move it away, or use vtg index --rebuild'
  else:
    said = (
      f'has format {version} and this version reads {FORMAT.version}; install '
      'the vtg-jax that made it, or use vtg index --rebuild'
    )
  return BadIndex(f'{path} {said}', replaceable=False)


def _files(path: Path) -> list[Path]:
  """A video file, or the files of a folder of images, sorted."""
  if path.is_dir():
    with contextlib.suppress(NotADirectoryError):
      return sorted(one for one in path.iterdir() if one.is_file())
  return [path]
