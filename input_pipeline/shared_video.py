"""A video that several networks see, its file read once for all of them.

shared = SharedVideo('dog.mp4')
small = open_video(shared, resize=Resize(size=32))
large = open_video(shared, resize=Resize(size=224))
small.announce([0, 40])                # it will ask for these
large.get([10])                        # one pass reads 0, 10 and 40
small.get([0, 40])                     # none
"""

import dataclasses
import functools
import heapq
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from input_pipeline.frame_store import Frame, FrameStore
from input_pipeline.pixels import Resize
from input_pipeline.video_frames import ReadCount, check_frame_ids
from input_pipeline.video_source import VideoSource, find_source


class SharedVideo(os.PathLike):
  """A path that stands for one reading of what is there.

  Whoever reads frames first reads also what the others have announced, and
  that is kept, at the sizes announced. Frames that nobody announced pass
  through: whoever reads all of an hour should read first.

  Memory: 3 * size * size bytes a frame and size that was announced, which the
  stores of that size share.

  Attributes:
    path: the file or folder.
    count: what all reading has cost.
  """

  def __init__(self, path: str | os.PathLike):
    """Opens nothing yet: it may be something other than a video."""
    self.path = os.fspath(path)
    self.count = ReadCount()
    self._announced: dict[Resize | None, set[int]] = defaultdict(set)
    self._kept: dict[Resize | None, dict[int, Frame]] = defaultdict(dict)

  def __fspath__(self) -> str:
    return self.path

  def __str__(self) -> str:
    return self.path

  @functools.cached_property
  def source(self) -> VideoSource:
    """The video, its packets looked through once.

    Raises:
      BadInput: it is not a video that can be read.
    """
    return find_source(self.path)

  @property
  def resident_bytes(self) -> int:
    """Bytes of the frames kept."""
    return sum(
      frame.nbytes for kept in self._kept.values() for frame in kept.values()
    )

  def store(
    self,
    resize: Resize | None,
    on_progress: Callable[[int, int], None] | None = None,
  ) -> FrameStore:
    """A store of its frames as one network sees them.

    Raises:
      BadInput: it is not a video that can be read.
    """
    return FrameStore(
      self.source.index,
      self._read,
      is_folder=self.source.is_folder,
      resize=resize,
      on_progress=on_progress,
      on_announced=self._announce,
    )

  def _announce(self, frame_ids: Iterable[int], resize: Resize | None) -> None:
    ids = check_frame_ids(frame_ids, self.source.index.n_frames)
    self._announced[resize].update(ids)

  def _read(
    self, frame_ids: Iterable[int], resize: Resize | None, count: ReadCount
  ) -> Iterator[tuple[int, Frame]]:
    """Pairs of id and frame; see `Reader`."""
    ids = check_frame_ids(frame_ids, self.source.index.n_frames)
    kept = self._kept[resize]
    missing = {i for i in ids if i not in kept}
    known = [(i, kept[i]) for i in ids if i in kept]
    if not missing:
      return iter(known)
    fresh = self._fresh(missing, resize, count)
    return heapq.merge(known, fresh, key=lambda pair: pair[0])

  def _fresh(
    self, missing: set[int], resize: Resize | None, count: ReadCount
  ) -> Iterator[tuple[int, Frame]]:
    """Reads what is missing and what is announced; yields the missing."""
    before = dataclasses.replace(count)
    waiting = {
      view: ids - self._kept[view].keys()
      for view, ids in self._announced.items()
    }
    waiting[resize] = waiting.get(resize, set()) | missing
    views = defaultdict(list)
    for view, ids in waiting.items():
      for i in ids:
        views[i].append(view)
    try:
      for i, viewed in self.source.views(views, views.__getitem__, count):
        for view, frame in viewed.items():
          if i in self._announced[view]:
            self._kept[view][i] = frame
        if i in missing:
          yield i, viewed[resize]
    finally:
      self.count.passes += count.passes - before.passes
      self.count.pictures += count.pictures - before.pictures
