"""A folder of images as a video: one frame a file, in the order of names."""

import dataclasses
import math
import os
from collections.abc import Iterable, Iterator

import av
import numpy as np
from jaxtyping import Float64, UInt8

from input_pipeline import pixels, video_file
from input_pipeline.image_file import SUFFIXES, read_image
from input_pipeline.video_frames import (
  ReadCount,
  Viewed,
  Views,
  check_frame_ids,
)
from vtg_jax.errors import BadInput

# Source: HawkEye's frame folders (ActivityNet, TVQA) hold 3 frames a second.
FOLDER_FPS = 3.0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FolderIndex:
  """The images of a folder as frames.

  Attributes:
    path: the folder.
    names: file names, sorted as strings; frame i is names[i].
    times_s: seconds at which each frame is displayed: i / fps.
    duration_s: number of frames / fps.
    average_fps: frames per second.
    width: pixels across the first image.
    height: pixels down the first image.
  """

  path: str
  names: tuple[str, ...]
  times_s: Float64[np.ndarray, 'F']
  duration_s: float
  average_fps: float
  width: int
  height: int

  @property
  def n_frames(self) -> int:
    return len(self.names)


def index_folder(
  path: str | os.PathLike, fps: float = FOLDER_FPS
) -> FolderIndex:
  """Lists the images of a folder; hidden and other files are passed over.

  Raises:
    BadInput: no such folder, no image in it, or `fps` is not a rate.
  """
  path = os.fspath(path)
  if not (math.isfinite(fps) and fps > 0):
    raise BadInput(f'{fps} frames per second is no rate; give a positive one')
  if not os.path.isdir(path):
    raise BadInput(f'there is no folder {path}; check its name')
  names = sorted(
    name
    for name in os.listdir(path)
    if name.lower().endswith(SUFFIXES)
    and not name.startswith('.')
    and os.path.isfile(os.path.join(path, name))
  )
  if not names:
    raise BadInput(
      f'{path} is a folder without images; give a video file, or a folder of '
      f'{", ".join(SUFFIXES)}'
    )
  height, width = read_image(os.path.join(path, names[0])).shape[:2]
  return FolderIndex(
    path=path,
    names=tuple(names),
    times_s=np.arange(len(names), dtype=np.float64) / fps,
    duration_s=len(names) / fps,
    average_fps=float(fps),
    width=width,
    height=height,
  )


def iterate_folder_views(
  index: FolderIndex,
  frame_ids: Iterable[int],
  views: Views,
  count: ReadCount | None = None,
) -> Iterator[tuple[int, Viewed]]:
  """Pairs of id and views, each wanted frame read once, sorted.

  Raises:
    BadInput: an id is out of range, or a file is not an image.
  """
  count = ReadCount() if count is None else count
  count.passes += 1
  for i in check_frame_ids(frame_ids, index.n_frames):
    frame = read_image(os.path.join(index.path, index.names[i]))
    count.pictures += 1
    yield i, {resize: _resized(frame, resize) for resize in views(i)}


def _resized(
  frame: UInt8[np.ndarray, 'h w 3'], resize: pixels.Resize | None
) -> UInt8[np.ndarray, 'H W 3']:
  if resize is None:
    return frame
  if resize.method == 'pil':
    return pixels.resized(frame, resize)
  picture = av.VideoFrame.from_ndarray(frame, format='rgb24')
  return video_file.to_frame(picture, resize)
