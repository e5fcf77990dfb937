"""Small drawn videos in which a few nameable things happen at known times.

    story = random_story(StoryConfig(n_events=3), seed=7)
    story.events[0].caption      # 'a red circle moves from left to right'
    story.events[0].start_s      # 4.2
    for frame in render(story): ...

A coloured shape does one thing at a time before a slowly drifting background;
outside the events nothing but the background is seen.
"""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

COLOURS = {
  'red': (214, 40, 40),
  'blue': (38, 84, 220),
  'green': (36, 150, 64),
  'yellow': (244, 205, 30),
  'white': (250, 250, 250),
}
# Corners on a circle of radius 1, or None for the circle itself; 'y' is down.
_SPIKES = [1 if i % 2 == 0 else 0.42 for i in range(10)]
SHAPES = {
  'circle': None,
  'square': [(1, math.pi / 4 + i * math.pi / 2) for i in range(4)],
  'triangle': [(1, -math.pi / 2 + i * 2 * math.pi / 3) for i in range(3)],
  'star': [
    (radius, -math.pi / 2 + i * math.pi / 5) for i, radius in enumerate(_SPIKES)
  ],
}
ACTIONS = {
  'moves right': 'moves from left to right',
  'moves left': 'moves from right to left',
  'falls': 'falls from top to bottom',
  'rises': 'rises from bottom to top',
  'grows': 'grows larger',
  'spins': 'spins around',
  'blinks': 'blinks on and off',
}
_TURNS_PER_S = 0.5
_BLINKS_PER_S = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
  """One shape doing one thing from `start_s` to `end_s`, in seconds."""

  start_s: float
  end_s: float
  colour: str
  shape: str
  action: str

  def __post_init__(self) -> None:
    if not 0 <= self.start_s < self.end_s:
      raise ValueError(f'event {self.start_s} to {self.end_s} s is no interval')
    if self.shape == 'circle' and self.action == 'spins':
      raise ValueError('a spinning circle cannot be seen to spin; use a square')

  @property
  def caption(self) -> str:
    """A sentence such as 'a red circle moves from left to right'."""
    return f'a {self.colour} {self.shape} {ACTIONS[self.action]}'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Story:
  """A video to draw.

  Attributes:
    events: what happens, sorted by time, without overlap.
    duration_s: seconds of the whole.
    fps: frames per second.
    width: pixels across.
    height: pixels down.
    hue_frac: hue of the background, in 0..1.
  """

  events: tuple[Event, ...]
  duration_s: float
  fps: float = 12.0
  width: int = 320
  height: int = 240
  hue_frac: float = 0.55

  def __post_init__(self) -> None:
    ends_s = [0.0, *(event.end_s for event in self.events)]
    starts_s = [*(event.start_s for event in self.events), self.duration_s]
    for end_s, start_s in zip(ends_s, starts_s, strict=True):
      if start_s < end_s:
        raise ValueError(
          f'an event starts at {start_s} s, before {end_s} s; sort events, '
          'keep them apart and within duration_s'
        )

  @property
  def n_frames(self) -> int:
    return round(self.duration_s * self.fps)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoryConfig:
  """What random stories have in common.

  Attributes:
    n_events: events in a story, each of another caption.
    duration_s: seconds of the story.
    event_s: shortest and longest event, in seconds.
    fps: frames per second; events start and end on frames.
    width: pixels across.
    height: pixels down.
  """

  n_events: int = 3
  duration_s: float = 30.0
  event_s: tuple[float, float] = (3.0, 6.0)
  fps: float = 10.0
  width: int = 96
  height: int = 64

  def __post_init__(self) -> None:
    if self.n_events * self.event_s[1] > self.duration_s:
      raise ValueError(
        f'{self.n_events} events of up to {self.event_s[1]} s do not fit into '
        f'{self.duration_s} s'
      )


