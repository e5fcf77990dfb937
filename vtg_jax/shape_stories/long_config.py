"""The knobs of videos of half an hour to two hours."""

import dataclasses
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.config import (
  PRESETS,
  StoryConfig,
  check_range,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongConfig:
  """How long stories are made of chapters.

  Attributes:
    chapter: the knobs of a chapter, which is a usual story; of these,
      `duration_s` is the range of the chapters' lengths, and `event_frac`
      counts for nothing: `moment_s` takes its place.
    duration_s: shortest and longest video, seconds.
    moment_s: shortest and longest event, seconds.
    n_queries: fewest and most moments that are asked for, each in another
      chapter; a video of fewer chapters has fewer.
    n_absent: most absent queries of each kind.
  """

  chapter: StoryConfig
  duration_s: tuple[float, float]
  moment_s: tuple[float, float]
  n_queries: tuple[int, int]
  n_absent: int

  def __post_init__(self) -> None:
    if isinstance(self.chapter, dict):  # as JSON gives it
      object.__setattr__(self, 'chapter', StoryConfig(**self.chapter))
    for name, low, high, whole in (
      ('duration_s', 1.0, 36_000.0, False),
      ('moment_s', 0.1, 3_600.0, False),
      ('n_queries', 1, 64, True),
    ):
      value = getattr(self, name)
      if isinstance(value, list):
        object.__setattr__(self, name, value := tuple(value))
      check_range(name, value, low, high, whole=whole)
    if not (isinstance(self.n_absent, int) and 0 <= self.n_absent <= 16):
      raise BadInput(f'n_absent {self.n_absent!r} cannot be; give 0 to 16')
    shortest_s, longest_s = self.chapter.duration_s
    if longest_s < 2 * shortest_s:
      raise BadInput(
        f'chapters of {self.chapter.duration_s} s do not add up to any '
        'duration; let the longest be twice the shortest'
      )
    if self.duration_s[0] < shortest_s:
      raise BadInput(
        f'a video of {self.duration_s[0]} s holds no chapter of {shortest_s} '
        's; make it longer'
      )
    if self.moment_s[1] > shortest_s:
      raise BadInput(
        f'a moment of {self.moment_s[1]} s does not fit into a chapter of '
        f'{shortest_s} s; make chapters longer'
      )
    # Refuses what does not fit into the shortest chapter.
    self.chapter_config(round(shortest_s * self.fps))

  @property
  def fps(self) -> float:
    return self.chapter.fps

  @property
  def combinations(self) -> str:
    return self.chapter.combinations

  def chapter_config(self, n_frames: int) -> StoryConfig:
    """The knobs of a chapter of so many frames."""
    duration_s = n_frames / self.fps
    shortest_s, longest_s = self.moment_s
    return self.chapter.replace(
      duration_s=(duration_s, duration_s),
      event_frac=(shortest_s / duration_s, min(longest_s / duration_s, 1.0)),
    )

  def replace(self, **changes: Any) -> 'LongConfig':
    """This configuration with some knobs turned, its own or its chapters'."""
    own = {field.name for field in dataclasses.fields(self)}
    of_chapters = {k: v for k, v in changes.items() if k not in own}
    changes = {k: v for k, v in changes.items() if k in own}
    if of_chapters:
      chapter = changes.get('chapter', self.chapter)
      changes['chapter'] = chapter.replace(**of_chapters)
    return dataclasses.replace(self, **changes)

  def to_dict(self) -> dict[str, Any]:
    """The knobs as JSON can hold them."""
    return {
      'chapter': self.chapter.to_dict(),
      'duration_s': list(self.duration_s),
      'moment_s': list(self.moment_s),
      'n_queries': list(self.n_queries),
      'n_absent': self.n_absent,
    }


def _of_preset(name: str):
  def make(**changes: Any) -> LongConfig:
    chapter = PRESETS[name](
      duration_s=(30.0, 60.0),
      event_frac=(0.05, 0.35),
      # Half of standard's rate: an hour has 14,400 frames.
      fps=4.0,
      # Of 3 to 10 s each: something happens in most frames.
      n_events=(5, 9) if name != 'easy' else (3, 5),
    )
    config = LongConfig(
      chapter=chapter,
      duration_s=(1800.0, 7200.0),
      moment_s=(3.0, 10.0),
      n_queries=(8, 16),
      n_absent=3,
    )
    return config.replace(**changes)

  make.__doc__ = f"""Half an hour to two hours at difficulty '{name}'."""
  return make


# Difficulty -> its long stories; another difficulty is another domain.
LONG_PRESETS = {name: _of_preset(name) for name in PRESETS}


def parse_minutes(text: str) -> tuple[float, float]:
  """'0.5:2' gives (30.0, 120.0), seconds.

  Raises:
    BadInput: it is no such text.
  """
  least, _, most = text.partition(':')
  try:
    return 60 * float(least), 60 * float(most)
  except ValueError:
    raise BadInput(
      f'{text!r} are no minutes; give LEAST:MOST, such as 30:60'
    ) from None
