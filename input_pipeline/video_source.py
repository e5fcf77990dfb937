"""What frames are read from: a video file, or a folder of images."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator

from input_pipeline.frame_folder import (
  FOLDER_FPS,
  FolderIndex,
  index_folder,
  iterate_folder_views,
)
from input_pipeline.frame_store import Frame
from input_pipeline.pixels import Resize
from input_pipeline.video_frames import (
  ReadCount,
  Viewed,
  Views,
  iterate_views,
)
from input_pipeline.video_index import VideoIndex, index_video


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class VideoSource:
  """A video whose frames are known by number and time.

  Attributes:
    index: times and sizes of its frames.
    is_folder: it is a folder of images, not a file.
  """

  index: VideoIndex | FolderIndex
  is_folder: bool

  def views(
    self, frame_ids: Iterable[int], views: Views, count: ReadCount
  ) -> Iterator[tuple[int, Viewed]]:
    """Pairs of id and views; see `iterate_views`.

    Raises:
      BadInput: an id is out of range, or a frame cannot be read.
    """
    read: Callable = iterate_folder_views if self.is_folder else iterate_views
    return read(self.index, frame_ids, views, count)

  def frames(
    self, frame_ids: Iterable[int], resize: Resize | None, count: ReadCount
  ) -> Iterator[tuple[int, Frame]]:
    """Pairs of id and frame, each once; the `Reader` of a store.

    Raises:
      BadInput: an id is out of range, or a frame cannot be read.
    """
    found = self.views(frame_ids, lambda _: (resize,), count)
    return ((i, viewed[resize]) for i, viewed in found)


def find_source(
  path: str | os.PathLike,
  *,
  folder_fps: float = FOLDER_FPS,
  index: VideoIndex | FolderIndex | None = None,
) -> VideoSource:
  """The file or folder of a path.

  Args:
    path: the file or folder.
    folder_fps: frames per second of a folder.
    index: of this very path, where it is known already.

  Raises:
    BadInput: `path` is not a video that can be read; one sentence says why.
  """
  is_folder = os.path.isdir(path)
  if index is None:
    index = index_folder(path, folder_fps) if is_folder else index_video(path)
  return VideoSource(index=index, is_folder=is_folder)
