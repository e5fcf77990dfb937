"""A range of ShapeStories to train on."""

import dataclasses
import functools

from input_pipeline.pixels import Resize
from vtg_jax.shape_stories.config import PRESETS, StoryConfig
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.splits import TEST
from vtg_jax.shape_stories.story import Story
from vtg_jax.shape_stories.story_video import StoryVideo

# Stories that are made before others push them out.
_KEPT_STORIES = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoryRange:
  """Which stories, and how large they are drawn.

  Attributes:
    preset: difficulty, one of PRESETS.
    knobs: what differs from it, entries of `StoryConfig`.
    first_seed: of the first story.
    n_stories: how many.
    draw_size: pixels of the side that frames are drawn at, squares without
      resizing; None draws them at the stories' own size.
    weight: share in a mixture; None for all data sets takes every story once
      an epoch.
  """

  preset: str = 'standard'
  knobs: dict = dataclasses.field(default_factory=dict)
  first_seed: int = 0
  n_stories: int = 100_000
  draw_size: int | None = None
  weight: float | None = None

  def __post_init__(self):
    if self.preset not in PRESETS:
      raise ValueError(
        f'preset {self.preset!r} is unknown; use one of {", ".join(PRESETS)}'
      )
    for name in ('first_seed', 'n_stories'):
      if getattr(self, name) < (name == 'n_stories'):
        raise ValueError(f'{name} is {getattr(self, name)}; use more')
    if self.first_seed + self.n_stories > TEST.start:
      raise ValueError(
        f'seeds up to {self.first_seed + self.n_stories} are asked for; those '
        f'from {TEST.start} on are for tests'
      )
    known = {field.name for field in dataclasses.fields(StoryConfig)}
    unknown = sorted(set(self.knobs) - known)
    if unknown:
      raise ValueError(
        f'knobs has unknown {", ".join(unknown)}; use entries of StoryConfig'
      )
    self.config  # noqa: B018  refuses what is out of range
    if self.draw_size is not None and self.draw_size < 1:
      raise ValueError(f'draw_size is {self.draw_size}; use 1 up')

  @property
  def config(self) -> StoryConfig:
    """The knobs of all stories."""
    return PRESETS[self.preset](**self.knobs)

  @property
  def seeds(self) -> range:
    """Of the stories, in order."""
    return range(self.first_seed, self.first_seed + self.n_stories)

  def story(self, seed: int) -> Story:
    """One of them, which need not be in the range."""
    return _story(self.config, seed)

  def video(self, seed: int) -> StoryVideo:
    """The same to look at."""
    size = self.draw_size
    return StoryVideo(
      self.story(seed), resize=None if size is None else Resize(size=size)
    )


@functools.lru_cache(maxsize=_KEPT_STORIES)
def _story(config: StoryConfig, seed: int) -> Story:
  return make_story(config, seed)
