"""Open a video, a file or a folder of frames, to ask for frames by time.

store = open_video('dog.mp4', resize=Resize(size=224))
ids = store.frame_at([0.5, 1.5])       # frames on display then
frames = store.get(ids)                # uint8 [2, 224, 224, 3]
"""

import os
from collections.abc import Callable

from input_pipeline.frame_folder import FOLDER_FPS, FolderIndex, index_folder
from input_pipeline.frame_store import FrameStore
from input_pipeline.pixels import Resize
from input_pipeline.shared_video import SharedVideo
from input_pipeline.video_frames import read_frames
from input_pipeline.video_index import VideoIndex, index_video
from input_pipeline.video_source import find_source

__all__ = [
  'FolderIndex',
  'FrameStore',
  'Resize',
  'SharedVideo',
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
    path: the file or folder; a `SharedVideo` is read once for all its stores,
      and has its own index and rate.
    resize: how every frame is resized as it is read; None keeps its size.
    folder_fps: frames per second of a folder.
    on_progress: is called with (frames read, frames to read) while reading.
    index: of this very path, where it is known already.

  Raises:
    BadInput: `path` is not a video that can be read; one sentence says why.
  """
  if isinstance(path, SharedVideo):
    return path.store(resize, on_progress)
  source = find_source(path, folder_fps=folder_fps, index=index)
  return FrameStore(
    source.index,
    source.frames,
    is_folder=source.is_folder,
    resize=resize,
    on_progress=on_progress,
  )
