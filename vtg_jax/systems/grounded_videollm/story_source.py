"""ShapeStories as a source of conversations: no files, any number."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.story_video import StoryVideo
from vtg_jax.systems.grounded_videollm import story_questions
from vtg_jax.systems.grounded_videollm.prompt import VIDEO
from vtg_jax.systems.grounded_videollm.story_questions import PLAIN, Asked
from vtg_jax.systems.training.story_range import StoryRange


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoriesOptions(StoryRange):
  """A range of stories, each with several questions; see `StoryRange`.

  Attributes:
    n_grounding: most questions for a moment; no event is asked for twice.
    n_dense: questions for all events.
    n_describe: questions for what happens in an interval.
    n_plain: questions that no times are in.
  """

  n_grounding: int = 4
  n_dense: int = 0
  n_describe: int = 0
  n_plain: int = 0

  def __post_init__(self):
    super().__post_init__()
    counts = [self.n_grounding, self.n_dense, self.n_describe, self.n_plain]
    if min(counts) < 0 or not any(counts):
      raise ValueError(f'numbers of questions are {counts}; ask one or more')


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoriesSource:
  """Items and videos out of seeds; see `training_sources.Source`.

  Attributes:
    options: which stories, and what is asked.
    name: what complaints call it.
  """

  options: StoriesOptions
  name: str = 'ShapeStories'

  def __len__(self) -> int:
    return self.options.n_stories

  def item(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
    """A conversation about story `index`, drawn anew.

    Returns:
      As an item of the released mixtures has it, and 'asked': what is asked
      for in each turn, an `Asked`.
    """
    options = self.options
    story = options.story(options.first_seed + index)
    if not story.events:
      raise BadInput(f'story {story.seed} has no event; change its knobs')
    events = rng.permutation(len(story.events))[: options.n_grounding]
    asked = [
      story_questions.grounding(story, int(event), rng) for event in events
    ]
    asked += [story_questions.dense(story, rng) for _ in range(options.n_dense)]
    asked += [
      story_questions.describe(story, rng) for _ in range(options.n_describe)
    ]
    asked += [
      PLAIN[int(rng.integers(len(PLAIN)))](story, rng)
      for _ in range(options.n_plain)
    ]
    asked = [asked[i] for i in rng.permutation(len(asked))]
    return {
      'video': str(story.seed),
      'dataset': self.name,
      'conversation': conversation_of(asked),
      'asked': asked,
    }

  def open(self, item: Mapping[str, Any]) -> StoryVideo:
    """The story an item is about."""
    return self.options.video(int(item['video']))


def conversation_of(asked: Sequence[Asked]) -> list[dict[str, str]]:
  """The turns, the video standing first in the first question."""
  turns = [turn for one in asked for turn in one.turns]
  turns[0] = {**turns[0], 'value': f'{VIDEO}\n{turns[0]["value"]}'}
  return turns
