"""A story of any length as a video: opened without a file, or written."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from jaxtyping import Float64, UInt8

from input_pipeline.encode_video import Encoding, encode_video
from input_pipeline.frame_store import FrameStore
from input_pipeline.pixels import Resize
from input_pipeline.video_frames import ReadCount, check_frame_ids
from vtg_jax.shape_stories.long_story import LongStory, draw
from vtg_jax.shape_stories.story import Story

_FRAMES_AT_ONCE = 64


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class StoryIndex:
  """Times and sizes of a story's frames, as `VideoIndex` has those of a file.

  Attributes:
    path: what the story is called where a file's path would be told.
    times_s: seconds at which each frame is displayed.
    duration_s: seconds of the whole.
    average_fps: frames per second.
    width: pixels across.
    height: pixels down.
  """

  path: str
  times_s: Float64[np.ndarray, 'F']
  duration_s: float
  average_fps: float
  width: int
  height: int

  @property
  def n_frames(self) -> int:
    return len(self.times_s)


class StoryVideo(FrameStore):
  """A story with the face of an opened video; frames are drawn when needed.

  With a resize, frames are drawn at its size: no pixels are resized.

  Attributes:
    story: what it shows.
  """

  def __init__(
    self,
    story: Story | LongStory,
    *,
    resize: Resize | None = None,
    on_progress: Callable[[int, int], None] | None = None,
  ):
    self.story = story
    index = StoryIndex(
      path=f'ShapeStories {story.seed}',
      times_s=np.arange(story.n_frames, dtype=np.float64) / story.fps,
      duration_s=story.duration_s,
      average_fps=story.fps,
      width=story.width,
      height=story.height,
    )
    super().__init__(index, self._drawn, resize=resize, on_progress=on_progress)

  def _drawn(
    self, frame_ids: Iterable[int], resize: Resize | None, count: ReadCount
  ) -> Iterator[tuple[int, UInt8[np.ndarray, 'h w 3']]]:
    count.passes += 1
    size = None if resize is None else resize.size
    ids = check_frame_ids(frame_ids, self.n_frames)
    for start in range(0, len(ids), _FRAMES_AT_ONCE):
      some = ids[start : start + _FRAMES_AT_ONCE]
      count.pictures += len(some)
      yield from zip(some, draw(self.story, some, size=size), strict=True)


def write_mp4(story: Story | LongStory, path: str | os.PathLike) -> None:
  """Writes a story as H.264 at its own size; sides must be even."""
  encoding = Encoding(fps=story.fps, gop=48, crf=20, preset='veryfast')
  encode_video(path, iterate_frames(story), encoding)


def iterate_frames(
  story: Story | LongStory,
) -> Iterator[UInt8[np.ndarray, 'h w 3']]:
  """All frames in order, drawn some at a time."""
  for start in range(0, story.n_frames, _FRAMES_AT_ONCE):
    end = min(story.n_frames, start + _FRAMES_AT_ONCE)
    yield from draw(story, range(start, end))
