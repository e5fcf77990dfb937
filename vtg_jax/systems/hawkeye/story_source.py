"""ShapeStories as a source of training samples: no files, any number."""

import dataclasses
import functools
import random
from collections.abc import Sequence

import numpy as np

from input_pipeline import hawkeye_samples, training_sources
from input_pipeline.pixels import Resize
from input_pipeline.training_items import Item
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.cells import NOTHING, cell_pairs
from vtg_jax.shape_stories.config import PRESETS, StoryConfig
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.splits import TEST
from vtg_jax.shape_stories.story import Story
from vtg_jax.shape_stories.story_video import StoryVideo
from vtg_jax.shape_stories.words import PAIRS, paraphrase

# What a mirrored frame shows in place of an action.
_MIRRORED = {'slides right': 'slides left', 'slides left': 'slides right'}
# Stories that are made before others push them out.
_KEPT_STORIES = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoriesOptions:
  """A range of stories, one query of each an epoch.

  Attributes:
    preset: difficulty, one of PRESETS.
    knobs: what differs from it, entries of `StoryConfig`.
    first_seed: of the first story.
    n_stories: how many.
    caption_share: share of the samples that ask for the sentence; the others
      ask when it is true.
    draw_size: pixels of the side that frames are drawn at, squares without
      resizing; None draws them at the stories' own size.
    instructions: one is drawn for each sample.
    caption_instructions: the same, of captions.
    questions: templates with one %s, one is drawn.
    weight: share in a mixture; None for all data sets takes every story once
      an epoch.
  """

  preset: str = 'standard'
  knobs: dict = dataclasses.field(default_factory=dict)
  first_seed: int = 0
  n_stories: int = 100_000
  caption_share: float = 0.0
  draw_size: int | None = None
  instructions: tuple[str, ...] = training_sources.INSTRUCTIONS
  caption_instructions: tuple[str, ...] = training_sources.CAPTION_INSTRUCTIONS
  questions: tuple[str, ...] = training_sources.QUESTIONS
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
    if not 0 <= self.caption_share <= 1:
      raise ValueError(f'caption_share is {self.caption_share}; use 0 to 1')
    known = {field.name for field in dataclasses.fields(StoryConfig)}
    unknown = sorted(set(self.knobs) - known)
    if unknown:
      raise ValueError(
        f'knobs has unknown {", ".join(unknown)}; use entries of StoryConfig'
      )
    self.config  # noqa: B018  refuses what is out of range
    if self.draw_size is not None and self.draw_size < 1:
      raise ValueError(f'draw_size is {self.draw_size}; use 1 up')
    for name in ('instructions', 'caption_instructions', 'questions'):
      if not getattr(self, name):
        raise ValueError(f'{name} is empty; give one text or more')
    for question in self.questions:
      if question.count('%s') != 1:
        raise ValueError(f'question {question!r} must have one %s')

  @property
  def config(self) -> StoryConfig:
    """The knobs of all stories."""
    return PRESETS[self.preset](**self.knobs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoriesSource:
  """Items and videos out of seeds; see `training_sources.Source`.

  Attributes:
    options: which stories.
    config: their knobs.
    name: what complaints call it.
  """

  options: StoriesOptions
  config: StoryConfig
  name: str = 'ShapeStories'

  def __len__(self) -> int:
    return self.options.n_stories

  def item(self, index: int, rng: np.random.Generator) -> Item:
    """An item about story `index`: one of its queries, in words drawn anew."""
    options = self.options
    story = _story(self.config, options.first_seed + index)
    if not story.queries:
      raise BadInput(f'story {story.seed} has no query; change its knobs')
    query = story.queries[int(rng.integers(len(story.queries)))]
    number = int(rng.integers(self.config.n_paraphrases))
    sentence = hawkeye_samples.GroundedSentence(
      video=str(story.seed),
      sentence=paraphrase(story.events[query.event].pair, number),
      start_s=query.start_s,
      end_s=query.end_s,
      negative_start_s=query.negative_start_s,
      negative_end_s=query.negative_end_s,
    )
    draws = random.Random(int(rng.integers(2**62)))
    if options.caption_share and rng.random() < options.caption_share:
      (item,) = hawkeye_samples.caption_items(
        [sentence], options.caption_instructions, draws
      )
    else:
      (item,) = hawkeye_samples.choice_items(
        [sentence], options.instructions, options.questions, draws
      )
    return {**item, 'pair': PAIRS.index(story.events[query.event].pair)}

  def open(self, item: Item) -> StoryVideo:
    """The story an item is about."""
    size = self.options.draw_size
    return StoryVideo(
      _story(self.config, int(item['video'])),
      resize=None if size is None else Resize(size=size),
    )


def cell_labels(
  item: Item,
  video: StoryVideo,
  frame_ids: Sequence[int],
  grid: int,
  *,
  mirrored: bool,
) -> dict[str, np.ndarray]:
  """What each part of each frame of a story shows.

  Args:
    item: of a sample.
    video: its story.
    frame_ids: its frames.
    grid: cells along a frame's side.
    mirrored: whether left and right are exchanged in the pixels.

  Returns:
    'cell_pairs': int16 [F grid grid], the number in `words.PAIRS` of the
    object and action seen there, or -1. 'asked_pair': int16, the number of
    those that the item is about.
  """
  pairs, asked = cell_pairs(video.story, frame_ids, grid), item['pair']
  if mirrored:
    pairs, asked = _OTHER_SIDE[pairs[:, :, ::-1]], _OTHER_SIDE[asked]
  return {'cell_pairs': pairs, 'asked_pair': np.int16(asked)}


# A pair's number -> that of its mirror image; -1, nothing, is the last entry.
_OTHER_SIDE = np.array(
  [
    PAIRS.index((colour, shape, _MIRRORED.get(action, action)))
    for colour, shape, action in PAIRS
  ]
  + [NOTHING],
  np.int16,
)


@functools.lru_cache(maxsize=_KEPT_STORIES)
def _story(config: StoryConfig, seed: int) -> Story:
  return make_story(config, seed)
