"""What a ReVisionLLM is trained on: options, samples, batches.

In:  an item: 'During which frames can we see it?' of seconds 31.2 to 35
Out: {'features': float32 [F D] of a window, or [R F D] of R of them,
      'input_ids': int32 [T], 'places': int32 [T], 'labels': int32 [T],
      'attention_mask': bool [T]}
     and above the dense level {'text': float32 [Q D], 'text_mask': bool [Q]}
     and with hints {'asked_pair': int32 [], 'row_pairs': int32 [V M]}, numbers
     in `words.PAIRS` of what each row of the video shows, -1 for nothing

Nothing here loads jax: loader processes import it.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from input_pipeline.loader import (
  BadSample,
  Batches,
  LoaderOptions,
  make_batches,
)
from input_pipeline.long_video.draws import NumpyDraws, Unusable
from input_pipeline.long_video.item import (
  NO,
  WORDINGS,
  YES,
  NegativeItems,
  WithNegatives,
)
from input_pipeline.long_video.negatives import NegativeKinds
from input_pipeline.long_video.retrieval import RetrievalOptions, draw_videos
from input_pipeline.long_video.sequence import SequenceOptions, draw_sequence
from input_pipeline.long_video.single import draw_sample, replaced
from input_pipeline.long_video.source import (
  LongVideoFiles,
  Source,
  open_source,
)
from input_pipeline.long_video.video_features import VideoFeatures
from input_pipeline.long_video.window import SAMPLERS, Window, WindowOptions
from input_pipeline.training_sources import mixture_weights
from vtg_jax.errors import BadInput
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.revisionllm.chapter_source import (
  ChapterSource,
  ChapterVideos,
)
from vtg_jax.systems.revisionllm.drawn_source import DrawnSource, DrawnVideos
from vtg_jax.systems.revisionllm.sample_rows import RowMaker

# What stands for the video in a row: windows of one, or several videos.
SHOWN = ('windows', 'videos')


@dataclasses.dataclass(frozen=True, kw_only=True)
class SequenceRule:
  """How sequences of windows are put together; see `SequenceOptions`."""

  zoom: int = 1
  fewest: int = 2
  most: int = 3
  absent: bool = False
  place: str = 'drawn'


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataOptions:
  """What to train on and how samples of it are made.

  Attributes:
    files: data sets on disk.
    drawn: videos that are made while training.
    chapters: videos put together from chapters whose features are at hand.
    hints: samples tell what is asked and what rows show; chapters know it.
    negatives: how many items are asked in vain.
    kinds: which windows are shown without an event.
    sequence: how sequences of windows are put together.
    sampler: 'fixed', or 'released' with what that gets wrong.
    keep_longer: see `WindowOptions`.
    double_short: see `WindowOptions`.
    wording: what is asked; see `item.WORDINGS`.
    shown: of `SHOWN`; 'videos' trains for text-to-video retrieval.
    yes_no: of one window or one video the answer is yes or no.
    text_tokens: room for question and answer in a row.
    query_words: words of a sentence whose features are shown; more are cut.
    loader: order, processes, what may fail.
  """

  files: tuple[LongVideoFiles, ...] = ()
  drawn: tuple[DrawnVideos, ...] = ()
  chapters: tuple[ChapterVideos, ...] = ()
  hints: bool = False
  negatives: NegativeItems = NegativeItems()
  kinds: NegativeKinds = NegativeKinds()
  sequence: SequenceRule = SequenceRule()
  sampler: str = 'fixed'
  keep_longer: bool = False
  double_short: bool = False
  wording: str = 'as_written'
  shown: str = 'windows'
  yes_no: bool = False
  text_tokens: int = 262
  query_words: int = 75
  loader: LoaderOptions = LoaderOptions()

  def __post_init__(self):
    for name, known in (
      ('sampler', SAMPLERS),
      ('wording', WORDINGS),
      ('shown', SHOWN),
    ):
      if getattr(self, name) not in known:
        raise ValueError(
          f'{name} {getattr(self, name)!r} is unknown; use one of {known}'
        )
    if self.hints and (self.files or self.drawn or self.shown != 'windows'):
      raise ValueError('hints are known of windows of chapters only; use those')
    for name in ('text_tokens', 'query_words'):
      if getattr(self, name) < 1:
        raise ValueError(f'{name} is {getattr(self, name)}; use 1 up')

  @classmethod
  def from_dict(cls, values: Mapping[str, Any]) -> 'DataOptions':
    """Options of plain types.

    Raises:
      BadInput: naming the entry that is missing, unknown or mistyped.
    """
    return from_json(cls, values, 'data')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shapes:
  """What the network asks of samples at one of its levels.

  Attributes:
    n_windows: windows of a sequence; None at the dense level.
    n_frames: frames of a window.
    window_s: its length, seconds.
    fps: feature frames of a second.
    width: channels of a feature.
  """

  n_windows: int | None
  n_frames: int
  window_s: float
  fps: float
  width: int

  def __post_init__(self):
    if self.window_s % 1:
      raise BadInput(
        f'windows of {self.window_s} s cannot be drawn; use whole seconds'
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleMaker:
  """Makes a sample from an item of a source.

  Attributes:
    sources: where items and features come from.
    options: how samples are made.
    shapes: of features.
    rows: makes the text entries.
  """

  sources: tuple[Source, ...]
  options: DataOptions
  shapes: Shapes
  rows: RowMaker

  def __call__(
    self, source: int, index: int, rng: np.random.Generator
  ) -> dict[str, np.ndarray]:
    """The sample of one item, or of another one of the source if it has none.

    Raises:
      BadSample: features cannot be read, or the text does not fit.
    """
    data = self.sources[source]
    draws = NumpyDraws(rng)
    try:
      drawn = self._drawn(data, self.items(source), index, draws)
      item, answer, frames, windows = drawn
      sample = {'features': frames}
      if self.options.hints:
        sample |= self._hints(data, item, windows)
      if self.shapes.n_windows is not None:
        text, mask = self._text(data.words(item.query_id))
        sample |= {'text': text, 'text_mask': mask}
    except Unusable as error:
      raise BadSample(f'{data.name}: {error}', 'moment') from error
    except (BadInput, OSError) as error:
      raise BadSample(f'{data.name}: {error}', 'features') from error
    try:
      question = item.question(self.options.wording)
      return sample | self.rows(question, answer)
    except (BadInput, ValueError) as error:
      raise BadSample(f'{data.name}, item {index}: {error}', 'text') from error

  def items(self, source: int) -> WithNegatives:
    """The items of a source, and those that are asked in vain."""
    return WithNegatives(self.sources[source].items, self.options.negatives)

  def _drawn(self, data, items, index, draws):
    """The item, the answer to it, features of frames, and of which windows."""
    options, shapes = self.options, self.shapes
    if options.shown == 'videos':
      return self._videos(data, items, index, draws)
    windows = WindowOptions(
      window_s=int(shapes.window_s),
      n_frames=shapes.n_frames,
      fps=shapes.fps,
      keep_longer=options.keep_longer,
      double_short=options.double_short,
      sampler=options.sampler,
    )
    if shapes.n_windows is None or shapes.n_windows == 1:
      item, window, answer = draw_sample(
        items, index, data.frames, windows, draws, kinds=options.kinds
      )
      if options.yes_no:
        answer = NO if item.negative else YES
      return item, answer, self._window(data, window), [window]
    sequence = SequenceOptions(
      n_windows=shapes.n_windows, **dataclasses.asdict(options.sequence)
    )
    item, shown, answer = draw_sequence(
      items, index, data.frames, windows, sequence, draws, kinds=options.kinds
    )
    frames = functools.cache(lambda window: self._window(data, window))
    return item, answer, np.stack([frames(window) for window in shown]), shown

  def _videos(self, data, items, index, draws):
    shapes = self.shapes
    retrieval = RetrievalOptions(
      n_videos=shapes.n_windows or 1, yes_no=self.options.yes_no
    )
    names = _videos_of(data)
    item, videos, answer = replaced(
      items, index, draws, lambda one: draw_videos(one, names, retrieval, draws)
    )
    frames = []
    for video in videos:
      features = data.frames(video)
      ids = np.linspace(0, len(features) - 1, shapes.n_frames).astype(np.int32)
      frames.append(self._rows_of(features, ids, video))
    shown = frames[0] if len(frames) == 1 else np.stack(frames)
    return item, answer, shown, ()

  def _hints(self, data, item, windows) -> dict[str, np.ndarray]:
    """What is asked, and what each row of the video shows."""
    of_windows = [
      data.shown(window.video, window.frame_ids(self.shapes.n_frames))
      for window in windows
    ]
    pairs = (
      of_windows[0]
      if self.shapes.n_windows is None
      else np.stack(of_windows).reshape(len(windows), -1)
    )
    asked = np.int32(data.pair_of(item.query_id))
    return {'asked_pair': asked, 'row_pairs': pairs}

  def _window(self, data: Source, window: Window) -> Float32[np.ndarray, 'F D']:
    ids = window.frame_ids(self.shapes.n_frames)
    return self._rows_of(data.frames(window.video), ids, window.video)

  def _rows_of(
    self, features: VideoFeatures, ids: np.ndarray, video: str
  ) -> Float32[np.ndarray, 'F D']:
    return self._checked(np.asarray(features[ids], np.float32), video)

  def _text(
    self, words: np.ndarray
  ) -> tuple[Float32[np.ndarray, 'Q D'], Bool[np.ndarray, ' Q']]:
    """Features of a sentence's words, filled up with zeros."""
    most = self.options.query_words
    words = self._checked(np.asarray(words, np.float32)[:most], 'a sentence')
    text = np.zeros((most, self.shapes.width), np.float32)
    text[: len(words)] = words
    return text, np.arange(most) < len(words)

  def _checked(self, features: np.ndarray, name: str) -> np.ndarray:
    if features.shape[-1] != self.shapes.width:
      raise BadInput(
        f'the features of {name!r} have {features.shape[-1]} channels, the '
        f'model {self.shapes.width}; give features of its encoder'
      )
    return features


