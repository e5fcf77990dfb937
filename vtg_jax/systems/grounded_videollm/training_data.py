"""What a Grounded-VideoLLM is trained on: options, samples, batches.

In:  {'video': 'a.mp4', 'conversation': [{'from': 'human', 'value': ...}, ...]}
Out: {'keyframes': uint8 [S h w 3], 'frames': uint8 [F v u 3], 'input_ids':
      int32 [T], 'labels': int32 [T], 'attention_mask': bool [T],
      'video_start': int32}

Nothing here loads jax: loader processes import it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8

from input_pipeline import pixels
from input_pipeline.conversation_sources import (
  ConversationSource,
  open_conversations,
)
from input_pipeline.frame_store import FrameStore
from input_pipeline.loader import BadSample, Batches, LoaderOptions
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.cells import NOTHING, cell_pairs
from vtg_jax.systems.checks import SAMPLINGS, check_known, check_least
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.grounded_videollm.frame_numbers import (
  frame_ids,
  time_scale_s,
)
from vtg_jax.systems.grounded_videollm.rows import IGNORE
from vtg_jax.systems.grounded_videollm.sample_rows import LAYOUTS, RowMaker
from vtg_jax.systems.grounded_videollm.story_source import (
  StoriesOptions,
  StoriesSource,
)
from vtg_jax.systems.training.mixing import mixed_batches


class Source(Protocol):
  """Conversations and their videos.

  Attributes:
    name: what complaints call it.
  """

  name: str

  def __len__(self) -> int: ...

  def item(self, index: int, rng: np.random.Generator) -> Mapping[str, Any]:
    """'video', None for none, and 'conversation'."""

  def open(self, item: Mapping[str, Any]) -> FrameStore:
    """The video of an item that has one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameSizes:
  """What the network asks of a sample's frames.

  Attributes:
    n_frames: frames of a video.
    keyframes: those of them that the image encoder sees.
    image_size: pixels of a side of a keyframe.
    video_size: pixels of a side of a frame.
  """

  n_frames: int
  keyframes: tuple[int, ...]
  image_size: int
  video_size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataOptions:
  """What to train on and how samples of it are made.

  Attributes:
    files: conversations on disk.
    stories: ShapeStories, made while training.
    row_tokens: length of every row of tokens, video rows included.
    layout: how turns stand in a row; see `sample_rows`.
    sampling: which frames are shown; see `frame_numbers`.
    with_times: times are words of the time scale, and questions for them
      marked; False in the first stage.
    max_asked: samples also say, of so many questions at most, where in the
      row the answer starts, what is asked for and which frames show it; known
      of ShapeStories side by side only, 0 leaves it out.
    label_grid: cells along a frame's side of which samples also say what they
      show, known of ShapeStories only; 0 leaves it out.
    n_shown_segments: samples have so many segments of the video only, drawn
      anew, of which both encoders see all frames; None shows the video. For
      losses on frames alone.
    loader: order, processes, what may fail.
  """

  files: tuple[ConversationSource, ...] = ()
  stories: tuple[StoriesOptions, ...] = ()
  row_tokens: int
  layout: str = 'conversation'
  sampling: str = 'paper'
  with_times: bool = True
  max_asked: int = 0
  label_grid: int = 0
  n_shown_segments: int | None = None
  loader: LoaderOptions = LoaderOptions()

  def __post_init__(self):
    check_known('layout', self.layout, LAYOUTS)
    check_known('sampling', self.sampling, SAMPLINGS)
    check_least(
      self, row_tokens=1, max_asked=0, label_grid=0, n_shown_segments=1
    )
    if self.max_asked and self.layout != 'side_by_side':
      raise ValueError(
        f'max_asked is {self.max_asked} and layout {self.layout!r}; where '
        "questions stand is told of 'side_by_side' only"
      )

  @classmethod
  def from_dict(cls, values: Mapping[str, Any]) -> 'DataOptions':
    """Options of plain types.

    Raises:
      BadInput: naming the entry that is missing, unknown or mistyped.
    """
    return from_json(cls, values, 'data')


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleMaker:
  """Makes a sample from an item of a source.

  Attributes:
    sources: where items and videos come from.
    options: how samples are made.
    sizes: of frames.
    rows: makes the text entries.
  """

  sources: tuple[Source, ...]
  options: DataOptions
  sizes: FrameSizes
  rows: RowMaker

  def __call__(
    self, source: int, index: int, rng: np.random.Generator
  ) -> dict[str, np.ndarray]:
    """The sample of one item, drawn anew with every generator.

    Raises:
      BadSample: the video cannot be read, or the text does not fit.
    """
    options, items = self.options, self.sources[source]
    item = items.item(index, rng)
    ids, keys = self._frame_numbers(rng)
    try:
      if item['video'] is None:
        video, duration_s, sample = None, None, self._no_frames(ids, keys)
      else:
        video = items.open(item)
        duration_s = time_scale_s(video, options.sampling)
        all_ids = frame_ids(video, options.sampling, self.sizes.n_frames)
        sample = self._frames(video, all_ids[ids], all_ids[keys])
    except (BadInput, OSError) as error:
      raise BadSample(f'{items.name}: {error}', 'video') from error
    try:
      text = self.rows(item['conversation'], duration_s)
    except BadInput as error:
      raise BadSample(f'{items.name}, item {index}: {error}', 'text') from error
    if options.label_grid:
      cells = cell_pairs(video.story, all_ids[ids], options.label_grid)
      sample['cell_pairs'] = cells
    if options.max_asked:
      times_s = video.times_s[all_ids[ids]]
      sample |= self._asked(item['asked'], text, times_s)
    return sample | text

  def _frame_numbers(self, rng):
    """Which of the video's frames the encoders see: all, and keyframes."""
    sizes, n_shown = self.sizes, self.options.n_shown_segments
    ids = np.arange(sizes.n_frames)
    if n_shown is None:
      return ids, np.array(sizes.keyframes)
    shown = np.sort(rng.permutation(len(sizes.keyframes))[:n_shown])
    ids = ids.reshape(len(sizes.keyframes), -1)[shown].reshape(-1)
    return ids, ids

  def _frames(self, video, ids, keys) -> dict[str, np.ndarray]:
    sizes = self.sizes
    return {
      'keyframes': _at_size(video.get(keys.tolist()), sizes.image_size),
      'frames': _at_size(video.get(ids.tolist()), sizes.video_size),
    }

  def _no_frames(self, ids, keys) -> dict[str, np.ndarray]:
    image, video = self.sizes.image_size, self.sizes.video_size
    return {
      'keyframes': np.zeros((len(keys), image, image, 3), np.uint8),
      'frames': np.zeros((len(ids), video, video, 3), np.uint8),
    }

  def _asked(self, asked, text, times_s) -> dict[str, np.ndarray]:
    """What hints need to know of each question."""
    most = self.options.max_asked
    if len(asked) > most:
      raise BadSample(
        f'{len(asked)} questions, max_asked is {most}; raise it', 'text'
      )
    first = [
      np.flatnonzero((text['turn'] == i + 1) & (text['labels'] != IGNORE))[0]
      for i in range(len(asked))
    ]
    empty = (0, most - len(asked))
    return {
      'asked_at': np.pad(np.array(first, np.int32), empty),
      'asked_pair': np.pad(
        np.array([one.pair for one in asked], np.int16),
        empty,
        constant_values=NOTHING,
      ),
      'shows_target': np.pad(
        np.array(
          [(one.start_s <= times_s) & (times_s < one.end_s) for one in asked]
        ),
        (empty, (0, 0)),
      ),
    }


def batches(
  options: DataOptions,
  rows: RowMaker,
  sizes: FrameSizes,
  **share: int,
) -> Batches:
  """Training batches of one host.

  Args:
    options: what and how.
    rows: makes the text entries.
    sizes: of frames.
    **share: see `mixed_batches`.

  Raises:
    BadInput: a data set cannot be read, or holds too little.
  """
  sources: Sequence[Source] = (
    *(open_conversations(source) for source in options.files),
    *(StoriesSource(options=stories) for stories in options.stories),
  )
  if options.files and (options.label_grid or options.max_asked):
    raise BadInput(
      f'label_grid is {options.label_grid} and max_asked is '
      f'{options.max_asked}, and what they tell is known of data.stories only; '
      'set them to 0 or leave files out'
    )
  maker = SampleMaker(sources=sources, options=options, sizes=sizes, rows=rows)
  return mixed_batches(maker, options, [len(one) for one in sources], **share)


def _at_size(
  frames: UInt8[np.ndarray, 'F h w 3'], size: int
) -> UInt8[np.ndarray, 'F size size 3']:
  if frames.shape[1:3] == (size, size):
    return frames
  return np.stack([pixels.resize_and_crop(frame, size) for frame in frames])
