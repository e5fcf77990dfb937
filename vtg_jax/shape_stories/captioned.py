"""Captioned images and clips out of stories, drawn when they are looked at.

    image    a frame of a story that shows as much as any: a sentence an event
    clip     one event of a story from its start to its end: one sentence

They have the faces of captioned images and clips on disk, for sequences that
are put together of either.
"""

import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from input_pipeline.sequences.clip_sets import even_frames
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.config import StoryConfig
from vtg_jax.shape_stories.make_story import make_story, random_numbers
from vtg_jax.shape_stories.render import render
from vtg_jax.shape_stories.story import Event, Story
from vtg_jax.shape_stories.words import PAIRS, Pair, paraphrase, paraphrases

# Open the streams of random numbers of which frame or event is shown, and how
# it is said.
_IMAGE_STREAM, _CLIP_STREAM = 4, 5
# What stands between what several events show.
_BETWEEN = ', '


class _Drawn:
  """A story a number.

  Attributes:
    name: what complaints call them.
  """

  def __init__(self, config: StoryConfig, seeds: range, name: str):
    """Draws nothing yet.

    Args:
      config: the knobs of all stories.
      seeds: of the stories.
      name: what complaints call them.
    """
    self.name = name
    self._config, self._seeds = config, seeds

  def __len__(self) -> int:
    return len(self._seeds)

  def _story(self, index: int) -> Story:
    return _story(self._config, self._seeds[index])

  def _said(self, pairs: Sequence[Pair], rng: np.random.Generator) -> str:
    """A sentence for each pair, in one of the ways that there are to say it."""
    n = self._config.n_paraphrases
    return ' '.join(
      as_sentence(paraphrase(pair, int(rng.integers(n)))) for pair in pairs
    )


class DrawnImages(_Drawn):
  """See `input_pipeline.sequences.image_sets.ImageSet`."""

  def __init__(
    self, config: StoryConfig, seeds: range, name: str = 'drawn images'
  ):
    super().__init__(config, seeds, name)

  def caption(self, index: int) -> str:
    story, frame_id, rng = self._shown(index)
    return self._said([event.pair for event in events_at(story, frame_id)], rng)

  def subject(self, index: int) -> str:
    story, frame_id, _ = self._shown(index)
    return subject_at(story, frame_id)

  def image(self, index: int, size: int) -> UInt8[np.ndarray, 'size size 3']:
    story, frame_id, _ = self._shown(index)
    return render(story, [frame_id], size=size)[0]

  def _shown(self, index: int) -> tuple[Story, int, np.random.Generator]:
    story = self._story(index)
    rng = random_numbers(story.seed, _IMAGE_STREAM)
    n_shown = np.zeros(story.n_frames, np.int64)
    for event in story.events:
      n_shown[event.start_frame : event.end_frame] += 1
    fullest = np.flatnonzero(n_shown == n_shown.max())
    return story, int(rng.choice(fullest)), rng


class DrawnClips(_Drawn):
  """See `input_pipeline.sequences.clip_sets.ClipSet`.

  The action of a clip is who does what: nothing else is to be seen in it.
  """

  def __init__(
    self, config: StoryConfig, seeds: range, name: str = 'drawn clips'
  ):
    if config.max_concurrent > 1:
      raise BadInput(
        f'max_concurrent is {config.max_concurrent}, and a clip shows one '
        'event; use 1'
      )
    super().__init__(config, seeds, name)

  def caption(self, index: int) -> str:
    _, event, rng = self._shown(index)
    return self._said([event.pair], rng)

  def label(self, index: int) -> str:
    return _named(self._shown(index)[1].pair)

  def frames(
    self, index: int, n: int, size: int
  ) -> UInt8[np.ndarray, 'n size size 3']:
    story, event, _ = self._shown(index)
    places = even_frames(event.end_frame - event.start_frame, n)
    return render(
      story, [event.start_frame + place for place in places], size=size
    )

  def _shown(self, index: int) -> tuple[Story, Event, np.random.Generator]:
    story = self._story(index)
    rng = random_numbers(story.seed, _CLIP_STREAM)
    return story, story.events[int(rng.integers(len(story.events)))], rng


@functools.lru_cache(maxsize=4)
def _story(config: StoryConfig, seed: int) -> Story:
  """A story, kept for the next question about it."""
  return make_story(config, seed)


def events_at(story: Story, frame_id: int) -> tuple[Event, ...]:
  """What a frame shows, by start."""
  return tuple(
    event
    for event in story.events
    if event.start_frame <= frame_id < event.end_frame
  )


def subject_at(story: Story, frame_id: int) -> str:
  """What a frame shows, the same for frames that show the same."""
  pairs = (event.pair for event in events_at(story, frame_id))
  return _BETWEEN.join(sorted(map(_named, pairs)))


def pairs_of_subject(subject: str) -> tuple[int, ...]:
  """Numbers in `words.PAIRS` of what a subject says, or a label."""
  named = _pairs_by_name()
  return tuple(named[name] for name in subject.split(_BETWEEN) if name)


def as_sentence(paraphrased: str) -> str:
  """With a capital and a full stop: 'A red circle rises.'."""
  return f'{paraphrased[0].upper()}{paraphrased[1:]}.'


def pair_said(sentence: str) -> int | None:
  """The number in `words.PAIRS` of what a sentence says; None if nothing."""
  return _pairs_by_sentence().get(sentence)


def _named(pair: Pair) -> str:
  return ' '.join(pair)


@functools.cache
def _pairs_by_name() -> dict[str, int]:
  return {_named(pair): i for i, pair in enumerate(PAIRS)}


@functools.cache
def _pairs_by_sentence() -> dict[str, int]:
  return {
    as_sentence(said): i
    for i, pair in enumerate(PAIRS)
    for said in paraphrases(pair)
  }