def batches(
  options: DataOptions,
  rows: RowMaker,
  shapes: Shapes,
  *,
  batch_size: int,
  seed: int,
  process_index: int = 0,
  process_count: int = 1,
) -> Batches:
  """Training batches of one host, for one level.

  Args:
    options: what and how.
    rows: makes the text entries.
    shapes: of features.
    batch_size: samples in a batch, over all hosts together.
    seed: of order and of every draw.
    process_index: this host.
    process_count: hosts.

  Raises:
    BadInput: a data set cannot be read, or holds too little.
  """
  for files in options.files:
    if files.fps != shapes.fps:
      raise BadInput(
        f'{files.frames} has {files.fps} rows a second, the model takes '
        f'{shapes.fps}; give other features, or another start.model.fps'
      )
  n_shown = shapes.n_windows or 1
  if options.yes_no and n_shown > 1:
    raise BadInput(
      f'yes_no is asked of one window, and {n_shown} are shown; use '
      'data.yes_no=false'
    )
  if n_shown > 1 and n_shown % options.sequence.zoom:
    raise BadInput(
      f'{n_shown} windows are not shown {options.sequence.zoom} times '
      'each; use a data.sequence.zoom that divides them'
    )
  sources: Sequence[Source] = (
    *map(open_source, options.files),
    *(
      DrawnSource(options=drawn, width=shapes.width, fps=shapes.fps)
      for drawn in options.drawn
    ),
    *(
      ChapterSource(videos, width=shapes.width, fps=shapes.fps)
      for videos in options.chapters
    ),
  )
  if not sources:
    raise BadInput(
      'there is nothing to train on; give data.files, .drawn or .chapters'
    )
  maker = SampleMaker(
    sources=tuple(sources), options=options, shapes=shapes, rows=rows
  )
  return make_batches(
    maker,
    [len(maker.items(i)) for i in range(len(sources))],
    options.loader,
    batch_size=batch_size,
    seed=seed,
    weights=mixture_weights(
      (*options.files, *options.drawn, *options.chapters)
    ),
    process_index=process_index,
    process_count=process_count,
  )


@functools.lru_cache(maxsize=8)
def _videos_of(data: Source) -> tuple[str, ...]:
  """The videos of a source, in the order in which sentences name them."""
  return tuple(dict.fromkeys(item.video for item in data.items))
