"""What a TimeChat is trained on: options, samples, batches.

In:  a lesson: frames of a video or of a sequence, questions with their answers
Out: {'frames': uint8 [F h w 3], 'shown': bool [F R], the rows of each frame
      that are there, 'time_ids': int32 [F K], 'time_mask': bool [F K],
      'input_ids': int32 [T], 'places': int32 [T], 'labels': int32 [T],
      'attention_mask': bool [T]}
     and with hints what `sample_hints` tells

Nothing here loads jax: loader processes import it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from input_pipeline import pixels
from input_pipeline.augment import Augment, draw_view, show
from input_pipeline.frame_choice import even_frame_indices, train_frame_indices
from input_pipeline.loader import (
  BadSample,
  Batches,
  LoaderOptions,
  make_batches,
)
from input_pipeline.sequences.clip_sequences import (
  ClipSequenceFiles,
  open_clip_sequences,
)
from input_pipeline.sequences.image_sequences import (
  ImageSequenceFiles,
  open_image_sequences,
)
from input_pipeline.sequences.lesson import (
  SECONDS,
  Lesson,
  Lessons,
  shown_places,
)
from input_pipeline.sequences.long_videos import (
  ReleasedFiles,
  open_long_videos,
)
from input_pipeline.sequences.wording import (
  WritePlaces,
  plain,
  shown_message,
  turns_of,
)
from input_pipeline.training_sources import mixture_weights
from vtg_jax.errors import BadInput
from vtg_jax.systems.checks import check_known, check_least
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.timechat import chat
from vtg_jax.systems.timechat.sample_hints import hints
from vtg_jax.systems.timechat.sample_rows import RowMaker
from vtg_jax.systems.training.story_lessons import (
  DrawnClipSequences,
  DrawnImageSequences,
  DrawnVideos,
)

# How places are written in prompts and answers.
PLACES: dict[str, WritePlaces] = {
  'codes': chat.WRITE_CODES,
  'plain': plain,
}
# Which frames of a long video are shown.
SAMPLINGS = ('rand', 'even')
# Whose words the sentences of frames' times are made of.
TIME_TOKENIZERS = ('own', 'released')


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataOptions:
  """What to train on and how samples of it are made.

  Attributes:
    videos: conversations about videos, on disk.
    images: sequences of still images, on disk.
    clips: sequences of clips, on disk.
    drawn_videos: ShapeStories, made while training.
    drawn_images: sequences of their frames.
    drawn_clips: sequences of their events.
    row_tokens: length of every row of tokens, video tokens included.
    time_tokens: room for the sentence of a frame's time.
    places: of `PLACES`: digit tokens, or plain numbers.
    qformer_time_format: how that sentence tells it; see
      `chat.qformer_sentences`.
    time_tokenizer: 'own' reads it with the Q-Former's tokenizer, in which
      released models answer; 'released' as their training had it.
    sampling: 'rand' draws a frame of each stretch of a video, 'even' takes
      what evaluation does.
    random_crop: frames of videos are cropped at random, all alike.
    max_asked: samples also say, of so many events at most that answers tell,
      which frames show them, known of drawn data only; 0 leaves it out.
    loader: order, processes, what may fail.
  """

  videos: tuple[ReleasedFiles, ...] = ()
  images: tuple[ImageSequenceFiles, ...] = ()
  clips: tuple[ClipSequenceFiles, ...] = ()
  drawn_videos: tuple[DrawnVideos, ...] = ()
  drawn_images: tuple[DrawnImageSequences, ...] = ()
  drawn_clips: tuple[DrawnClipSequences, ...] = ()
  row_tokens: int
  time_tokens: int = 16
  places: str = 'codes'
  qformer_time_format: str = chat.RELATIVE_TEXT
  time_tokenizer: str = 'own'
  sampling: str = 'rand'
  random_crop: bool = False
  max_asked: int = 0
  loader: LoaderOptions = LoaderOptions()

  def __post_init__(self):
    check_known('places', self.places, tuple(PLACES))
    check_known(
      'qformer_time_format', self.qformer_time_format, chat.QFORMER_TIME_FORMATS
    )
    check_known('time_tokenizer', self.time_tokenizer, TIME_TOKENIZERS)
    check_known('sampling', self.sampling, SAMPLINGS)
    check_least(self, row_tokens=1, time_tokens=2, max_asked=0)

  @classmethod
  def from_dict(cls, values: Mapping[str, Any]) -> 'DataOptions':
    """Options of plain types.

    Raises:
      BadInput: naming the entry that is missing, unknown or mistyped.
    """
    return from_json(cls, values, 'data')

  @property
  def sets(self) -> tuple[Any, ...]:
    """Whatever is trained on, in the order in which sources come."""
    return (
      *self.videos, *self.images, *self.clips,
      *self.drawn_videos, *self.drawn_images, *self.drawn_clips,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shapes:
  """What the network asks of samples.

  Attributes:
    n_frames: most frames that are shown.
    image_size: pixels of a side of a frame.
    queries_a_frame: rows that stand for a frame, but for its time's words.
    keeps_text: these words stand for it, too.
    tokens_a_window: video tokens of a window of frames.
    stride: frames from one window to the next; 0 for one window.
  """

  n_frames: int
  image_size: int
  queries_a_frame: int
  keeps_text: bool
  tokens_a_window: int
  stride: int

  def n_video_tokens(self, n_frames: int) -> int:
    """Tokens of a video of so many frames."""
    n_windows = -(-n_frames // self.stride) if self.stride else 1
    return n_windows * self.tokens_a_window


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleMaker:
  """Makes a sample from a lesson of a source.

  Attributes:
    sources: of lessons.
    options: how samples are made.
    shapes: of frames and tokens.
    rows: makes the entries that are words.
  """

  sources: tuple[Lessons, ...]
  options: DataOptions
  shapes: Shapes
  rows: RowMaker

  def __call__(
    self, source: int, index: int, rng: np.random.Generator
  ) -> dict[str, np.ndarray]:
    """The sample of one lesson.

    Raises:
      BadSample: it cannot be read, or its text does not fit.
    """
    lessons = self.sources[source]
    lesson = lessons.lesson(index)
    if lesson.video is None:
      raise BadSample(f'{lessons.name}, item {index} shows nothing', 'video')
    ids = self._frame_ids(lesson, rng)
    try:
      sample = self._frames(lesson, ids, rng)
    except (BadInput, OSError) as error:
      raise BadSample(f'{lessons.name}: {error}', 'video') from error
    try:
      text = self._text(lesson, ids)
    except BadInput as error:
      raise BadSample(
        f'{lessons.name}, item {index}: {error}', 'text'
      ) from error
    if self.options.max_asked:
      turns = turns_of(lesson, PLACES[self.options.places])
      text |= hints(
        lesson,
        [turn.answer for turn in turns],
        ids,
        text['labels'],
        n_tokens=lambda said: len(self.rows.tokenizer.encode(said)),
        max_asked=self.options.max_asked,
        n_frames=self.shapes.n_frames,
      )
    return sample | text | {'faults': list(lesson.faults)}

  def _frame_ids(
    self, lesson: Lesson, rng: np.random.Generator
  ) -> Int64[np.ndarray, ' F']:
    """Which frames are shown: all of a sequence, some of a video."""
    n_there = lesson.video.n_frames
    n = min(self.shapes.n_frames, n_there)
    if lesson.unit != SECONDS or self.options.sampling == 'even':
      return even_frame_indices(n_there, n)
    return train_frame_indices(n_there, n, rng=rng)

  def _frames(self, lesson, ids, rng) -> dict[str, np.ndarray]:
    shapes, size = self.shapes, self.shapes.image_size
    shown = lesson.video.get(ids.tolist())
    if self.options.random_crop and lesson.unit == SECONDS:
      view = draw_view(Augment(size=size, flip='off'), *shown.shape[1:3], rng)
      shown = show(shown, view, size)
    frames = np.zeros((shapes.n_frames, size, size, 3), np.uint8)
    frames[: len(ids)] = _at_size(shown, size)
    return {'frames': frames}

  def _text(self, lesson, ids) -> dict[str, np.ndarray]:
    options, scale = self.options, lesson.scale
    write = PLACES[options.places]
    places = shown_places(lesson.unit, ids.tolist(), lesson.video.fps)
    row = self.rows.conversation(
      turns_of(lesson, write),
      f'{shown_message(scale, places, write)} ',
      self.shapes.n_video_tokens(len(ids)),
    )
    sentences = chat.qformer_sentences(
      places,
      time_format=options.qformer_time_format,
      duration_s=scale.length,
    )
    times = self.rows.times(sentences, self.shapes.n_frames)
    return row | times | {'shown': self._shown(times['time_mask'], len(ids))}

  def _shown(
    self, time_mask: Bool[np.ndarray, 'F K'], n_there: int
  ) -> Bool[np.ndarray, 'F R']:
    """Which rows of frames are looked at.

    Of words as many as the longest sentence of the video has, where others are
    filled up, as when the released model answers about it.
    """
    shapes, n_frames = self.shapes, len(time_mask)
    longest = int(time_mask.sum(1).max())
    is_word = np.arange(time_mask.shape[1]) < longest
    rows = np.ones(shapes.queries_a_frame, bool)
    if shapes.keeps_text:
      rows = np.concatenate([rows, is_word])
    return (np.arange(n_frames) < n_there)[:, None] & rows


def batches(
  options: DataOptions, rows: RowMaker, shapes: Shapes, **share: int
) -> Batches:
  """Training batches of one host.

  Args:
    options: what and how.
    rows: makes the entries that are words.
    shapes: of frames and tokens.
    **share: `batch_size`, `seed`, and where there are several hosts
      `process_index` and `process_count`; see `make_batches`.

  Raises:
    BadInput: a data set cannot be read, holds too little, or has sequences
      longer than what is shown.
  """
  size = shapes.image_size
  if options.max_asked and (options.videos or options.images or options.clips):
    raise BadInput(
      f'max_asked is {options.max_asked}, and what frames show is known of '
      'drawn data only; set it to 0 or leave files out'
    )
  longest = [
    *(one.rule.n_images for one in (*options.images, *options.drawn_images)),
    *(one.rule.n_frames for one in (*options.clips, *options.drawn_clips)),
  ]
  if max(longest, default=0) > shapes.n_frames:
    raise BadInput(
      f'a sequence has {max(longest)} frames and the model is shown '
      f'{shapes.n_frames}; lower its n_images or n_frames'
    )
  sources: Sequence[Lessons] = (
    *(open_long_videos(one, size=size) for one in options.videos),
    *(open_image_sequences(one, size=size) for one in options.images),
    *(open_clip_sequences(one, size=size) for one in options.clips),
    *(one.lessons(size) for one in options.drawn_videos),
    *(one.lessons(size) for one in options.drawn_images),
    *(one.lessons(size) for one in options.drawn_clips),
  )
  if not sources:
    raise BadInput(
      'there is nothing to train on; give data.videos, .images, .clips or '
      'drawn ones'
    )
  maker = SampleMaker(
    sources=tuple(sources), options=options, shapes=shapes, rows=rows
  )
  return make_batches(
    maker,
    [len(one) for one in sources],
    options.loader,
    weights=mixture_weights(options.sets),
    **share,
  )


def _at_size(
  frames: UInt8[np.ndarray, 'F h w 3'], size: int
) -> UInt8[np.ndarray, 'F size size 3']:
  """Frames of a cache, or drawn at another size, as the model takes them."""
  if frames.shape[1:3] == (size, size):
    return frames
  return np.stack([pixels.stretch(frame, size) for frame in frames])
