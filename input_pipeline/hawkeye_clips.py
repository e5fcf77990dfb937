"""What a training sample shows of its video, and the answer true of that.

Every time an item is used another stretch of its video is drawn, so the same
sentence has another answer; then the frames within that stretch are chosen.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from input_pipeline import frame_choice, hawkeye_samples
from vtg_jax.moments import coarse, coarse_crop
from vtg_jax.moments.options import lettered, with_options

CROPS = ('negative_span', 'whole_span', 'whole_video')
FRAME_CHOICES = ('rand', 'middle', 'evaluation', 'timestamp')
SHUFFLES = ('once', 'every_time')


class Video(Protocol):
  """What is asked of a video here; `FrameStore` is one."""

  n_frames: int
  fps: float
  times_s: Float64[np.ndarray, 'F']
  duration_s: float
  is_folder: bool

  def frame_at(self, times_s: Sequence[float]) -> Int64[np.ndarray, 'F']: ...

  def get(self, frame_ids: Sequence[int]) -> UInt8[np.ndarray, 'F h w 3']: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipOptions:
  """How a sample's stretch of video, frames and options are drawn.

  Attributes:
    crop: 'negative_span' draws a crop inside the negative span, 'whole_span'
      shows all of it, 'whole_video' the video; the last two are answered by
      the strict rule.
    frame_choice: 'rand' and 'middle' are the paper's training and test draws,
      'evaluation' the frames its evaluation takes of an interval,
      'timestamp' ours.
    shuffle: 'once' keeps the options in the item's order, as the paper's
      files have it; 'every_time' draws another order for each sample.
    view_share: share of the samples with times that show an interval of the
      search instead, reached by right answers from the whole video.
    view_rounds: most answers before such an interval; 0 to that many are
      equally likely.
    tell_times: whether the text says when the frames were taken.

  Deviates: the paper has 'negative_span', 'rand', 'once', no such share.
  """

  crop: str = 'negative_span'
  frame_choice: str = 'rand'
  shuffle: str = 'once'
  view_share: float = 0.0
  view_rounds: int = 3
  tell_times: bool = True

  def __post_init__(self):
    for name, known in (
      ('crop', CROPS),
      ('frame_choice', FRAME_CHOICES),
      ('shuffle', SHUFFLES),
    ):
      if getattr(self, name) not in known:
        raise ValueError(
          f'{name} {getattr(self, name)!r} is unknown; use one of {known}'
        )
    if not 0 <= self.view_share <= 1:
      raise ValueError(f'view_share {self.view_share} is no share; use 0 to 1')
    if self.view_rounds < 0:
      raise ValueError(f'view_rounds {self.view_rounds} is below 0')


class Clip(NamedTuple):
  """A stretch of a video, and the turns that are true of it.

  Attributes:
    bounds_s: start and end; None for the whole video.
    turns: 'q' and 'a' as texts.
    target: the moment that they are about; None where there is none.
  """

  bounds_s: tuple[float, float] | None
  turns: list[dict[str, Any]]
  target: coarse_crop.TargetSpan | None = None

  def shows_target(
    self, times_s: Float64[np.ndarray, 'F']
  ) -> Bool[np.ndarray, 'F']:
    """Whether each of some times, seconds in the video, is of the moment."""
    if self.target is None:
      return np.zeros(len(times_s), bool)
    target = self.target
    return (target.start_s <= times_s) & (times_s < target.end_s)


class ChosenFrames(NamedTuple):
  """Frames of a clip.

  Attributes:
    ids: numbers of the frames in the video.
    times_s: when they were taken, as the text tells it.
  """

  ids: Int64[np.ndarray, 'F']
  times_s: Sequence[float]


def draw_clip(
  item: Mapping[str, Any],
  duration_s: float,
  options: ClipOptions,
  *,
  num_frames: int,
  rng: np.random.Generator,
) -> Clip:
  """Draws what a sample of an item shows.

  Args:
    item: see `training_items`.
    duration_s: length of its video.
    options: see there.
    num_frames: frames that will be chosen.
    rng: source of the draws.
  """
  turns = hawkeye_samples.shuffle_turns(item['QA'], rng)
  turn = turns[0]
  if isinstance(turn['q'], str) and isinstance(turn['a'], str):
    bounds_s = None
    if item.get('start') is not None:
      bounds_s = (item['start'], item['end'])
    return Clip(bounds_s, [dict(turn) for turn in turns])
  if options.shuffle == 'every_time' and isinstance(turn['q'], str):
    turn = reorder_options(turn, rng.permutation(len(turn['a'])))
  span = hawkeye_samples.target_span(turn)
  crop = _draw_crop(span, duration_s, options, num_frames, rng)
  return Clip(
    (crop.start_s, crop.end_s),
    [hawkeye_samples.fix_category(turn, crop.category)],
    span,
  )


def reorder_options(
  turn: Mapping[str, Any], order: Sequence[int]
) -> dict[str, Any]:
  """Returns the turn with its lettered options in another order.

  In:  {'q': 'When?\\nOptions:\\n(A) x\\n(B) y',
        'a': [['end', '(A) x'], ['middle', '(B) y']]}, [1, 0]
  Out: {'q': 'When?\\nOptions:\\n(A) y\\n(B) x',
        'a': [['middle', '(A) y'], ['end', '(B) x']]}
  """
  pairs = [turn['a'][i] for i in order]
  lines = lettered(text.partition(') ')[2] for _, text in pairs)
  question, _, _ = turn['q'].partition('\nOptions:\n')
  return {
    **turn,
    'q': with_options(question, lines),
    'a': [
      [category, line] for (category, _), line in zip(pairs, lines, strict=True)
    ],
  }


def interval_of_search(
  span: coarse_crop.TargetSpan, duration_s: float, n_rounds: int
) -> coarse_crop.Crop:
  """The interval after some right answers from the whole video on.

  Fewer where the right answer is 'throughout', which ends a search.

  Args:
    span: where the target is.
    duration_s: length of the video.
    n_rounds: answers to give first.
  """
  path = coarse.path_of_span(
    span.start_s, span.end_s, duration_s, max_rounds=n_rounds
  )
  start_s, end_s = coarse.span_of_path(duration_s, path)
  return coarse_crop.whole_crop(
    dataclasses.replace(span, negative_start_s=start_s, negative_end_s=end_s)
  )


def choose_frames(
  video: Video,
  bounds_s: tuple[float, float] | None,
  how: str,
  *,
  num_frames: int,
  rng: np.random.Generator,
) -> ChosenFrames:
  """Chooses the frames of a clip.

  Args:
    video: its video.
    bounds_s: start and end of the clip; None for all of it.
    how: one of FRAME_CHOICES.
    num_frames: how many.
    rng: taken from by 'rand' only.

  Source: HawkEye `get_frame_indices` and `get_index`.
  """
  if how in ('rand', 'middle'):
    start, end = frame_choice.clip_fractions(
      bounds_s, video.n_frames, video.fps
    )
    place = {'start_frac': start, 'end_frac': end}
    if how == 'rand':
      ids = frame_choice.train_frame_indices(
        video.n_frames, num_frames, rng=rng, **place
      )
    else:
      ids = frame_choice.middle_frame_indices(
        video.n_frames, num_frames, **place
      )
    since_start = frame_choice.clip_relative_indices(ids, video.n_frames, start)
    times_s = frame_choice.message_times_s(since_start, video.fps)
    return ChosenFrames(np.clip(ids, 0, video.n_frames - 1), times_s)
  if how == 'evaluation':
    max_frame = video.n_frames - (0 if video.is_folder else 1)
    ids = frame_choice.eval_frame_indices(
      bounds_s, video.fps, max_frame, num_frames
    )
    told_from_s = 0.0 if video.is_folder or not bounds_s else bounds_s[0]
    times_s = frame_choice.message_times_s(
      ids, video.fps, bound_start_s=told_from_s
    )
    return ChosenFrames(np.clip(ids, 0, video.n_frames - 1), times_s)
  start_s, end_s = bounds_s or (0.0, video.duration_s)
  centres_s = frame_choice.timestamp_frame_times(start_s, end_s, num_frames)
  inside_s = np.clip(centres_s, 0, video.duration_s)
  return ChosenFrames(video.frame_at(inside_s), centres_s - start_s)


def _draw_crop(
  span: coarse_crop.TargetSpan,
  duration_s: float,
  options: ClipOptions,
  num_frames: int,
  rng: np.random.Generator,
) -> coarse_crop.Crop:
  if options.view_share and rng.random() < options.view_share:
    n_rounds = int(rng.integers(options.view_rounds + 1))
    return interval_of_search(span, duration_s, n_rounds)
  if options.crop == 'whole_video':
    return interval_of_search(span, duration_s, 0)
  if options.crop == 'whole_span':
    return coarse_crop.whole_crop(span)
  return coarse_crop.random_crop(span, rng.random, num_frames=num_frames)
