"""ShapeStories as a source of training samples: no files, any number."""

import dataclasses
import random
from collections.abc import Sequence

import numpy as np

from input_pipeline import hawkeye_samples, training_sources
from input_pipeline.training_items import Item
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.cells import NOTHING, cell_pairs
from vtg_jax.shape_stories.config import StoryConfig
from vtg_jax.shape_stories.story_video import StoryVideo
from vtg_jax.shape_stories.words import PAIRS, paraphrase
from vtg_jax.systems.training.story_range import StoryRange

# What a mirrored frame shows in place of an action.
_MIRRORED = {'slides right': 'slides left', 'slides left': 'slides right'}


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoriesOptions(StoryRange):
  """A range of stories, one query of each an epoch; see `StoryRange`.

  Attributes:
    caption_share: share of the samples that ask for the sentence; the others
      ask when it is true.
    instructions: one is drawn for each sample.
    caption_instructions: the same, of captions.
    questions: templates with one %s, one is drawn.
  """

  caption_share: float = 0.0
  instructions: tuple[str, ...] = training_sources.INSTRUCTIONS
  caption_instructions: tuple[str, ...] = training_sources.CAPTION_INSTRUCTIONS
  questions: tuple[str, ...] = training_sources.QUESTIONS

  def __post_init__(self):
    super().__post_init__()
    if not 0 <= self.caption_share <= 1:
      raise ValueError(f'caption_share is {self.caption_share}; use 0 to 1')
    for name in ('instructions', 'caption_instructions', 'questions'):
      if not getattr(self, name):
        raise ValueError(f'{name} is empty; give one text or more')
    for question in self.questions:
      if question.count('%s') != 1:
        raise ValueError(f'question {question!r} must have one %s')


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
    story = options.story(options.first_seed + index)
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
    return self.options.video(int(item['video']))


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
