"""The videos of a data set: a folder, and file names from an annotation."""

import functools
import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from input_pipeline.frame_folder import FOLDER_FPS, FolderIndex, index_folder
from input_pipeline.frame_store import FrameStore
from input_pipeline.pixels import Resize
from input_pipeline.video import open_video
from input_pipeline.video_index import VideoIndex, index_video
from vtg_jax.errors import BadInput

VIDEO_SUFFIXES = (
  '.avi', '.flv', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.ts',
  '.webm', '.wmv',
)  # fmt: skip
# Files whose frames stay indexed in a process: a few hundred kB each.
_KEPT_INDICES = 256


def find_videos(folder: Path) -> list[str]:
  """Names of the video files in a folder and those in it, sorted.

  Raises:
    BadInput: it is no folder, or holds no video.
  """
  if not folder.is_dir():
    raise BadInput(f'there is no folder {str(folder)!r}; check its name')
  videos = sorted(
    path.relative_to(folder).as_posix()
    for path in folder.rglob('*')
    if path.suffix.lower() in VIDEO_SUFFIXES
    and not path.name.startswith('.')
    and path.is_file()
  )
  if not videos:
    raise BadInput(
      f'{str(folder)!r} holds no video; give a folder with files that end in '
      f'{", ".join(VIDEO_SUFFIXES)}'
    )
  return videos


def video_path(folder: str | os.PathLike, name: str) -> str:
  """The path of a video that an annotation names.

  Raises:
    BadInput: the name is absolute or leads out of the folder.
  """
  for kind in (PurePosixPath, PureWindowsPath):
    path = kind(name)
    if path.is_absolute() or path.drive or path.root or '..' in path.parts:
      raise BadInput(
        f'the file name {name!r} leads out of its folder; give a name inside '
        f'{os.fspath(folder)}'
      )
  if not name or '\0' in name or not _is_encodable(name):
    raise BadInput(f'{name!r} is no file name; give one inside the folder')
  return os.path.join(folder, name)


def _is_encodable(name: str) -> bool:
  """Whether a file can have the name: JSON can write half a character."""
  try:
    os.fsencode(name)
  except UnicodeEncodeError:
    return False
  return True


def open_named_video(
  folder: str | os.PathLike,
  name: str,
  *,
  resize: Resize | None = None,
  folder_fps: float = FOLDER_FPS,
) -> FrameStore:
  """Opens a video of the folder; a file that did not change is indexed once.

  Args:
    folder: what all names are inside of.
    name: a video file, or a folder of images.
    resize: how every frame is resized.
    folder_fps: frames per second of a folder of images.

  Raises:
    BadInput: the name leads out of the folder, or it cannot be read.
  """
  path = video_path(folder, name)
  try:
    about = os.stat(path)
  except OSError as error:
    raise BadInput(f'there is no video {path}; check its name') from error
  index = _index(path, about.st_size, about.st_mtime_ns, folder_fps)
  return open_video(path, resize=resize, index=index)


@functools.lru_cache(maxsize=_KEPT_INDICES)
def _index(
  path: str, size: int, mtime_ns: int, folder_fps: float
) -> VideoIndex | FolderIndex:
  del size, mtime_ns  # another file of that name is another key
  if os.path.isdir(path):
    return index_folder(path, folder_fps)
  return index_video(path)
