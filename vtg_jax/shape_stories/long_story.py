"""Hours of video of which seconds are asked for.

    chapters  |  0  |   1   |  2  |     3     | ...   usual stories, 30 to 60 s
    asked       ..    #        ..     #               one moment in some of them

A long story is its chapters one after another, each with a background of its
own. A pair of object and action that is asked for happens once in the whole
video, and an absent one never; every other event is there to distract: the
same objects do other things and other objects do the same, over and over.
Chapters are made when they are looked at, and frames drawn when needed: any
frame costs the same.

Measured on the test seeds 9,800,000 to 9,800,049 at 'standard', 65.1 hours:
80 chapters and 562 events an hour, 9.2 of them asked for (11.9 a video) beside
12 absent queries a video. A moment lasts 6.6 s, which is 0.16 % of its video;
all that is asked for makes up 1.7 % of the time, and in 65 % of it something
else happens. The object of a moment is in 18 other events on average (3 at
least), its action in 100. Queries take 0.03 s to make, all events 0.2 s.
"""

import bisect
import dataclasses
import functools
import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from input_pipeline.video_frames import check_frame_ids
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.config import StoryConfig
from vtg_jax.shape_stories.long_config import LongConfig
from vtg_jax.shape_stories.make_story import (
  Cast,
  make_story,
  random_numbers,
)
from vtg_jax.shape_stories.render import render
from vtg_jax.shape_stories.story import AbsentQuery, Event, Story, StoryQuery
from vtg_jax.shape_stories.words import (
  ACTIONS,
  COLOURS,
  OBJECTS,
  PAIRS,
  Pair,
  held_out_pairs,
  paraphrase,
)

# Opens the stream of random numbers of how chapters are put together.
_LONG_STREAM = 3
# Seeds of chapters lie where no story of its own is made.
_CHAPTERS_FROM = 1 << 62
# Objects and actions that a video never shows, for absent queries.
_N_NEVER_OBJECTS, _N_NEVER_ACTIONS = 2, 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongQuery(StoryQuery):
  """A sentence that is true of one span of a long video.

  Attributes:
    chapter: in which it is; `event` is its number in that chapter's events.
  """

  chapter: int

  @property
  def name(self) -> str:
    return f'{self.chapter}-{self.event}'


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class LongStory:
  """One long video, with the face of a `Story`.

  Attributes:
    config: the knobs it was made with.
    seed: everything else about it.
    n_frames: frames in the video.
    chapter_starts: first frame of each chapter.
    casts: which pairs each chapter shows.
    sentences: which of a pair's sentences asks for it, of the chapters that
      are asked about.
    absent_queries: what can be asked in vain.
  """

  config: LongConfig
  seed: int
  n_frames: int
  chapter_starts: tuple[int, ...]
  casts: tuple[Cast, ...]
  sentences: tuple[int, ...]
  absent_queries: tuple[AbsentQuery, ...]

  @property
  def fps(self) -> float:
    return self.config.fps

  @property
  def width(self) -> int:
    return self.config.chapter.width

  @property
  def height(self) -> int:
    return self.config.chapter.height

  @property
  def duration_s(self) -> float:
    return self.n_frames / self.fps

  @property
  def n_chapters(self) -> int:
    return len(self.chapter_starts)

  def chapter_of(self, frame_id: int) -> int:
    """The number of the chapter that a frame is in."""
    return bisect.bisect_right(self.chapter_starts, frame_id) - 1

  def chapter(self, number: int) -> Story:
    """A chapter as the story that it is, its time from 0.

    Its own queries hold within the chapter, not in the long story.
    """
    number = range(self.n_chapters)[number]
    if number not in self._made:
      ends = (*self.chapter_starts[1:], self.n_frames)
      self._made[number] = make_story(
        self.config.chapter_config(ends[number] - self.chapter_starts[number]),
        chapter_seed(self.seed, number),
        cast=self.casts[number],
      )
    return self._made[number]

  @functools.cached_property
  def _made(self) -> dict[int, Story]:
    return {}

  @functools.cached_property
  def queries(self) -> tuple[LongQuery, ...]:
    """What can be asked, by chapter."""
    asked = [i for i, cast in enumerate(self.casts) if cast.first is not None]
    return tuple(
      self._query(number, sentence)
      for number, sentence in zip(asked, self.sentences, strict=True)
    )

  @functools.cached_property
  def events(self) -> tuple[Event, ...]:
    """All that happens, by chapter and start; makes every chapter."""
    return tuple(
      dataclasses.replace(
        event,
        start_frame=event.start_frame + start,
        end_frame=event.end_frame + start,
      )
      for number, start in enumerate(self.chapter_starts)
      for event in self.chapter(number).events
    )

  def event_of(self, query: LongQuery) -> Event:
    """What a query asks for, its time that of its chapter."""
    return self.chapter(query.chapter).events[query.event]

  def _query(self, number: int, sentence: int) -> LongQuery:
    wanted = self.casts[number].first
    start_s = self.chapter_starts[number] / self.fps
    ((place, event),) = [
      (i, event)
      for i, event in enumerate(self.chapter(number).events)
      if event.pair == wanted
    ]
    return LongQuery(
      text=paraphrase(event.pair, sentence),
      caption=event.caption,
      start_s=start_s + event.start_s,
      end_s=start_s + event.end_s,
      negative_start_s=0.0,
      negative_end_s=self.duration_s,
      event=place,
      chapter=number,
    )


