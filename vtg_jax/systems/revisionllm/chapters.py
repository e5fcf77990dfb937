"""Chapters of long ShapeStories: what happens in each, and its features.

A chapter is a story of half a minute to a minute. Its features are computed
once and kept in a pool; any number of long videos are put together from it.

POOL/chapters.json  {'model': ..., 'fps': 2.0, 'duration_s': [43, 57, ...]}
POOL/events.npy     float32 [E 4]: chapter, number of the pair, start_s, end_s
POOL/frames.npy     float16 [N D], chapter after chapter
POOL/words.npy      float16 [S L D], a sentence a row; the longest is full
POOL/n_words.npy    int32 [S]

Nothing here loads jax: loader processes import it.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, Int32

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.config import PRESETS
from vtg_jax.shape_stories.long_config import LONG_PRESETS
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.splits import TRAIN
from vtg_jax.shape_stories.story import Story
from vtg_jax.shape_stories.words import (
  ACTIONS,
  COLOURS,
  N_PARAPHRASES,
  PAIRS,
  SHAPES,
  paraphrase,
)

ABOUT, EVENTS, FRAMES, WORDS, N_WORDS = (
  'chapters.json',
  'events.npy',
  'frames.npy',
  'words.npy',
  'n_words.npy',
)
NOTHING = -1
N_SENTENCES = len(PAIRS) * N_PARAPHRASES
# Chapters are as many whole seconds.
_SECONDS = (30, 60)
# What is shown at once, at most.
MOST_SHOWN = 4
_NUMBERS = {pair: number for number, pair in enumerate(PAIRS)}
# Opens the streams of random numbers of a chapter's length, and of features.
_LENGTH_STREAM, _MADE_UP = 5, 2**31


class Chapter(NamedTuple):
  """What happens in a chapter.

  Attributes:
    duration_s: whole seconds.
    pairs: number in `words.PAIRS` of each event.
    start_s: when it starts, from the start of the chapter.
    end_s: when it ends.
  """

  duration_s: int
  pairs: Int[np.ndarray, ' E']
  start_s: Float[np.ndarray, ' E']
  end_s: Float[np.ndarray, ' E']


def make_chapter(seed: int, preset: str = 'standard') -> Story:
  """The chapter of a seed of the training split, to be drawn.

  Raises:
    BadInput: no such preset, or a seed of another split.
  """
  if preset not in PRESETS:
    raise BadInput(f'preset {preset!r} is unknown; use one of {[*PRESETS]}')
  if seed not in TRAIN:
    raise BadInput(f'seed {seed} is not for training; use {TRAIN}')
  config = LONG_PRESETS[preset]()
  rng = np.random.default_rng([_LENGTH_STREAM, seed])
  duration_s = int(rng.integers(*_SECONDS, endpoint=True))
  return make_story(config.chapter_config(round(duration_s * config.fps)), seed)


def told(story: Story) -> Chapter:
  """What happens in it."""
  events = story.events
  return Chapter(
    round(story.duration_s),
    np.array([_NUMBERS[event.pair] for event in events], np.int32),
    np.array([event.start_s for event in events], np.float32),
    np.array([event.end_s for event in events], np.float32),
  )


def n_rows(chapter: Chapter, fps: float) -> int:
  """Rows of its features."""
  return round(chapter.duration_s * fps)


def frame_ids(
  story: Story, rows: Int[np.ndarray, ' F'], fps: float
) -> Int[np.ndarray, ' F']:
  """The frames that rows are of: what is seen at their times."""
  ids = np.floor(np.asarray(rows) / fps * story.fps + 1e-6).astype(np.int64)
  return np.minimum(ids, story.n_frames - 1)


def shown_pairs(chapter: Chapter, fps: float) -> Int32[np.ndarray, 'N M']:
  """Numbers of the pairs that each row shows, filled up with `NOTHING`."""
  times_s = np.arange(n_rows(chapter, fps)) / fps
  out = np.full((len(times_s), MOST_SHOWN), NOTHING, np.int32)
  filled = np.zeros(len(times_s), int)
  for pair, start_s, end_s in zip(*chapter[1:], strict=True):
    during = (start_s <= times_s) & (times_s < end_s) & (filled < MOST_SHOWN)
    rows = np.flatnonzero(during)
    out[rows, filled[rows]] = pair
    filled[rows] += 1
  return out


def sentence_of(number: int) -> str:
  """Sentence `number`, in 0 .. N_SENTENCES - 1: a pair's, one after another."""
  pair, way = divmod(number, N_PARAPHRASES)
  return paraphrase(PAIRS[pair], way)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeUpFeatures:
  """Features that no encoder has computed: the sum of what is shown, and noise.

  For a quick look at how a network learns; no frame is drawn.

  Attributes:
    width: channels.
    noise: its deviation; what is shown has entries of about 1.
  """

  width: int
  noise: float = 0.3

  def frames(
    self, chapter: Chapter, fps: float, seed: int
  ) -> Float32[np.ndarray, 'N D']:
    """The features of a chapter."""
    shown = shown_pairs(chapter, fps)
    vectors = np.concatenate([self._pairs, np.zeros((1, self.width))])
    x = vectors[shown].sum(1)  # the last row is that of nothing
    rng = np.random.default_rng([_MADE_UP, seed])
    return (x + self.noise * rng.normal(size=x.shape)).astype(np.float32)

  def words(self, number: int) -> Float32[np.ndarray, 'L D']:
    """The features of a sentence: colour, shape, action."""
    return self._parts[list(self._places[number // N_PARAPHRASES])]

  @functools.cached_property
  def _parts(self) -> Float32[np.ndarray, 'P D']:
    rng = np.random.default_rng(_MADE_UP)
    n_parts = len(COLOURS) + len(SHAPES) + len(ACTIONS)
    return rng.normal(size=(n_parts, self.width)).astype(np.float32)

  @functools.cached_property
  def _places(self) -> list[tuple[int, int, int]]:
    names = [*COLOURS, *SHAPES, *ACTIONS]
    return [tuple(map(names.index, pair)) for pair in PAIRS]

  @functools.cached_property
  def _pairs(self) -> Float[np.ndarray, 'P D']:
    return self._parts[np.array(self._places)].sum(1) / np.sqrt(3)


class Pool:
  """The features of chapters and sentences on disk.

  What is sent to another process is the path alone.

  Attributes:
    folder: where they are.
    fps: rows per second.
  """

  def __init__(self, folder: str | Path):
    """Reads what is small.

    Raises:
      BadInput: it is no pool.
    """
    self.folder = Path(folder)
    try:
      about = json.loads((self.folder / ABOUT).read_text())
      self.fps = float(about['fps'])
      self._durations_s = [int(x) for x in about['duration_s']]
    except (OSError, ValueError, KeyError, TypeError) as error:
      raise BadInput(
        f'{self.folder} holds no features of chapters; make them with python '
        '-m vtg_jax.systems.revisionllm.write_chapters'
      ) from error
    rows = [round(x * self.fps) for x in self._durations_s]
    self._first_row = np.cumsum([0, *rows])

  def __getstate__(self) -> Mapping:
    return {'folder': self.folder}

  def __setstate__(self, state: Mapping) -> None:
    self.__init__(state['folder'])

  def frames(self, number: int) -> Float[np.ndarray, 'N D']:
    """The features of chapter `number` of the pool, read when used."""
    return self._frames[self._first_row[number] : self._first_row[number + 1]]

  def words(self, number: int) -> Float32[np.ndarray, 'L D']:
    """The features of a sentence's words."""
    n_words = int(self._n_words[number])
    return self._words[number, :n_words].astype(np.float32)

  @functools.cached_property
  def chapters(self) -> list[Chapter]:
    """What happens in each."""
    events = np.asarray(self._array(EVENTS))
    number, pairs, start_s, end_s = events.T
    return [
      Chapter(
        duration_s,
        pairs[number == i].astype(np.int32),
        start_s[number == i],
        end_s[number == i],
      )
      for i, duration_s in enumerate(self._durations_s)
    ]

  @property
  def width(self) -> int:
    return self._frames.shape[1]

  @functools.cached_property
  def _frames(self) -> np.ndarray:
    return self._array(FRAMES, int(self._first_row[-1]))

  @functools.cached_property
  def _words(self) -> np.ndarray:
    return self._array(WORDS, N_SENTENCES)

  @functools.cached_property
  def _n_words(self) -> np.ndarray:
    return self._array(N_WORDS, N_SENTENCES)

  def _array(self, name: str, n_rows: int | None = None) -> np.ndarray:
    path = self.folder / name
    try:
      array = np.load(path, mmap_mode='r', allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
      raise BadInput(f'{path} cannot be read; make the pool anew') from error
    if n_rows is not None and len(array) != n_rows:
      raise BadInput(
        f'{path} has {len(array)} rows, not {n_rows}; make the pool anew'
      )
    return array
