"""A data set of long videos: its sentences, and the features of both."""

import dataclasses
import logging
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Float

from input_pipeline.long_video import annotations
from input_pipeline.long_video.annotations import MomentFile, open_moments
from input_pipeline.long_video.clip_annotations import open_train_clips
from input_pipeline.long_video.features import FramesOnDisk, WordsOnDisk
from input_pipeline.long_video.item import MomentItem
from input_pipeline.long_video.video_features import VideoFeatures
from vtg_jax.errors import BadInput

# Of MSR-VTT; the other kinds are those of `annotations`.
CLIPS = 'msrvtt'
KINDS = (*annotations.KINDS, CLIPS)


class Source(Protocol):
  """Sentences of videos, and their features.

  Attributes:
    name: what complaints call it.
    items: the sentences, none of them asked in vain.
  """

  name: str
  items: Sequence[MomentItem]

  def frames(self, video: str) -> VideoFeatures:
    """The features of a video; raises BadInput where there are none."""

  def words(self, query_id: str) -> Float[np.ndarray, 'L D']:
    """Those of a sentence, a row a word; raises BadInput likewise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongVideoFiles:
  """A data set on disk.

  Attributes:
    annotations: file of the sentences.
    kind: of `KINDS`.
    clips: of MSR-VTT, the CSV with the clips that are trained on.
    frames: where the features of frames are; see `features`.
    fps: rows per second there.
    queries: where the features of sentences are; None where none are needed.
    wording: what is asked about a bare sentence; see `item.QUESTIONS`.
    longer_than_s: only videos that are longer are used, seconds; None for all.
    name: what complaints call it; the annotation file where empty.
    n_kept: videos whose features are kept in memory.
    weight: share in a mixture; None for all data sets takes every sentence
      once an epoch.
  """

  annotations: str
  frames: str
  fps: float
  kind: str = 'conversations'
  clips: str | None = None
  queries: str | None = None
  wording: str = 'frames'
  longer_than_s: float | None = None
  name: str = ''
  n_kept: int = 4
  weight: float | None = None

  def __post_init__(self):
    if self.kind not in KINDS:
      raise ValueError(f'kind {self.kind!r} is unknown; use one of {KINDS}')
    if (self.kind == CLIPS) != (self.clips is not None):
      raise ValueError(
        f'clips is {self.clips!r} and kind {self.kind!r}; {CLIPS} needs the '
        'CSV, and no other kind has one'
      )
    if self.n_kept < 1 or not self.fps > 0:
      raise ValueError(f'n_kept is {self.n_kept} and fps {self.fps}; use more')


class FileSource:
  """See `Source`; what is sent to another process opens its files anew."""

  def __init__(
    self,
    name: str,
    items: Sequence[MomentItem],
    frames: FramesOnDisk,
    words: WordsOnDisk | None,
  ):
    self.name, self.items = name, items
    self._frames, self._words = frames, words

  def frames(self, video: str) -> VideoFeatures:
    return self._frames.open(video)

  def words(self, query_id: str) -> Float[np.ndarray, 'L D']:
    if self._words is None:
      raise BadInput(f'{self.name} has no features of sentences; give queries')
    return self._words.open(query_id)


def open_source(files: LongVideoFiles) -> FileSource:
  """Reads the sentences of a data set; features are read when used.

  Sentences of videos without features are left out, with a warning: published
  lists name videos that are no longer to be had.

  Raises:
    BadInput: naming the file, and the entry in it that cannot be used.
  """
  frames = FramesOnDisk(files.frames, fps=files.fps, n_kept=files.n_kept)
  there = frames.names()
  if files.kind == CLIPS:
    items = open_train_clips(
      files.annotations, files.clips, wording=files.wording
    )
  else:
    items = open_moments(
      MomentFile(
        path=files.annotations,
        kind=files.kind,
        wording=files.wording,
        longer_than_s=files.longer_than_s,
      )
    )
  usable = [i for i in range(len(items)) if items[i].video in there]
  if len(usable) < len(items):
    logging.warning(
      '%s: %d of %d sentences are left out, their videos have no features in '
      '%s',
      files.annotations,
      len(items) - len(usable),
      len(items),
      files.frames,
    )
  if not usable:
    raise BadInput(
      f'{files.frames} has features of no video in {files.annotations}; give '
      'those of the data set'
    )
  return FileSource(
    files.name or files.annotations,
    _Some(items, np.array(usable, np.int64)),
    frames,
    None if files.queries is None else WordsOnDisk(files.queries),
  )


class _Some(Sequence):
  """Some of the items of a sequence."""

  def __init__(self, items: Sequence[MomentItem], chosen: np.ndarray):
    self._items, self._chosen = items, chosen

  def __len__(self) -> int:
    return len(self._chosen)

  def __getitem__(self, index: int) -> MomentItem:
    return self._items[int(self._chosen[index])]
