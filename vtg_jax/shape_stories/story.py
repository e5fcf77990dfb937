"""A story: what happens when in one video, and what can be asked about it."""

import dataclasses
import functools

from vtg_jax.shape_stories.config import StoryConfig
from vtg_jax.shape_stories.words import (
  Pair,
  held_out_pairs,
  paraphrase,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
  """One object doing one thing; outside its time it is not to be seen.

  Attributes:
    start_frame: first frame that shows it.
    end_frame: first frame that no longer does.
    fps: frames per second of the video.
    colour: of the object.
    shape: of the object.
    action: one of ACTIONS.
    x_frac: place of the object, of the central square's side from its left.
    y_frac: the same from its top.
    diameter_frac: of the object, of the same side.
    period_s: seconds in which the action repeats.
    phase_frac: where in its period the action begins.
    is_distractor: it was put in to share object or action with another event.
  """

  start_frame: int
  end_frame: int
  fps: float
  colour: str
  shape: str
  action: str
  x_frac: float
  y_frac: float
  diameter_frac: float
  period_s: float
  phase_frac: float
  is_distractor: bool

  @property
  def start_s(self) -> float:
    return self.start_frame / self.fps

  @property
  def end_s(self) -> float:
    return self.end_frame / self.fps

  @property
  def pair(self) -> Pair:
    """Colour and shape, which make the object, and action."""
    return self.colour, self.shape, self.action

  @property
  def caption(self) -> str:
    """The plain sentence, such as 'a red circle slides to the right'."""
    return paraphrase(self.pair, 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoryQuery:
  """A sentence that is true of one span of the video.

  Attributes:
    text: one of the ways to say it.
    caption: the plain way.
    start_s: when it starts, seconds.
    end_s: when it ends.
    negative_start_s: start of the widest interval round it in which nothing
      else fits the sentence, seconds.
    negative_end_s: its end.
    event: its number in the story's events.
  """

  text: str
  caption: str
  start_s: float
  end_s: float
  negative_start_s: float
  negative_end_s: float
  event: int

  @property
  def name(self) -> str:
    """Tells it from the story's other queries."""
    return str(self.event)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AbsentQuery:
  """A sentence that is never true in the video.

  Attributes:
    text: one of the ways to say it.
    caption: the plain way.
    kind: 'object' where the object is never there, 'action' where it is there
      and nothing does that, 'both' where both are there, but not together,
      'colour' where the shape does it in another colour.
  """

  text: str
  caption: str
  kind: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Story:
  """One video.

  Attributes:
    config: the knobs it was made with.
    seed: everything else about it.
    n_frames: frames in the video.
    events: what happens, by start; no pair of object and action twice.
    queries: what can be asked; a query an event, or fewer where
      `combinations` is 'unseen'.
    absent_queries: what can be asked in vain, of each kind one if there is.
  """

  config: StoryConfig
  seed: int
  n_frames: int
  events: tuple[Event, ...]
  queries: tuple[StoryQuery, ...]
  absent_queries: tuple[AbsentQuery, ...]

  @property
  def fps(self) -> float:
    return self.config.fps

  @property
  def width(self) -> int:
    return self.config.width

  @property
  def height(self) -> int:
    return self.config.height

  @property
  def duration_s(self) -> float:
    return self.n_frames / self.config.fps

  def event_of(self, query: StoryQuery) -> Event:
    """What a query asks for."""
    return self.events[query.event]

  @property
  def description(self) -> str:
    """The whole video in words, an event a sentence."""
    return ' '.join(
      f'From {event.start_s:g} to {event.end_s:g} s {event.caption}.'
      for event in self.events
    )

  @property
  def has_object_distractor(self) -> bool:
    """Whether an object does more than one thing."""
    objects = {event.pair[:2] for event in self.events}
    return len(objects) < len(self.events)

  @property
  def has_action_distractor(self) -> bool:
    """Whether several objects do the same thing."""
    return len({event.action for event in self.events}) < len(self.events)

  @functools.cached_property
  def held_out_events(self) -> tuple[int, ...]:
    """Numbers of the events whose pair 'seen' stories never show."""
    held_out = held_out_pairs()
    return tuple(
      i for i, event in enumerate(self.events) if event.pair in held_out
    )
