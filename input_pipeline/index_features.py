"""A video to its index of features: decoded once, encoded once, as a stream."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64, UInt8
from numpy.typing import ArrayLike

from input_pipeline.feature_index import source_of
from input_pipeline.feature_layout import IndexHeader, Made
from input_pipeline.feature_writer import FeatureWriter
from input_pipeline.frame_features import EvenFeatures
from input_pipeline.frame_store import FrameStore

# Rows of stored features that are written together.
_STORED_ROWS = 4096
# Frames [F h w 3] -> their features, perhaps still being computed: reading the
# result waits for it. Rows beyond the frames' own are not looked at.
StartEncoding = Callable[[UInt8[np.ndarray, 'F h w 3']], ArrayLike]


def index_features(
  video: FrameStore,
  path: str | os.PathLike,
  made: Made,
  start_encoding: StartEncoding,
  *,
  width: int,
  batch: int,
  anew: bool = False,
  on_progress: Callable[[int, int], None] | None = None,
) -> Path:
  """Writes the index of a video, or what an earlier run did not write of it.

  See `encoded_rows` for the memory it takes.

  Args:
    video: opened at the encoder's size.
    path: where the index will be.
    made: what it is made with.
    start_encoding: see there.
    width: channels D of the features.
    batch: most frames that are encoded together.
    anew: do not go on with what an earlier run wrote.
    on_progress: is called with (rows written, rows).

  Returns:
    `path`.

  Raises:
    BadInput: a frame cannot be decoded, the index cannot be written, or
      another run writes it.
  """
  source = source_of(video.path)
  ids = video.ids_at_rate(made.fps)
  header = IndexHeader(
    source=source,
    made=made,
    duration_s=float(video.duration_s),
    n_rows=len(ids),
    width=width,
  )
  with FeatureWriter(path, header, anew=anew) as writer:
    for rows, features in encoded_rows(
      video, ids[writer.n_rows :], start_encoding, batch=batch
    ):
      writer.append(video.times_s[rows], features)
      if on_progress is not None:
        on_progress(writer.n_rows, len(ids))
    writer.finish(video.path)
  return writer.path


def index_stored(
  features: EvenFeatures,
  source: str | os.PathLike,
  path: str | os.PathLike,
  made: Made,
  *,
  anew: bool = False,
) -> Path:
  """Writes the index of a video of which features alone are there.

  Args:
    features: of its frames.
    source: the file that they are read from, which stands for the video.
    path: where the index will be.
    made: what they are said to be made with.
    anew: do not go on with what an earlier run wrote.

  Returns:
    `path`.

  Raises:
    BadInput: the index cannot be written, or another run writes it.
  """
  n_rows, width = features.features.shape
  header = IndexHeader(
    source=source_of(source),
    made=made,
    duration_s=features.duration_s,
    n_rows=n_rows,
    width=width,
  )
  with FeatureWriter(path, header, anew=anew) as writer:
    while writer.n_rows < n_rows:
      rows = slice(writer.n_rows, writer.n_rows + _STORED_ROWS)
      writer.append(features.times_s[rows], features.features[rows])
    writer.finish(source)
  return writer.path


def encoded_rows(
  video: FrameStore,
  ids: Int64[np.ndarray, 'N'],
  start_encoding: StartEncoding,
  *,
  batch: int,
) -> Iterator[tuple[Int64[np.ndarray, 'M'], Float[np.ndarray, 'M D']]]:
  """Ids of successive rows, and their features.

  One batch is encoded while the next is decoded; memory holds no more.

  Args:
    video: opened at the encoder's size.
    ids: frame of each row; they never fall.
    start_encoding: see there.
    batch: most frames that are encoded together.

  Raises:
    BadInput: a frame cannot be decoded.
  """
  waiting = None
  for rows, frames in _batches(video, ids, batch):
    encoded = start_encoding(frames)
    if waiting is not None:
      yield _by_row(*waiting)
    waiting = rows, encoded
  if waiting is not None:
    yield _by_row(*waiting)


def _by_row(rows: Int64[np.ndarray, 'M'], encoded: ArrayLike):
  """Rows with their features; several rows may show one frame."""
  _, of_row = np.unique(rows, return_inverse=True)
  return rows, np.asarray(encoded)[of_row]


def _batches(
  video: FrameStore, ids: Int64[np.ndarray, 'N'], batch: int
) -> Iterator[tuple[Int64[np.ndarray, 'M'], UInt8[np.ndarray, 'F h w 3']]]:
  """Ids of successive rows, and the distinct frames among them in order."""
  distinct, first_rows = np.unique(ids, return_index=True)
  ends = np.append(
    first_rows[1:], len(ids)
  )  # where the next frame's rows begin
  frames, start = [], 0
  for number, (_, frame) in enumerate(video.stream(distinct)):
    frames.append(frame)
    if len(frames) == batch or number == len(distinct) - 1:
      end = int(ends[number])
      yield ids[start:end], np.stack(frames)
      frames, start = [], end
