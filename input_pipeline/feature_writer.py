"""Writes an index of features as they come; a run that was killed goes on."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float64

from input_pipeline import record_file
from input_pipeline.feature_index import (
  DONE,
  FORMAT,
  HEAD,
  PARTIAL,
  ROWS,
  IndexHeader,
  rows_of,
  rows_payload,
  source_of,
  source_sha256,
)
from vtg_jax.errors import BadInput, is_disk_full

try:
  import fcntl
except ImportError:  # Windows, where nothing is locked
  fcntl = None


class FeatureWriter:
  """The index of one video while it is made; a context.

  What is written lies in `INDEX.partial` until `finish`, which gives the file
  its name. Leaving the context before keeps the part for the next run, however
  it is left. One process at a time writes an index.

  Attributes:
    path: where the index will be.
    header: what it says of itself.
    n_rows: rows written so far, those of an earlier run included.
  """

  def __init__(
    self, path: str | os.PathLike, header: IndexHeader, *, anew: bool = False
  ):
    """Opens the part of an earlier run, or begins.

    Args:
      path: where the index will be; its folder is made.
      header: what it will say of itself; a part that says something else is
        thrown away.
      anew: throw any part away.

    Raises:
      BadInput: another run writes it, or it cannot be written.
    """
    self.path, self.header, self.n_rows = Path(path), header, 0
    self._partial = Path(f'{path}{PARTIAL}')
    self._is_done = False
    self._file: int | None = None
    self._chain = b''
    with self._telling():
      self.path.parent.mkdir(parents=True, exist_ok=True)
      self._file = _locked(self._partial)
      try:
        end = 0 if anew else self._go_on()
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)
        if not end:
          self._begin()
      except BaseException:
        self.close()
        raise

  def append(
    self,
    times_s: Float64[np.ndarray, 'M'],
    features: Float[np.ndarray, 'M D'],
  ) -> None:
    """Writes the next rows.

    Args:
      times_s: when their frames are displayed.
      features: converted to the header's type.

    Raises:
      BadInput: a feature is no number, or the disk is full.
      ValueError: rows of another width, or more than were announced.
    """
    header = self.header
    if features.shape[1] != header.width:
      raise ValueError(f'rows of {features.shape[1]}, not {header.width}')
    if self.n_rows + len(features) > header.n_rows:
      raise ValueError(f'more than {header.n_rows} rows')
    with np.errstate(over='ignore'):
      rows = features.astype(header.row_dtype)
    if not np.isfinite(rows).all():
      raise BadInput(
        f'the model {header.made.model} computes features of '
        f'{header.source.name} that are no {header.made.dtype} numbers; check '
        'the checkpoint, or keep them as float32'
      )
    with self._telling():
      self._write(ROWS, rows_payload(self.n_rows, times_s, rows, header))
    self.n_rows += len(rows)

  def finish(self, video: str | os.PathLike) -> None:
    """Gives the complete index its name.

    Args:
      video: what was encoded; it is read once more for its checksum.

    Raises:
      BadInput: the video changed meanwhile, or the disk is full.
      ValueError: rows are missing.
    """
    if self.n_rows != self.header.n_rows:
      raise ValueError(f'{self.n_rows} of {self.header.n_rows} rows')
    if not self._is_done:
      digest = source_sha256(video)
      end = {'n_rows': self.n_rows, 'sha256': digest}
    if source_of(video) != self.header.source:
      raise BadInput(
        f'{os.fspath(video)} changed while it was indexed; index it again'
      )
    with self._telling():
      if not self._is_done:
        self._write(DONE, json.dumps(end).encode())
        self._is_done = True
      os.fsync(self._file)
      os.replace(self._partial, self.path)
      _sync_folder(self.path.parent)

  def close(self) -> None:
    """Lets other runs in; nothing happens the second time."""
    if self._file is not None:
      os.close(self._file)
      self._file = None

  def __enter__(self) -> 'FeatureWriter':
    return self

  def __exit__(self, *_) -> None:
    self.close()

  def _go_on(self) -> int:
    """Takes over the rows of an earlier run; where they end in the file."""
    n_bytes = os.fstat(self._file).st_size
    end = 0
    with open(self._file, 'rb', closefd=False) as file:
      try:
        for record in record_file.whole_records(file, FORMAT, n_bytes):
          if not self._takes(record, first=not end):
            break
          self._chain, end = record.chain, record.end
      except record_file.NotThisFormat:
        pass
    return end

  def _takes(self, record: record_file.Record, *, first: bool) -> bool:
    """Whether a whole record is the next one of this index."""
    if first:
      return (record.kind, record.payload) == (HEAD, self.header.to_json())
    if record.kind == ROWS and not self._is_done:
      try:
        start, _, rows = rows_of(record.payload, self.header)
      except ValueError:
        return False
      if start != self.n_rows:
        return False
      self.n_rows += len(rows)
      return True
    self._is_done = record.kind == DONE and self.n_rows == self.header.n_rows
    return self._is_done

  def _begin(self) -> None:
    self._chain = record_file.first_chain(FORMAT)
    _write_all(self._file, FORMAT.prefix)
    self._write(HEAD, self.header.to_json())

  def _write(self, kind: bytes, payload: bytes) -> None:
    record, chain = record_file.encode(kind, payload, self._chain)
    _write_all(self._file, record)
    self._chain = chain

  @contextlib.contextmanager
  def _telling(self):
    """Turns a fault of the disk into one sentence."""
    try:
      yield
    except OSError as error:
      if is_disk_full(error):
        said = 'the disk is full); free some space and run it again to go on'
      else:
        said = f'{error.strerror}); name a folder for indexes with --out'
      raise BadInput(f'{self.path} cannot be written ({said}') from error


def _locked(path: Path) -> int:
  """Opens a file that no other run writes; it is made where there is none."""
  while True:
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, 'O_BINARY', 0))
    try:
      _lock(file, path)
      # The run that wrote it may have given it its name since it was opened.
      with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(file), os.stat(path)):
          return file
    except BaseException:
      os.close(file)
      raise
    os.close(file)


def _lock(file: int, path: Path) -> None:
  if fcntl is None:
    return
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError as error:
    raise BadInput(
      f'another run is writing {path}; wait for its end, or choose another '
      'folder with --out'
    ) from error
  except OSError:  # a file system that knows no locks
    return


def _write_all(file: int, data: bytes) -> None:
  view = memoryview(data)
  while view:
    view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
  """So that the new name outlives a power cut, where folders can be synced."""
  with contextlib.suppress(OSError):
    handle = os.open(folder, os.O_RDONLY)
    try:
      os.fsync(handle)
    finally:
      os.close(handle)
