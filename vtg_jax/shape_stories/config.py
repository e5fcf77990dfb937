"""Every knob of the world, and its three named difficulties."""

import dataclasses
import math
from typing import Any, Literal

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.words import N_PARAPHRASES

Combinations = Literal['seen', 'unseen', 'all']
COMBINATIONS = ('seen', 'unseen', 'all')
# Kept free, so that events always find a place in time.
_MOST_LOAD = 0.6


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoryConfig:
  """How difficult the stories are. Lengths are fractions of the frame's side.

  Attributes:
    duration_s: shortest and longest video, seconds.
    fps: frames per second; videos and events begin and end on frames.
    width: pixels across a file's frame.
    height: pixels down a file's frame.
    n_events: fewest and most events in a video.
    event_frac: shortest and longest event, as a fraction of the video.
    max_concurrent: most events at the same time, 1 to 4.
    combinations: 'seen' shows no held-out pair of object and action, 'unseen'
      asks about held-out pairs only, 'all' makes no difference.
    object_distractors: share of videos made to hold two events of one object
      with different actions; more come by chance.
    action_distractors: share made to hold two objects with one action.
    n_paraphrases: different sentences about one event, 1 to N_PARAPHRASES.
    diameter: smallest and largest object.
    place_jitter: most by which an object is off its place, each way.
    period_s: shortest and longest time in which an action repeats.
    trail_s: length of the afterimages, in seconds of an object's way.
    trail_strength: how visible afterimages are, 0 to 1; at 0 an action shows
      only over several frames.
    n_clutter: grey shapes that stand still in the background.
    background_contrast: of the background's texture, 0 to 1.
    background_drift: most by which the texture moves in a second.
    camera_pan: most by which the camera swings to each side.
    camera_zoom: most by which the camera zooms in or out.
    camera_jitter: most by which a single frame is displaced.
    brightness_noise: most by which a single frame is brighter or darker.
  """

  duration_s: tuple[float, float]
  fps: float
  width: int
  height: int
  n_events: tuple[int, int]
  event_frac: tuple[float, float]
  max_concurrent: int
  combinations: Combinations
  object_distractors: float
  action_distractors: float
  n_paraphrases: int
  diameter: tuple[float, float]
  place_jitter: float
  period_s: tuple[float, float]
  trail_s: float
  trail_strength: float
  n_clutter: int
  background_contrast: float
  background_drift: float
  camera_pan: float
  camera_zoom: float
  camera_jitter: float
  brightness_noise: float

  def __post_init__(self) -> None:
    for field in dataclasses.fields(self):
      value = getattr(self, field.name)
      if isinstance(value, list):  # as JSON gives it
        object.__setattr__(self, field.name, value := tuple(value))
      _check(field.name, value)
    # Two events may be of one object, which does one thing at a time.
    load = max(self.n_events[1] / self.max_concurrent, min(self.n_events[1], 2))
    if load * self.event_frac[0] > _MOST_LOAD:
      raise BadInput(
        f'n_events {self.n_events} of event_frac {self.event_frac} do not fit '
        f'with max_concurrent {self.max_concurrent}; ask for fewer or shorter '
        'events'
      )
    if self.event_frac[0] * self.duration_s[0] * self.fps < 1:
      raise BadInput(
        f'event_frac {self.event_frac} of {self.duration_s[0]} s is less than '
        f'a frame at {self.fps} frames per second; make events longer'
      )

  def replace(self, **changes: Any) -> 'StoryConfig':
    """This configuration with some knobs turned."""
    return dataclasses.replace(self, **changes)

  def to_dict(self) -> dict[str, Any]:
    """The knobs as JSON can hold them."""
    return {
      name: list(value) if isinstance(value, tuple) else value
      for name, value in dataclasses.asdict(self).items()
    }


def standard(**changes: Any) -> StoryConfig:
  """The difficulty at which scores are reported."""
  config = StoryConfig(
    duration_s=(24.0, 72.0),
    fps=8.0,
    width=128,
    height=128,
    n_events=(3, 6),
    event_frac=(0.05, 0.4),
    max_concurrent=3,
    combinations='seen',
    object_distractors=0.4,
    action_distractors=0.4,
    n_paraphrases=N_PARAPHRASES,
    diameter=(0.28, 0.34),
    place_jitter=0.025,
    period_s=(0.8, 1.8),
    trail_s=1.0,
    trail_strength=1.0,
    n_clutter=3,
    background_contrast=0.35,
    background_drift=0.03,
    camera_pan=0.03,
    camera_zoom=0.05,
    camera_jitter=0.008,
    brightness_noise=0.04,
  )
  return config.replace(**changes)


