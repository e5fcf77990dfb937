"""Windows of a long video, with an event in them or without it.

    |------------------------- video --------------------------------|
          |-------- window --------|    |---- another window ----|
                 |- event -|

Draws are taken in the released order, so that a record of them gives the
released windows.

Source: ReVisionLLM's data set code, and its facts in section 5.3.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Int32

from input_pipeline.long_video.draws import MOST_DRAWS, Draws, Unusable
from input_pipeline.long_video.item import MomentItem

# 'released' keeps what the published code gets wrong; see each use.
SAMPLERS = ('fixed', 'released')
# Items of this source have a time scale of their own, so many units a video.
SCALED, UNITS = 'stage2', 100.0
# Items of this source are looked at twice as closely in short videos.
CHAPTERS, CHAPTERS_FPS = 'vidchapters7m', 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowOptions:
  """How windows are cut and labelled.

  Attributes:
    window_s: length of a window, whole seconds.
    n_frames: frames that are shown of it.
    fps: frames per second of the features.
    keep_longer: shows what there is of an event that is longer than a window,
      which is otherwise left out.
    double_short: looks twice as closely at chapters of a video that is shorter
      than two windows.
    sampler: of `SAMPLERS`.
  """

  window_s: int
  n_frames: int
  fps: float
  keep_longer: bool = False
  double_short: bool = False
  sampler: str = 'fixed'

  def __post_init__(self):
    if self.sampler not in SAMPLERS:
      raise ValueError(
        f'sampler {self.sampler!r} is unknown; use one of {SAMPLERS}'
      )
    for name, least in (('window_s', 2), ('n_frames', 2)):
      if getattr(self, name) < least:
        raise ValueError(f'{name} is {getattr(self, name)}; use {least} up')
    if not self.fps > 0:
      raise ValueError(f'fps is {self.fps}; use a positive number')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
  """A stretch of a video, in frames of its features.

  Attributes:
    video: whose.
    start: first frame.
    end: last frame, which is shown.
    start_s: when it starts, seconds of the item's time.
    window_s: its nominal length, seconds.
  """

  video: str
  start: int
  end: int
  start_s: float
  window_s: float

  def frame_ids(self, n_frames: int) -> Int32[np.ndarray, ' F']:
    """Which frames are shown: from the first to the last, evenly."""
    return np.linspace(self.start, self.end, n_frames).astype(np.int32)

  def meets(self, start_s: float, end_s: float) -> bool:
    """Whether some of an event is in it; touching counts."""
    return start_s <= self.start_s + self.window_s and self.start_s <= end_s


def window_without(
  item: MomentItem,
  n_video: int,
  options: WindowOptions,
  draws: Draws,
  *,
  in_sequence: bool = False,
) -> Window:
  """A random window without the event.

  Deviates: as released it is drawn around a second that lies outside the
  event, and may slide back over it; we draw again then. In a sequence the
  release does, too.

  Args:
    item: in its own time.
    n_video: frames of its video's features.
    options: how.
    draws: random numbers.
    in_sequence: it is one of many windows of a sequence; as released it then
      lies after the event only where there is no room before it.

  Raises:
    Unusable: there is none, or none was found.
  """
  checked = in_sequence or options.sampler == 'fixed'
  for _ in range(MOST_DRAWS):
    start_s = _second_outside(
      item,
      options.window_s,
      draws,
      before=in_sequence and options.sampler == 'released',
    )
    window = window_around(item, start_s, start_s + 1, n_video, options, draws)
    if not (checked and window.meets(item.start_s, item.end_s)):
      return window
  raise Unusable(
    f'no window of video {item.video!r} without {item.query_id!r} was found'
  )


def window_around(
  item: MomentItem,
  start_s: float,
  end_s: float,
  n_video: int,
  options: WindowOptions,
  draws: Draws,
) -> Window:
  """A window that a stretch of the video lies at a random place of.

  Args:
    item: whose video it is.
    start_s: of the stretch, seconds.
    end_s: of the stretch, seconds.
    n_video: frames of the video's features.
    options: how.
    draws: random numbers.

  Raises:
    Unusable: the stretch is longer than a window.
  """
  length_s = math.ceil(end_s - start_s)
  if length_s < options.window_s:
    start_s = max(0, start_s - draws.randrange(options.window_s - length_s))
  elif not options.keep_longer:
    raise Unusable(
      f'{item.query_id!r} is {length_s} s long, a window {options.window_s} s'
    )
  return window_at(item.video, start_s, n_video, options)


def window_at(
  video: str, start_s: float, n_video: int, options: WindowOptions
) -> Window:
  """The window that starts at a time, or as late as there are frames for it.

  Deviates: where the whole video is shorter than a window, the release counts
  its frames as if it were not, and labels none of them rightly; our window is
  as short.

  Args:
    video: its key.
    start_s: seconds.
    n_video: frames of the video's features.
    options: how.
  """
  window_s = options.window_s
  start = round(start_s * options.fps)
  end = round((start_s + window_s) * options.fps)
  if end > n_video - 1:
    end = n_video - 1
    start = end - round(window_s * options.fps)
    if start < 0 and options.sampler == 'fixed':
      window_s = end / options.fps
    start = max(0, start)
    start_s = start / options.fps
  return Window(
    video=video, start=start, end=end, start_s=start_s, window_s=window_s
  )


def in_own_time(
  item: MomentItem, options: WindowOptions
) -> tuple[MomentItem, WindowOptions]:
  """The item and the options in the time that windows of it are cut in.

  Deviates: where `double_short` stretches time the release also doubles the
  frames per second of features that have no more of them, and labels what is
  not shown; we halve them.
  """
  if item.duration_s is None:
    raise Unusable(f'{item.query_id!r} has no duration')
  if item.source == SCALED:
    return _stretched(item, UNITS / item.duration_s), options
  short = item.duration_s < 2 * options.window_s
  chapters = item.source == CHAPTERS and options.fps == CHAPTERS_FPS
  if options.double_short and chapters and short:
    factor = 2 if options.sampler == 'released' else 0.5
    fps = options.fps * factor
    return _stretched(item, 2), dataclasses.replace(options, fps=fps)
  return item, options


def _stretched(item: MomentItem, factor: float) -> MomentItem:
  return dataclasses.replace(
    item,
    start_s=item.start_s * factor,
    end_s=item.end_s * factor,
    duration_s=item.duration_s * factor,
  )


def _second_outside(
  item: MomentItem, window_s: int, draws: Draws, *, before: bool
) -> int:
  """When a second starts that is outside the event, with room for a window.

  With `before` it is in front of the event where there is room.
  """

  def between(first, last):
    if last < first:
      raise Unusable(
        f'video {item.video!r} has no room for a window without '
        f'{item.query_id!r}'
      )
    return draws.randint(first, last)

  last = math.floor(item.duration_s - window_s - 1)
  if item.start_s <= window_s + 1:
    return between(math.ceil(item.end_s) + 1, last)
  after = draws.randint(0, 1) == 0
  fits = item.end_s < math.floor(item.duration_s) - window_s - 2
  if after and fits and not before:
    return between(math.ceil(item.end_s) + 1, last)
  return draws.randint(0, math.floor(item.start_s) - window_s - 1)
