"""Open a video, a file or a folder of frames, to ask for frames by time.

store = open_video('dog.mp4', resize=Resize(size=224))
ids = store.frame_at([0.5, 1.5])       # frames on display then
frames = store.get(ids)                # uint8 [2, 224, 224, 3]
"""

import os
from collections.abc import Callable

from input_pipeline.frame_folder import (
  FOLDER_FPS,
  FolderIndex,
  index_folder,
  iterate_folder_frames,
)
from input_pipeline.frame_store import FrameStore
from input_pipeline.pixels import Resize
from input_pipeline.video_frames import iterate_frames, read_frames
from input_pipeline.video_index import VideoIndex, index_video

__all__ = [
  'FolderIndex',
  'FrameStore',
  'Resize',
  'VideoIndex',
  'index_folder',
  'index_video',
  'open_video',
  'read_frames',
]


def open_video(
  path: str | os.PathLike,
  *,
  resize: Resize | None,
  folder_fps: float = FOLDER_FPS,
  on_progress: Callable[[int, int], None] | None = None,
  index: VideoIndex | FolderIndex | None = None,
) -> FrameStore:
  """A store of the frames of a video file, or of a folder of images.

  Args:
    path: the file or folder.
    resize: how every frame is resized as it is read; None keeps its size.
    folder_fps: frames per second of a folder.
    on_progress: is called with (frames read, frames to read) while reading.
    index: of this very path, where it is known already.

  Raises:
    BadInput: `path` is not a video that can be read; one sentence says why.
  """
  if os.path.isdir(path):
    folder = index or index_folder(path, folder_fps)
    return FrameStore(
      folder,
      lambda ids, resize, count: iterate_folder_frames(
        folder, ids, resize, count=count
      ),
      is_folder=True,
      resize=resize,
      on_progress=on_progress,
    )
  index = index or index_video(path)
  return FrameStore(
    index,
    lambda ids, resize, count: iterate_frames(index, ids, resize, count=count),
    resize=resize,
    on_progress=on_progress,
  )