def easy(**changes: Any) -> StoryConfig:
  """One plain sentence an event, one event at a time, a still camera."""
  config = standard(
    n_events=(2, 3),
    event_frac=(0.1, 0.3),
    max_concurrent=1,
    object_distractors=0.0,
    action_distractors=0.0,
    n_paraphrases=1,
    n_clutter=0,
    background_contrast=0.1,
    background_drift=0.0,
    camera_pan=0.0,
    camera_zoom=0.0,
    camera_jitter=0.0,
    brightness_noise=0.0,
  )
  return config.replace(**changes)


def hard(**changes: Any) -> StoryConfig:
  """Longer videos, shorter events, smaller objects, faint afterimages."""
  config = standard(
    duration_s=(60.0, 180.0),
    n_events=(5, 8),
    event_frac=(0.03, 0.3),
    max_concurrent=4,
    object_distractors=0.8,
    action_distractors=0.8,
    diameter=(0.2, 0.3),
    place_jitter=0.04,
    trail_strength=0.4,
    n_clutter=8,
    background_contrast=0.6,
    background_drift=0.06,
    camera_pan=0.06,
    camera_zoom=0.12,
    camera_jitter=0.02,
    brightness_noise=0.1,
  )
  return config.replace(**changes)


PRESETS = {'standard': standard, 'easy': easy, 'hard': hard}

# Least and most that a knob may be.
_BOUNDS = {
  'duration_s': (0.1, 36_000.0),
  'fps': (0.1, 240.0),
  'width': (8, 4096),
  'height': (8, 4096),
  'n_events': (1, 32),
  'event_frac': (0.001, 1.0),
  'max_concurrent': (1, 4),
  'object_distractors': (0.0, 1.0),
  'action_distractors': (0.0, 1.0),
  'n_paraphrases': (1, N_PARAPHRASES),
  'diameter': (0.05, 0.5),
  'place_jitter': (0.0, 0.2),
  'period_s': (0.1, 60.0),
  'trail_s': (0.0, 2.0),
  'trail_strength': (0.0, 1.0),
  'n_clutter': (0, 32),
  'background_contrast': (0.0, 1.0),
  'background_drift': (0.0, 10.0),
  'camera_pan': (0.0, 0.2),
  'camera_zoom': (0.0, 0.3),
  'camera_jitter': (0.0, 0.1),
  'brightness_noise': (0.0, 0.5),
}
_RANGES = ('duration_s', 'n_events', 'event_frac', 'diameter', 'period_s')
_WHOLE = (
  'width',
  'height',
  'n_events',
  'max_concurrent',
  'n_paraphrases',
  'n_clutter',
)


def _check(name: str, value: Any) -> None:
  if name == 'combinations':
    if value not in COMBINATIONS:
      raise BadInput(
        f'combinations {value!r} is unknown; use one of {COMBINATIONS}'
      )
    return
  low, high = _BOUNDS[name]
  whole = name in _WHOLE
  if name in _RANGES:
    check_range(name, value, low, high, whole=whole)
  elif not _all_within((value,), low, high, whole=whole):
    _refuse(name, value, 'a number', low, high, whole=whole)


def check_range(
  name: str, value: Any, low: float, high: float, *, whole: bool
) -> None:
  """Refuses what is no rising pair of numbers between two bounds.

  Raises:
    BadInput: it is none.
  """
  is_pair = isinstance(value, tuple) and len(value) == 2
  if not (
    is_pair
    and _all_within(value, low, high, whole=whole)
    and value[0] <= value[1]
  ):
    _refuse(name, value, 'a rising pair of numbers', low, high, whole=whole)


def _all_within(numbers, low, high, *, whole: bool) -> bool:
  kinds = int if whole else (int, float)
  return all(
    isinstance(x, kinds)
    and not isinstance(x, bool)
    and math.isfinite(x)
    and low <= x <= high
    for x in numbers
  )


def _refuse(name, value, what, low, high, *, whole: bool) -> None:
  suffix = ', whole' if whole else ''
  raise BadInput(
    f'{name} {value!r} cannot be; give {what} from {low:g} to {high:g}{suffix}'
  )
