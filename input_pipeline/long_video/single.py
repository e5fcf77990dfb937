"""One window for one item: what the first level is trained on.

|------------------------- video --------------------------------|
      |-------- window --------|
             |- event -|            -> 'From 35 to 52.'
                                   |---- another window ----|
                                                    -> 'Not Present'
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from input_pipeline.long_video.draws import MOST_DRAWS, Draws, Unusable
from input_pipeline.long_video.item import MomentItem
from input_pipeline.long_video.negatives import (
  RANDOM,
  NegativeKinds,
  NegativeWindows,
)
from input_pipeline.long_video.video_features import VideoFeatures
from input_pipeline.long_video.window import (
  SCALED,
  UNITS,
  Window,
  WindowOptions,
  in_own_time,
  window_around,
)
from vtg_jax.moments.frame_answers import frame_label

# The features of a video, by its key.
OpenVideo = Callable[[str], VideoFeatures]
Sample = TypeVar('Sample')


class WindowSample(NamedTuple):
  """What is shown for an item.

  Attributes:
    item: that it is shown for.
    window: what is shown.
    answer: to the item's question.
  """

  item: MomentItem
  window: Window
  answer: str


def draw_sample(
  items: Sequence[MomentItem],
  index: int,
  open_video: OpenVideo,
  options: WindowOptions,
  draws: Draws,
  *,
  kinds: NegativeKinds = RANDOM,
) -> WindowSample:
  """A sample of item `index`, or of another one if that has none.

  Args:
    items: positive and negative.
    index: of the one that is asked for.
    open_video: gives a video's features.
    options: how windows are cut.
    draws: random numbers.
    kinds: which windows are shown for negative items.

  Raises:
    Unusable: none of many items has a sample.
    BadInput: features cannot be read.
  """

  def sample(item):
    features = open_video(item.video)
    return draw_window(item, features, options, draws, kinds=kinds)

  return replaced(items, index, draws, sample)


def replaced(
  items: Sequence[MomentItem],
  index: int,
  draws: Draws,
  sample: Callable[[MomentItem], Sample],
) -> Sample:
  """sample(items[index]), or of random others until one can be used.

  Raises:
    Unusable: none of many items has a sample.
  """
  fault = None
  for _ in range(MOST_DRAWS):
    try:
      return sample(items[index])
    except Unusable as error:
      fault = error
    index = draws.choice(range(len(items)))
  raise Unusable(f'none of {MOST_DRAWS} items can be used: {fault}')


def draw_window(
  item: MomentItem,
  features: VideoFeatures,
  options: WindowOptions,
  draws: Draws,
  *,
  kinds: NegativeKinds = RANDOM,
) -> WindowSample:
  """The window of an item: with the event, or without it if it is negative.

  Args:
    item: any.
    features: of its video.
    options: how windows are cut.
    draws: random numbers.
    kinds: which windows are shown if it is negative.

  Raises:
    Unusable: the event is too long, the video too short, or no window misses
      the event.
  """
  check_long_enough(item, features, options)
  timed, options = in_own_time(item, options)
  if timed.source == SCALED:
    window = _whole(item, features)
  elif item.negative:
    window = NegativeWindows(timed, features, options, kinds).draw(draws)
  else:
    window = positive_window(timed, features, options, draws)
  labels = (
    frame_label(time_s - window.start_s, window.window_s, options.n_frames)
    for time_s in (timed.start_s, timed.end_s)
  )
  return WindowSample(item, window, item.answered(*labels))


def positive_window(
  item: MomentItem,
  features: VideoFeatures,
  options: WindowOptions,
  draws: Draws,
) -> Window:
  """A random window with the event of an item, which is in its own time.

  Deviates: as released a window of a video whose features end before the event
  does not show it, and is labelled as if it did.

  Raises:
    Unusable: the event is too long, or after the last frame.
  """
  window = window_around(
    item, item.start_s, item.end_s, len(features), options, draws
  )
  if options.sampler == 'fixed' and window.end / options.fps < item.start_s:
    raise Unusable(
      f'the features of {item.video!r} end before {item.query_id!r}'
    )
  return window


def check_long_enough(
  item: MomentItem, features: VideoFeatures, options: WindowOptions
) -> None:
  """Raises Unusable for a video with fewer frames than a window shows."""
  if len(features) < options.n_frames:
    raise Unusable(
      f'video {item.video!r} has {len(features)} frames, a window shows '
      f'{options.n_frames}'
    )


def _whole(item: MomentItem, features: VideoFeatures) -> Window:
  if item.negative:
    raise Unusable(f'the whole video is shown for {item.query_id!r}')
  return Window(
    video=item.video,
    start=0,
    end=len(features) - 1,
    start_s=0.0,
    window_s=UNITS,
  )
