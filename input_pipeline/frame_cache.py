"""Decoded frames on disk: a video is decoded once, then read at random.

One ArrayRecord file a video: record 0 is a JSON header, record i + 1 holds the
RGB bytes of frame i. The header names the source by size and time of change and
the way frames were reduced; a file that does not fit, or is damaged, is made
anew. Files appear whole or not at all.
"""

import dataclasses
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from array_record.python import array_record_module
from jaxtyping import Float64, UInt8
from PIL import Image

from input_pipeline import pixels
from input_pipeline.frame_store import FrameStore
from input_pipeline.video_frames import ReadCount, check_frame_ids
from vtg_jax.errors import BadInput, is_disk_full

# Of the layout; another version is not read.
_VERSION = 1
_WRITER_OPTIONS = 'group_size:1,zstd:1'
_READER_OPTIONS = 'readahead_buffer_size:0,max_parallelism:0'


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheOptions:
  """Where decoded frames are kept, and how small.

  Attributes:
    folder: of the cache; made if it is not there.
    short_side: pixels of the short side of kept frames; smaller frames and
      None keep their size.
    fps: frames a second that are kept, as in a folder of frames; None keeps
      all.

  Deviates: the paper crops full-size frames; a random crop of reduced ones is
    resized twice.
  """

  folder: str
  short_side: int | None = 256
  fps: float | None = None

  def __post_init__(self):
    if self.short_side is not None and self.short_side < 1:
      raise ValueError(f'short_side is {self.short_side}; use 1 up')
    if self.fps is not None and not 0 < self.fps < math.inf:
      raise ValueError(f'fps is {self.fps}; use a positive number')


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class CachedIndex:
  """The frames in a cache file; see `FrameIndex`."""

  path: str
  times_s: Float64[np.ndarray, 'F']
  duration_s: float
  average_fps: float
  width: int
  height: int

  @property
  def n_frames(self) -> int:
    return len(self.times_s)


def cached_video(
  source: str, options: CacheOptions, open_source: Callable[[], FrameStore]
) -> FrameStore:
  """A video as read from its cache file, which is made if need be.

  Args:
    source: path of the video.
    options: see there.
    open_source: opens it without a resize; called only to make the file.

  Returns:
    A store whose frames are those of the cache: reduced, and perhaps fewer.

  Raises:
    BadInput: a frame cannot be decoded, or the cache cannot be written.
  """
  path = cache_path(source, options)
  identity = _identity(source, options)
  header = _header(path, identity)
  if header is None:
    _write(open_source(), path, identity, options)
    header = _header(path, identity)
  if header is None:
    raise BadInput(f'{path} is damaged as soon as written; check the disk')
  index = CachedIndex(
    path=source,
    times_s=np.array(header['times_s'], np.float64),
    duration_s=header['duration_s'],
    average_fps=header['average_fps'],
    width=header['width'],
    height=header['height'],
  )

  def read(ids: Iterable[int], _: pixels.Resize | None, count: ReadCount):
    try:
      frames = _read(path, index, ids)
    except _Damaged:
      _write(open_source(), path, identity, options)
      frames = _read(path, index, ids)
    count.passes += 1
    yield from frames

  return FrameStore(index, read, is_folder=header['is_folder'])


def cache_path(source: str, options: CacheOptions) -> str:
  """Where the frames of a source are kept."""
  source = os.path.abspath(source)
  key = json.dumps([source, options.short_side, options.fps])
  digest = hashlib.sha256(key.encode()).hexdigest()[:24]
  return os.path.join(options.folder, f'{digest}.array_record')


class _Damaged(Exception):
  """A cache file does not hold what its header says."""


def _identity(source: str, options: CacheOptions) -> dict[str, Any]:
  about = os.stat(source)
  return {
    'version': _VERSION,
    'source': os.path.abspath(source),
    'size': about.st_size,
    'mtime_ns': about.st_mtime_ns,
    'short_side': options.short_side,
    'fps': options.fps,
  }


def _header(path: str, identity: dict[str, Any]) -> dict[str, Any] | None:
  """The header of a whole cache file of this identity; None otherwise."""
  if not os.path.exists(path):
    return None
  try:
    reader = array_record_module.ArrayRecordReader(path, _READER_OPTIONS)
    try:
      header = json.loads(reader.read([0])[0])
      whole = reader.num_records() == len(header['times_s']) + 1
    finally:
      reader.close()
  except (RuntimeError, ValueError, IndexError, KeyError, TypeError):
    return None
  fits = whole and header.get('identity') == identity
  return header if fits else None


def _read(
  path: str, index: CachedIndex, ids: Iterable[int]
) -> list[tuple[int, UInt8[np.ndarray, 'h w 3']]]:
  wanted = check_frame_ids(ids, index.n_frames)
  try:
    reader = array_record_module.ArrayRecordReader(path, _READER_OPTIONS)
    try:
      records = reader.read([i + 1 for i in wanted])
    finally:
      reader.close()
  except (RuntimeError, ValueError, IndexError) as error:
    raise _Damaged from error
  shape = (index.height, index.width, 3)
  if any(len(record) != math.prod(shape) for record in records):
    raise _Damaged
  return [
    (i, np.frombuffer(record, np.uint8).reshape(shape))
    for i, record in zip(wanted, records, strict=True)
  ]


def _write(
  video: FrameStore, path: str, identity: dict[str, Any], options: CacheOptions
) -> None:
  ids, times_s = _kept(video, options.fps)
  frames = _decoded(video, ids, options.short_side)
  try:
    os.makedirs(options.folder, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=options.folder, suffix='.part')
    os.close(handle)
    try:
      first = next(frames)
      header = {
        'identity': identity,
        'is_folder': video.is_folder,
        'times_s': [float(t) for t in times_s],
        'duration_s': video.duration_s,
        'average_fps': options.fps or video.fps,
        'height': first.shape[0],
        'width': first.shape[1],
      }
      writer = array_record_module.ArrayRecordWriter(part, _WRITER_OPTIONS)
      try:
        writer.write(json.dumps(header).encode())
        writer.write(first.tobytes())
        for frame in frames:
          writer.write(frame.tobytes())
      finally:
        writer.close()
      os.replace(part, path)
    finally:
      if os.path.exists(part):
        os.remove(part)
  except (OSError, RuntimeError) as error:
    why = 'the disk is full' if is_disk_full(error) else str(error)
    raise BadInput(
      f'frames of {video.path} cannot be kept in {options.folder} ({why}); '
      'make room, or leave the cache out'
    ) from error


def _kept(
  video: FrameStore, fps: float | None
) -> tuple[np.ndarray, Float64[np.ndarray, 'F']]:
  """Numbers of the frames to keep, and when they are taken to be displayed."""
  if fps is None:
    return np.arange(video.n_frames), video.times_s
  ids = video.ids_at_rate(fps)
  return ids, np.arange(len(ids), dtype=np.float64) / fps


def _decoded(
  video: FrameStore, ids: np.ndarray, short_side: int | None
) -> Iterator[UInt8[np.ndarray, 'h w 3']]:
  """Reduced frames in order; a few decoded ones are held at a time."""
  distinct = sorted({int(i) for i in ids})
  repeats = np.bincount(np.searchsorted(distinct, ids))
  for (_, frame), times in zip(video.stream(distinct), repeats, strict=True):
    height, width = frame.shape[:2]
    if short_side is not None and short_side < min(height, width):
      height, width = pixels.short_side_size(height, width, short_side)
      frame = np.asarray(
        Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)
      )
    for _ in range(times):
      yield frame
