"""Drawn frames and the sentences that are true of them.

In:  a story
Out: {'frames': uint8 [N h w C], 'ids': int32 [K T], 'mask': bool [K T],
      'asked': int32 [K], 'shown': int32 [N 2 2]}

Frame i < K is one of what sentence i says; the others are any of the story.
What is asked, and what each quarter of a frame shows, are numbers in
`words.PAIRS`; -1 is nothing.

Nothing here loads jax: loader processes import it.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from input_pipeline.loader import (
  BadSample,
  Batches,
  LoaderOptions,
  make_batches,
)
from input_pipeline.training_sources import mixture_weights
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.cells import cell_pairs
from vtg_jax.shape_stories.render import render
from vtg_jax.shape_stories.words import PAIRS, paraphrase
from vtg_jax.systems.clip.words import ClipTokenizer, canonical_query
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.training.story_range import StoryRange

# What is told of a frame is told of each of so many parts along its side: no
# two objects of a story have their places in one of them.
GRID = 2
_NUMBERS = {pair: number for number, pair in enumerate(PAIRS)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataOptions:
  """What to train on.

  Attributes:
    stories: ranges of stories.
    n_pairs: frames with a sentence each of a story, K. Objects of a story do
      several things, so its other sentences are hard to tell from the right
      one.
    n_others: further frames of a story, that no sentence is for.
    text_tokens: sentences are padded to so many tokens, start and end
      included, and cut there; None for as many as the encoder reads.
    loader: order, processes, what may fail.
  """

  stories: tuple[StoryRange, ...] = ()
  n_pairs: int = 6
  n_others: int = 2
  text_tokens: int | None = None
  loader: LoaderOptions = LoaderOptions()

  def __post_init__(self):
    if self.n_pairs < 1 or self.n_others < 0:
      raise ValueError(
        f'n_pairs is {self.n_pairs} and n_others {self.n_others}; use 1 up, '
        'and 0 up'
      )
    if self.text_tokens is not None and self.text_tokens < 3:
      raise ValueError(f'text_tokens is {self.text_tokens}; use 3 up')

  @classmethod
  def from_dict(cls, values: Mapping[str, Any]) -> 'DataOptions':
    """Options of plain types.

    Raises:
      BadInput: naming the entry that is missing, unknown or mistyped.
    """
    return from_json(cls, values, 'data')


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleMaker:
  """Makes a sample of a story.

  Attributes:
    options: which stories, and how many frames.
    tokenizer: of the sentences.
    size: pixels of a frame's side.
  """

  options: DataOptions
  tokenizer: ClipTokenizer
  size: int

  def __call__(
    self, source: int, index: int, rng: np.random.Generator
  ) -> dict[str, np.ndarray]:
    """The sample of story `index` of a range.

    Every event is asked for before any is asked for again.

    Raises:
      BadSample: the story has no event.
    """
    options, stories = self.options, self.options.stories[source]
    story = stories.story(stories.first_seed + index)
    n_events = len(story.events)
    if not n_events:
      raise BadSample(f'story {story.seed} has no event', 'story')
    order = rng.permutation(n_events)
    events = [story.events[order[i % n_events]] for i in range(options.n_pairs)]
    frame_ids = [
      *(int(rng.integers(e.start_frame, e.end_frame)) for e in events),
      *rng.integers(story.n_frames, size=options.n_others).tolist(),
    ]
    n_texts = story.config.n_paraphrases
    ids, mask = self.tokenizer.rows(
      [
        canonical_query(paraphrase(e.pair, int(rng.integers(n_texts))))
        for e in events
      ]
    )
    return {
      'frames': render(story, frame_ids, size=self.size),
      'ids': ids,
      'mask': mask,
      'asked': np.array([_NUMBERS[e.pair] for e in events], np.int32),
      'shown': cell_pairs(story, frame_ids, GRID).astype(np.int32),
    }


def batches(
  options: DataOptions, tokenizer: ClipTokenizer, size: int, **share: int
) -> Batches:
  """Training batches of one host.

  Args:
    options: which stories.
    tokenizer: of the sentences.
    size: pixels of a frame's side.
    **share: see `make_batches`: batch_size, in stories; seed; and where there
      are several hosts process_index and process_count.

  Raises:
    BadInput: there are no stories, or too few.
  """
  if not options.stories:
    raise BadInput('there is nothing to train on; give data.stories')
  maker = SampleMaker(options=options, tokenizer=tokenizer, size=size)
  return make_batches(
    maker,
    [stories.n_stories for stories in options.stories],
    options.loader,
    weights=mixture_weights(options.stories),
    **share,
  )
