"""Frames that are at hand, with the face of an opened video."""

import dataclasses

import numpy as np
from jaxtyping import Float64, UInt8

from input_pipeline.frame_store import FrameStore
from input_pipeline.video_frames import check_frame_ids

# Sequences have no seconds; a frame counts as one.
_FPS = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Index:
  """A `FrameIndex` of frames in memory."""

  path: str
  times_s: Float64[np.ndarray, 'F']
  duration_s: float
  average_fps: float
  width: int
  height: int

  @property
  def n_frames(self) -> int:
    return len(self.times_s)


def still_frames(frames: UInt8[np.ndarray, 'F h w 3'], name: str) -> FrameStore:
  """A store of frames that nothing has to be read for.

  Args:
    frames: all of them, at the size that is wanted.
    name: what stands where a file's path would.
  """
  n, height, width, _ = frames.shape

  def read(frame_ids, resize, count):
    del resize, count
    return ((i, frames[i]) for i in check_frame_ids(frame_ids, n))

  index = _Index(
    path=name,
    times_s=np.arange(n, dtype=np.float64) / _FPS,
    duration_s=n / _FPS,
    average_fps=_FPS,
    width=width,
    height=height,
  )
  return FrameStore(index, read)