def random_story(config: StoryConfig, seed: int) -> Story:
  """A story of `config` that depends on nothing but the seed."""
  rng = np.random.default_rng(seed)
  kinds = [
    (colour, shape, action)
    for colour in COLOURS
    for shape in SHAPES
    for action in ACTIONS
    if not (shape == 'circle' and action == 'spins')
  ]
  chosen = rng.choice(len(kinds), config.n_events, replace=False)
  lengths_s = rng.uniform(*config.event_s, config.n_events)
  # What is left over is shared out before, between and after the events.
  shares = rng.dirichlet(np.full(config.n_events + 1, 2.0))
  gaps_s = shares * (config.duration_s - lengths_s.sum())
  starts_s = np.cumsum(gaps_s[:-1]) + np.cumsum(lengths_s) - lengths_s
  events = []
  for kind, start_s, length_s in zip(chosen, starts_s, lengths_s, strict=True):
    colour, shape, action = kinds[kind]
    events.append(
      Event(
        start_s=math.floor(start_s * config.fps) / config.fps,
        end_s=math.floor((start_s + length_s) * config.fps) / config.fps,
        colour=colour,
        shape=shape,
        action=action,
      )
    )
  return Story(
    events=tuple(events),
    duration_s=config.duration_s,
    fps=config.fps,
    width=config.width,
    height=config.height,
    hue_frac=float(rng.uniform()),
  )


def render(story: Story) -> Iterator[UInt8[np.ndarray, 'h w 3']]:
  """The story's frames in order, drawn one at a time."""
  for i in range(story.n_frames):
    yield render_frame(story, i / story.fps)


def render_frame(story: Story, time_s: float) -> UInt8[np.ndarray, 'h w 3']:
  """What the story shows at a time; an event's end no longer shows it."""
  image = Image.fromarray(_background(story, time_s))
  for event in story.events:
    # A microsecond of slack: i / fps may fall just short of a start.
    seconds_in = time_s - event.start_s + 1e-6
    length_s = event.end_s - event.start_s
    if 0 <= seconds_in < length_s:
      _draw(image, event, seconds_in, seconds_in / length_s)
  return np.asarray(image)


def _background(story: Story, time_s: float) -> UInt8[np.ndarray, 'h w 3']:
  """A pale vertical gradient whose hue drifts by a tenth in a minute."""
  hue = 2 * math.pi * (story.hue_frac + time_s / 600)
  tint = np.cos(hue + np.array([0.0, 2.1, 4.2]))
  levels = np.linspace(150, 190, story.height)[:, None] + 22 * tint
  column = levels.astype(np.uint8)[:, None, :]
  return np.repeat(column, story.width, axis=1)


def _draw(
  image: Image.Image, event: Event, seconds_in: float, progress_frac: float
) -> None:
  """Draws the event's shape as it is `progress_frac` of the way through."""
  width, height = image.size
  radius = 0.17 * min(width, height)
  x, y, angle = width / 2, height / 2, 0.0
  match event.action:
    case 'moves right':
      x = radius + progress_frac * (width - 2 * radius)
    case 'moves left':
      x = width - radius - progress_frac * (width - 2 * radius)
    case 'falls':
      y = radius + progress_frac * (height - 2 * radius)
    case 'rises':
      y = height - radius - progress_frac * (height - 2 * radius)
    case 'grows':
      radius *= 0.4 + 2.1 * progress_frac
    case 'spins':
      radius *= 1.5
      angle = 2 * math.pi * _TURNS_PER_S * seconds_in
    case 'blinks':
      if seconds_in * _BLINKS_PER_S % 1 >= 0.5:
        return
  colour = COLOURS[event.colour]
  corners = SHAPES[event.shape]
  canvas = ImageDraw.Draw(image)
  if corners is None:
    box = (x - radius, y - radius, x + radius, y + radius)
    canvas.ellipse(box, fill=colour)
  else:
    points = [
      (
        x + radius * size * math.cos(turn + angle),
        y + radius * size * math.sin(turn + angle),
      )
      for size, turn in corners
    ]
    canvas.polygon(points, fill=colour)
