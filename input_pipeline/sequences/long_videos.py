"""Long videos and the released conversations about them."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from input_pipeline.frame_cache import CacheOptions
from input_pipeline.frame_folder import FOLDER_FPS
from input_pipeline.loader import BadSample
from input_pipeline.pixels import Resize
from input_pipeline.sequences.captions import cut_caption
from input_pipeline.sequences.lesson import (
  SECONDS,
  Asked,
  Lesson,
  Said,
  draw_phrase,
)
from input_pipeline.sequences.released import conversation, open_released
from input_pipeline.training_sources import open_training_video
from vtg_jax.errors import BadInput

# Opens the stream of random numbers of how bare captions are asked for.
_STREAM = 13


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReleasedFiles:
  """Conversations about videos on disk.

  Attributes:
    annotations: a file of TimeIT, Valley or ShareGPT4Video; see `released`.
    videos: folder that all video names are inside of.
    folders: source of an entry -> folder within `videos` for its videos, such
      as {'VATEX': 'vatex/videos'}; other names are taken as they are.
    most_words: of a caption that is to be told.
    name: what complaints call it; the annotation file where empty.
    folder_fps: frames per second where videos are folders of images.
    cache: where decoded frames are kept on disk; None decodes the videos each
      time.
    seed: of how bare captions are asked for.
    weight: share in a mixture; None for all data sets takes every
      conversation once an epoch.
  """

  annotations: str
  videos: str
  folders: dict = dataclasses.field(default_factory=dict)
  most_words: int = 360
  name: str = ''
  folder_fps: float = FOLDER_FPS
  cache: CacheOptions | None = None
  seed: int = 0
  weight: float | None = None

  def __post_init__(self):
    if self.most_words < 1:
      raise ValueError(f'most_words is {self.most_words}; use 1 up')
    for source, folder in self.folders.items():
      if not isinstance(folder, str) or not folder:
        raise ValueError(f'folders[{source!r}] is {folder!r}; give a folder')


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongVideos:
  """See `lesson.Lessons`; videos are read when frames are asked for.

  Attributes:
    files: which.
    entries: of the annotation file.
    size: pixels of a side of the squares that frames are stretched to; cached
      ones keep theirs.
  """

  files: ReleasedFiles
  entries: Sequence[Any]
  size: int

  @property
  def name(self) -> str:
    return self.files.name or self.files.annotations

  def __len__(self) -> int:
    return len(self.entries)

  def lesson(self, index: int) -> Lesson:
    """The conversation of entry `index`.

    Raises:
      BadSample: the entry or its video cannot be used.
    """
    files = self.files
    rng = np.random.default_rng([_STREAM, files.seed, index])
    try:
      said = conversation(self.entries[index])
      turns = tuple(self._ready(turn, rng) for turn in said.turns)
    except BadInput as error:
      raise BadSample(f'{self.name}, item {index}: {error}', 'text') from error
    try:
      video = open_training_video(
        files.videos,
        _within(files.folders, said.source, said.video),
        folder_fps=files.folder_fps,
        cache=files.cache,
        resize=Resize(size=self.size, fit='stretch'),
      )
    except (BadInput, OSError) as error:
      raise BadSample(f'{self.name}: {error}', 'video') from error
    return Lesson(
      video=video, unit=SECONDS, turns=turns, dataset=said.source or self.name
    )

  def _ready(self, turn: Asked | Said, rng) -> Asked | Said:
    """A turn as it is asked: captions cut, and one of the ways to ask drawn."""
    if isinstance(turn, Said):
      return turn
    events = tuple(
      event._replace(
        caption=cut_caption(event.caption, most_words=self.files.most_words)
      )
      for event in turn.events
    )
    return dataclasses.replace(turn, events=events, phrase=draw_phrase(rng))


def open_long_videos(files: ReleasedFiles, *, size: int) -> LongVideos:
  """Reads where the entries of a file lie.

  Args:
    files: which.
    size: pixels of a side of the squares that frames are stretched to.

  Raises:
    BadInput: it cannot be read, or has none of the forms.
  """
  if not os.path.isdir(files.videos):
    raise BadInput(f'there is no folder {files.videos}; give the videos')
  return LongVideos(
    files=files, entries=open_released(files.annotations), size=size
  )


def _within(folders: Mapping[str, str], source: str, video: str) -> str:
  folder = folders.get(source)
  return video if folder is None else f'{folder.rstrip("/")}/{video}'