def make_long_story(config: LongConfig, seed: int) -> LongStory:
  """The long story of a seed: the same whenever, wherever and however often.

  Raises:
    BadInput: a negative seed.
  """
  if seed < 0:
    raise BadInput(f'seed {seed} is negative; use 0 or more')
  rng = random_numbers(seed, _LONG_STREAM)
  shortest, longest = (round(s * config.fps) for s in config.duration_s)
  n_frames = int(rng.integers(shortest, longest + 1))
  starts = _chapter_starts(config, rng, n_frames)
  asked, absent, others = _draw_pairs(config, rng, len(starts))
  chosen = rng.choice(len(starts), len(asked), replace=False).tolist()
  first = dict(zip(sorted(chosen), asked, strict=True))
  return LongStory(
    config=config,
    seed=int(seed),
    n_frames=n_frames,
    chapter_starts=tuple(starts),
    casts=tuple(
      Cast(first=first.get(i), others=others) for i in range(len(starts))
    ),
    absent_queries=tuple(
      AbsentQuery(
        text=paraphrase(pair, int(rng.integers(config.chapter.n_paraphrases))),
        caption=paraphrase(pair, 0),
        kind=kind,
      )
      for kind, pair in absent
    ),
    sentences=tuple(
      rng.integers(config.chapter.n_paraphrases, size=len(asked)).tolist()
    ),
  )


def story_of(config: StoryConfig | LongConfig, seed: int) -> Story | LongStory:
  """The story of a seed, as long as its configuration says."""
  if isinstance(config, LongConfig):
    return make_long_story(config, seed)
  return make_story(config, seed)


def draw(
  story: Story | LongStory,
  frame_ids: Sequence[int],
  *,
  size: int | None = None,
) -> UInt8[np.ndarray, 'n h w 3']:
  """Frames of a story of any length; see `render`.

  Raises:
    BadInput: a frame that the story does not have.
  """
  if not isinstance(story, LongStory):
    return render(story, frame_ids, size=size)
  ids = np.asarray(frame_ids, np.int64)
  check_frame_ids(ids.tolist(), story.n_frames)
  starts = np.asarray(story.chapter_starts)
  chapters = np.searchsorted(starts, ids, side='right') - 1
  height, width = (story.height, story.width) if size is None else (size, size)
  frames = np.empty((len(ids), height, width, 3), np.uint8)
  for number in np.unique(chapters).tolist():
    inside = chapters == number
    frames[inside] = render(
      story.chapter(number), ids[inside] - starts[number], size=size
    )
  return frames


def chapter_seed(seed: int, number: int) -> int:
  """The seed of a chapter, which no other story has."""
  digest = hashlib.sha256(f'ShapeStories 1 long: {seed} {number}'.encode())
  return _CHAPTERS_FROM + int.from_bytes(digest.digest()[:7])


def _chapter_starts(config, rng, n_frames: int) -> list[int]:
  shortest, longest = (round(s * config.fps) for s in config.chapter.duration_s)
  starts, start = [], 0
  while n_frames - start > longest:
    starts.append(start)
    # What is left is never less than a chapter.
    most = min(longest, n_frames - start - shortest)
    start += int(rng.integers(shortest, most + 1))
  return [*starts, start]


def _draw_pairs(
  config, rng, n_chapters: int
) -> tuple[list[Pair], list[tuple[str, Pair]], tuple[Pair, ...]]:
  """Pairs that are asked for, absent ones with their kind, and all others."""
  held_out = held_out_pairs()
  shown = PAIRS
  if config.combinations == 'seen':
    shown = [pair for pair in PAIRS if pair not in held_out]
  asked_about = sorted(held_out) if config.combinations == 'unseen' else shown

  def some(pool: Sequence, n: int) -> list:
    return [pool[i] for i in rng.permutation(len(pool))[:n].tolist()]

  never_objects = set(some(OBJECTS, _N_NEVER_OBJECTS))
  never_actions = set(some(ACTIONS, _N_NEVER_ACTIONS))

  def is_never(pair: Pair) -> bool:
    return pair[:2] in never_objects or pair[2] in never_actions

  n_asked = int(rng.integers(config.n_queries[0], config.n_queries[1] + 1))
  asked = some(
    [pair for pair in asked_about if not is_never(pair)],
    min(n_asked, n_chapters),
  )
  # What is asked for is there, so its objects and actions are.
  objects, actions = {p[:2] for p in asked}, {p[2] for p in asked}
  pools = {
    'object': lambda p: p[:2] in never_objects,
    'action': lambda p: p[:2] in objects and p[2] in never_actions,
    'both': lambda p: p[:2] in objects and p[2] in actions,
    'colour': lambda p: (
      not is_never(p) and any((other, *p[1:]) in asked for other in COLOURS)
    ),
  }
  absent: list[tuple[str, Pair]] = []
  for kind, fits in pools.items():
    taken = {*asked, *(pair for _, pair in absent)}
    pool = [p for p in asked_about if fits(p) and p not in taken]
    absent += [(kind, pair) for pair in some(pool, config.n_absent)]
  taken = {*asked, *(pair for _, pair in absent)}
  others = tuple(p for p in shown if p not in taken and not is_never(p))
  return asked, absent, others
