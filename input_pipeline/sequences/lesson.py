"""What is shown, and what is asked and answered about it, times apart.

A text is words with places in between:

    ('The described image is at ', Places((7,)), '.')

so that the same sample can be written with seconds, with numbers of images or
with digit tokens; see `wording`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from input_pipeline.frame_store import FrameStore
from input_pipeline.loader import Fault

# What places are counted in. Image 1 is the first; frame 0 begins at place 0
# and ends at place 1, as second 0 does.
IMAGES, FRAMES, SECONDS = 'images', 'frames', 'seconds'
UNITS = (IMAGES, FRAMES, SECONDS)

# Image Index Grounding, Indexed Image Captioning, Adjacent Location Reasoning.
IIG, IIC, ALR_NEXT, ALR_PREVIOUS = 'iig', 'iic', 'alr_next', 'alr_previous'
GROUNDING, DENSE_CAPTIONS, DESCRIPTION = 'grounding', 'dense', 'description'
TASKS = (
  IIG, IIC, ALR_NEXT, ALR_PREVIOUS, GROUNDING, DENSE_CAPTIONS, DESCRIPTION
)  # fmt: skip
# Phrases are drawn from so many numbers, whatever is made of them.
_PHRASES = 2**31


class Places(NamedTuple):
  """Places that stand together in a text.

  Attributes:
    values: one, the two ends of a stretch, or a list of them; none stands for
      the name of the unit alone.
    between: what stands between two.
    said: how a released text writes them, the unit included; None for texts
      that are made here.
  """

  values: tuple[float, ...]
  between: str = ' - '
  said: str | None = None


Text = tuple[str | Places, ...]


class Scale(NamedTuple):
  """What places are counted in, and how far.

  Attributes:
    unit: one of UNITS.
    length: place of the end: images, frames, or seconds.
  """

  unit: str
  length: float


class Event(NamedTuple):
  """What a part of the sequence shows.

  Attributes:
    start: its place; of an image, its number from 1.
    end: place of its end; of an image, the same.
    caption: what is seen.
  """

  start: float
  end: float
  caption: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
  """A question that is not put into words yet.

  Attributes:
    task: one of TASKS.
    events: what it is about: those whose place is asked for, or which are to
      be described; of adjacent location reasoning the given one, then its
      neighbour.
    phrase: picks one of the ways to say it.
  """

  task: str
  events: tuple[Event, ...]
  phrase: int = 0


class Said(NamedTuple):
  """A question and its answer in words."""

  question: Text
  answer: Text


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
  """What is shown, and the turns of the conversation about it.

  Attributes:
    video: frames; those of sequences that are made here are all shown. None
      for a conversation about nothing.
    unit: what places in `turns` are counted in.
    turns: one or more.
    dataset: where it is from.
    subjects: of each frame of the video, what it shows, where the source knows
      that; see `ImageSet.subject` and `ClipSet.label`.
    faults: why parts of it were replaced.
  """

  video: FrameStore | None
  unit: str
  turns: tuple[Asked | Said, ...]
  dataset: str = ''
  subjects: tuple[str, ...] = ()
  faults: tuple[Fault, ...] = ()

  @property
  def scale(self) -> Scale | None:
    """How long the sequence is; None where nothing is shown.

    Seconds are counted as frame count / fps, like the papers do.
    """
    if self.video is None:
      return None
    if self.unit == SECONDS:
      return Scale(SECONDS, self.video.paper_duration_s)
    return Scale(self.unit, self.video.n_frames)


class Lessons(Protocol):
  """A source of lessons.

  Attributes:
    name: what complaints call it.
  """

  name: str

  def __len__(self) -> int: ...

  def lesson(self, index: int) -> Lesson:
    """Lesson `index`, the same every time.

    Raises:
      BadSample: too much that belongs to it cannot be used.
    """


def draw_phrase(rng: np.random.Generator) -> int:
  """A number that picks a way to say something."""
  return int(rng.integers(_PHRASES))


def shown_places(
  unit: str, frame_ids: Sequence[int], fps: float
) -> tuple[float, ...]:
  """The places of frames that are shown, as texts list them.

  Args:
    unit: one of UNITS.
    frame_ids: of the video, from 0.
    fps: its frames per second; only seconds depend on it.
  """
  if unit == SECONDS:
    return tuple(int(i) / fps for i in frame_ids)
  return tuple(int(i) + (unit == IMAGES) for i in frame_ids)


def check_least(rule: Any, **least: int) -> None:
  """Raises ValueError where a field of a rule is below its least value."""
  for name, fewest in least.items():
    if getattr(rule, name) < fewest:
      raise ValueError(
        f'{name} is {getattr(rule, name)}; it must be {fewest} or more'
      )
