"""Data sets on disk: which files they are, their items and their videos."""

import csv
import dataclasses
import logging
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from input_pipeline import hawkeye_samples, training_items
from input_pipeline.frame_cache import CacheOptions, cached_video
from input_pipeline.frame_folder import FOLDER_FPS
from input_pipeline.frame_store import FrameStore
from input_pipeline.hawkeye_clips import Video
from input_pipeline.pixels import Resize
from input_pipeline.training_items import Item, PackedItems
from input_pipeline.video_folder import open_named_video, video_path
from vtg_jax.errors import BadInput

KINDS = ('items', 'charades_sta', 'activitynet_captions', 'internvid_g')
OBJECTIVES = ('grounding', 'caption')

# The paper's lists are not released; these are the texts its evaluation and
# its demo use.
INSTRUCTIONS = (
  'Examine the video and choose the most appropriate choice in accordance '
  "with the video's content.",
  'Watch the video and choose the most fitting option based on the observed '
  'content.',
  'Examine the video and make a decision based on the content presented in '
  'the footage.',
)
CAPTION_INSTRUCTIONS = (
  'Watch the video and describe what happens in the named part of it.',
)
QUESTIONS = ("During which part of the video does '%s' occur?",)


class Weighted(Protocol):
  """A data set of a mixture; `weight` is its share, None where none is said."""

  weight: float | None


