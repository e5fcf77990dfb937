"""Frames of one video, decoded once and kept, whoever asks and how often."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Float, Float64, Int64, UInt8

from input_pipeline.pixels import Resize
from input_pipeline.video_frames import (
  ReadCount,
  check_frame_ids,
  stack_frames,
)
from vtg_jax.errors import BadInput

# A time this close before a frame's display is taken as the frame's own:
# sums of decimal seconds fall a little short of the file's exact times.
_TIME_TOLERANCE_S = 1e-6


class FrameIndex(Protocol):
  """What a store needs to know of a video: `VideoIndex`, `FolderIndex`."""

  path: str
  times_s: Float64[np.ndarray, 'F']
  duration_s: float
  average_fps: float
  width: int
  height: int

  @property
  def n_frames(self) -> int: ...


Frame = UInt8[np.ndarray, 'h w 3']
# (ids, how to resize, what to count in) -> pairs of id and frame.
Reader = Callable[
  [Iterable[int], Resize | None, ReadCount], Iterator[tuple[int, Frame]]
]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _ClipIndex:
  """A `FrameIndex` of a part of a video."""

  path: str
  times_s: Float64[np.ndarray, 'F']
  duration_s: float
  average_fps: float
  width: int
  height: int

  @property
  def n_frames(self) -> int:
    return len(self.times_s)


class FrameStore:
  """Frames of one video by number, decoded at most once each.

  Memory: 3 * height * width bytes a frame that was asked for, until the store
  is dropped: 150,528 bytes at 224 x 224, so the 220 frames of a four-round
  search take 33 MB, and the same at 1280 x 720 take 608 MB.

  Attributes:
    index: times and sizes of the video.
    is_folder: it is a folder of images, not a file.
    resize: how frames are resized; None keeps their size.
    count: passes over the file, and pictures out of the decoder.
  """

  def __init__(
    self,
    index: FrameIndex,
    read: Reader,
    *,
    is_folder: bool = False,
    resize: Resize | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_announced: Callable[[Iterable[int], Resize | None], None] | None = None,
  ):
    """Makes an empty store.

    Args:
      index: the video.
      read: see `Reader`.
      is_folder: whether the video is a folder of images.
      resize: how frames are resized.
      on_progress: is called with (frames read, frames to read) while reading.
      on_announced: is called with (ids, how to resize) of what is announced.
    """
    self.index = index
    self.is_folder = is_folder
    self.resize = resize
    self.count = ReadCount()
    self._read = read
    self._on_progress = on_progress
    self._on_announced = on_announced
    self._other_sizes: dict[int, FrameStore] = {}
    self._frames: dict[int, Frame] = {}

  @property
  def path(self) -> str:
    return self.index.path

  @property
  def n_frames(self) -> int:
    """Frames in the video."""
    return self.index.n_frames

  @property
  def fps(self) -> float:
    """Average frames per second."""
    return self.index.average_fps

  @property
  def times_s(self) -> Float64[np.ndarray, 'F']:
    """When each frame is displayed, in seconds from the first."""
    return self.index.times_s

  @property
  def duration_s(self) -> float:
    """Seconds to the end of the last frame's display."""
    return self.index.duration_s

  @property
  def paper_duration_s(self) -> float:
    """Frame count / fps, the duration that the papers compute with."""
    return self.n_frames / self.fps

  @property
  def decoded(self) -> int:
    """Frames decoded and kept: each distinct one that was asked for."""
    return len(self._frames)

  @property
  def resident_bytes(self) -> int:
    """Bytes of the frames kept."""
    return sum(frame.nbytes for frame in self._frames.values())

  def frame_at(
    self, times_s: Float[np.ndarray, 'F'] | Sequence[float]
  ) -> Int64[np.ndarray, 'F']:
    """Ids of the frames on display at some times of the video.

    The end of the video shows the last frame.

    Raises:
      BadInput: a time is not a number, or outside the video.
    """
    times_s = np.asarray(times_s, np.float64)
    slack = _TIME_TOLERANCE_S
    inside = (times_s >= -slack) & (times_s <= self.duration_s + slack)
    if not inside.all():
      time_s = float(np.ravel(times_s[~inside])[0])
      raise BadInput(
        f'there is nothing at {time_s} s in {self.path}; choose a time from 0 '
        f'to {self.duration_s:g} s'
      )
    ids = np.searchsorted(self.times_s, times_s + slack, side='right') - 1
    return np.clip(ids, 0, self.n_frames - 1).astype(np.int64)

  def ids_at_rate(self, fps: float) -> Int64[np.ndarray, 'F']:
    """Ids of the frames on display at 0, 1 / fps, 2 / fps, ... seconds."""
    n = max(1, math.ceil(self.duration_s * fps - _TIME_TOLERANCE_S))
    times_s = np.arange(n, dtype=np.float64) / fps
    return self.frame_at(np.minimum(times_s, self.duration_s))

  def at_size(self, size: int) -> 'FrameStore':
    """The same video with squares of another size, kept for the next call.

    Raises:
      ValueError: frames are not resized at all here.
    """
    if self.resize is None:
      raise ValueError(f'{self.path} was opened without a resize')
    if size == self.resize.size:
      return self
    if size not in self._other_sizes:
      self._other_sizes[size] = FrameStore(
        self.index,
        self._read,
        is_folder=self.is_folder,
        resize=dataclasses.replace(self.resize, size=size),
        on_progress=self._on_progress,
        on_announced=self._on_announced,
      )
    return self._other_sizes[size]

  def clip(
    self, start_s: float | None = None, end_s: float | None = None
  ) -> 'FrameStore':
    """A part of the video as one of its own, its time from 0.

    Args:
      start_s: its start, seconds; the video's when None.
      end_s: its end; the video's when None, or where it is later.

    Raises:
      BadInput: nothing of the video is between the two.
    """
    low = 0.0 if start_s is None else start_s
    high = self.duration_s if end_s is None else min(end_s, self.duration_s)
    if not 0 <= low < high:
      raise BadInput(
        f'the clip from {start_s} to {end_s} s has nothing of {self.path}, '
        f'which ends at {self.duration_s:g} s; give a clip inside the video'
      )
    first = int(self.frame_at([low])[0])
    last = int(np.searchsorted(self.times_s, high - _TIME_TOLERANCE_S))
    last = max(last, first + 1)

    def read(frame_ids, resize, count):
      frames = self._read([i + first for i in frame_ids], resize, count)
      return ((i - first, frame) for i, frame in frames)

    index = _ClipIndex(
      path=self.path,
      # The first frame has been on display since before the clip's start.
      times_s=np.maximum(self.times_s[first:last] - low, 0.0),
      duration_s=high - low,
      average_fps=self.fps,
      width=self.index.width,
      height=self.index.height,
    )
    return FrameStore(
      index,
      read,
      is_folder=self.is_folder,
      resize=self.resize,
      on_progress=self._on_progress,
    )

  def announce(self, frame_ids: Iterable[int]) -> None:
    """Says which frames will be asked for.

    Nothing is read now. Of a `SharedVideo` they are read along with what
    anybody asks for first; a store of its own reads when it is asked.

    Raises:
      BadInput: an id is out of range.
    """
    if self._on_announced is not None:
      self._on_announced(self.missing(frame_ids), self.resize)

  def missing(self, frame_ids: Iterable[int]) -> list[int]:
    """Those frames that are not kept yet, each once, in order.

    Raises:
      BadInput: an id is out of range.
    """
    ids = check_frame_ids(frame_ids, self.n_frames)
    return [i for i in ids if i not in self._frames]

  def prefetch(self, frame_ids: Iterable[int]) -> None:
    """Decodes, in one pass over the file, those frames not yet kept.

    Raises:
      BadInput: an id is out of range, or a frame cannot be decoded.
    """
    ids = self.missing(frame_ids)
    if not ids:
      return
    for n_read, (i, frame) in enumerate(self.stream(ids), start=1):
      self._frames[i] = frame
      if self._on_progress is not None:
        self._on_progress(n_read, len(ids))

  def stream(self, frame_ids: Iterable[int]) -> Iterator[tuple[int, Frame]]:
    """Pairs of id and frame, sorted, each once; none is kept.

    Raises:
      BadInput: an id is out of range, or a frame cannot be decoded.
    """
    return self._read(frame_ids, self.resize, self.count)

  def get(self, frame_ids: Sequence[int]) -> UInt8[np.ndarray, 'F h w 3']:
    """Frames in the order asked for, repeats included.

    Raises:
      BadInput: an id is out of range, or a frame cannot be decoded.
    """
    self.prefetch(frame_ids)
    return stack_frames([self._frames[int(i)] for i in frame_ids])