class Source(Protocol):
  """Items and their videos, by number.

  Attributes:
    name: what complaints call it.
  """

  name: str

  def __len__(self) -> int: ...

  def item(self, index: int, rng: np.random.Generator) -> Item:
    """Item `index`; one that is made up takes from `rng`."""

  def open(self, item: Item) -> Video:
    """The video of an item."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileSource:
  """A data set on disk.

  Attributes:
    annotations: file of the annotations.
    videos: folder that the annotations' video names are inside of.
    kind: 'items' for a train.json; otherwise the data set whose own annotation
      format the file has.
    name: what complaints call it; the annotation file where empty.
    objective: what annotated sentences are made into, 'grounding' or
      'caption'.
    instructions: JSON list of instructions; ours where None.
    questions: JSON list of question templates with one %s; ours where None.
    lengths: seconds of each video, for Charades-STA: a JSON object, or
      Charades' own CSV with columns id and length.
    folder_fps: frames per second where videos are folders of images.
    seed: of what is drawn once: instruction, question, order of the options.
    cache: where decoded frames are kept on disk; None decodes the videos each
      time.
    weight: share in a mixture; None for all data sets takes every item once
      an epoch.
  """

  annotations: str
  videos: str
  kind: str = 'items'
  name: str = ''
  objective: str = 'grounding'
  instructions: str | None = None
  questions: str | None = None
  lengths: str | None = None
  folder_fps: float = FOLDER_FPS
  seed: int = 0
  cache: CacheOptions | None = None
  weight: float | None = None

  def __post_init__(self):
    for name, known in (('kind', KINDS), ('objective', OBJECTIVES)):
      if getattr(self, name) not in known:
        raise ValueError(
          f'{name} {getattr(self, name)!r} is unknown; use one of {known}'
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoItems:
  """Items over video files in a folder.

  Attributes:
    name: what complaints call the data set.
    items: see `training_items`.
    videos: folder of the videos.
    folder_fps: frames per second of a folder of images.
    cache: where decoded frames are kept, if anywhere.
  """

  name: str
  items: PackedItems
  videos: str
  folder_fps: float = FOLDER_FPS
  cache: CacheOptions | None = None

  def __len__(self) -> int:
    return len(self.items)

  def item(self, index: int, rng: np.random.Generator) -> Item:
    del rng
    return self.items[index]

  def open(self, item: Item) -> FrameStore:
    return open_training_video(
      self.videos, item['video'], folder_fps=self.folder_fps, cache=self.cache
    )


def open_training_video(
  videos: str,
  name: str,
  *,
  folder_fps: float,
  cache: CacheOptions | None,
  resize: Resize | None = None,
) -> FrameStore:
  """A video of a data set, decoded or from the cache.

  Args:
    videos: folder that all videos are in.
    name: of the video, within it.
    folder_fps: frames per second of videos that are folders of frames.
    cache: where decoded frames are kept; None decodes anew.
    resize: of frames that are decoded anew; cached ones are as they are kept.

  Raises:
    BadInput: it cannot be read, or is outside the folder.
  """

  def decoded(resize: Resize | None = None) -> FrameStore:
    return open_named_video(videos, name, resize=resize, folder_fps=folder_fps)

  if cache is None:
    return decoded(resize)
  return cached_video(video_path(videos, name), cache, decoded)


def mixture_weights(sources: Sequence[Weighted]) -> list[float] | None:
  """Shares of data sets in a mixture; None where none has one.

  Raises:
    BadInput: some have a weight and some have none.
  """
  weights = [source.weight for source in sources]
  if None not in weights:
    return weights
  if any(weight is not None for weight in weights):
    raise BadInput(
      f'the weights of data sets are {weights}; give all of them or none'
    )
  return None


def open_source(source: FileSource) -> VideoItems:
  """Reads the annotations of a data set; videos are opened when used.

  Raises:
    BadInput: naming the file, and the entry in it that cannot be used.
  """
  if not os.path.isdir(source.videos):
    raise BadInput(f'there is no folder {source.videos}; give the videos')
  if source.kind == 'items':
    items = training_items.read_items(source.annotations)
  else:
    items = training_items.checked_items(_items(source), source.annotations)
  for i in range(len(items)):
    try:
      video_path(source.videos, items[i]['video'])
    except BadInput as error:
      raise BadInput(f'{source.annotations}, item {i}: {error}') from error
  return VideoItems(
    name=source.name or source.annotations,
    items=items,
    videos=source.videos,
    folder_fps=source.folder_fps,
    cache=source.cache,
  )


def read_lengths(path: str | os.PathLike) -> dict[str, float]:
  """Seconds of each video: a JSON object, or a CSV with id and length.

  Raises:
    BadInput: it is neither, or a length is no positive number.
  """
  path = os.fspath(path)
  if path.endswith('.csv'):
    try:
      with open(path, encoding='utf-8', newline='') as file:
        values = {row['id']: row['length'] for row in csv.DictReader(file)}
    except OSError as error:
      raise BadInput(
        f'{path} cannot be read ({error.strerror}); check its name'
      ) from error
    except KeyError as error:
      raise BadInput(f'{path} lacks the column {error}; give it') from error
    except (UnicodeDecodeError, csv.Error) as error:
      raise BadInput(f'{path} is no CSV ({error}); mend it') from error
  else:
    values = training_items.read_json(path)
  if not isinstance(values, dict):
    raise BadInput(f'{path} is no JSON object of seconds by video; give one')
  lengths = {}
  for video, value in values.items():
    try:
      lengths[video] = float(value)
    except (OverflowError, TypeError, ValueError):
      lengths[video] = 0.0
    if not 0 < lengths[video] <= training_items.MOST_S:
      raise BadInput(
        f'{path} says {video!r} lasts {value!r}; give positive seconds'
      )
  return lengths


def _items(source: FileSource) -> list[dict[str, Any]]:
  rng = random.Random(source.seed)
  is_caption = source.objective == 'caption'
  instructions = CAPTION_INSTRUCTIONS if is_caption else INSTRUCTIONS
  if source.instructions is not None:
    instructions = training_items.read_texts(source.instructions)
  questions = QUESTIONS
  if source.questions is not None and not is_caption:
    questions = training_items.read_texts(source.questions, template=True)
  try:
    sentences = _sentences(source)
    if is_caption:
      return hawkeye_samples.caption_items(sentences, instructions, rng)
    return hawkeye_samples.choice_items(sentences, instructions, questions, rng)
  except BadInput as error:
    raise BadInput(f'{source.annotations}: {error}') from error


def _sentences(
  source: FileSource,
) -> list[hawkeye_samples.GroundedSentence]:
  if source.kind == 'activitynet_captions':
    annotations = training_items.read_json(source.annotations)
    if not isinstance(annotations, Mapping):
      raise BadInput('it is no JSON object of videos; give the released file')
    return _that_run_forward(
      source, hawkeye_samples.activitynet_sentences(annotations)
    )
  try:
    with open(source.annotations, encoding='utf-8') as file:
      text = file.read()
  except (OSError, UnicodeDecodeError) as error:
    raise BadInput(f'it cannot be read ({error}); check its name') from error
  if source.kind == 'internvid_g':
    return hawkeye_samples.internvid_g_sentences(text)
  if source.lengths is None:
    raise BadInput(
      'Charades-STA does not say how long videos are; give lengths'
    )
  return hawkeye_samples.charades_sentences(text, read_lengths(source.lengths))


def _that_run_forward(
  source: FileSource, sentences: list[hawkeye_samples.GroundedSentence]
) -> list[hawkeye_samples.GroundedSentence]:
  """Leaves out spans that end before they start, which published files have."""
  kept = [s for s in sentences if not s.end_s < s.start_s]
  if len(kept) < len(sentences):
    logging.warning(
      '%s: %d of %d sentences end before they start and are left out',
      source.annotations,
      len(sentences) - len(kept),
      len(sentences),
    )
  return kept
