"""Long videos put together from a pool of chapters, one for each sentence.

    item      an event of a chapter, and one of the ways to say it
    video     | other | other | the chapter | other | ...    other every epoch

No other chapter of an item's video shows what is asked, so it happens once; the
same objects do other things in it, and other objects do the same.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, Int32

from input_pipeline.long_video.item import MomentItem, asked
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.words import N_PARAPHRASES
from vtg_jax.systems.revisionllm.chapters import (
  MOST_SHOWN,
  Chapter,
  MadeUpFeatures,
  Pool,
  make_chapter,
  n_rows,
  sentence_of,
  shown_pairs,
  told,
)

# Opens the stream of random numbers of how a video is put together.
_VIDEO_STREAM = 6
# Chapters that are looked at in search of one that does not show a pair.
_TRIES = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChapterVideos:
  """A range of videos, with one sentence each.

  Attributes:
    folder: of the pool that `write_chapters` made; None for made-up features,
      which need no encoder.
    n_chapters: chapters that are made up where there is no folder.
    n_items: different videos, each with a sentence.
    first_seed: of the first one.
    chapters_a_video: of half a minute to a minute each.
    weight: share in a mixture; None for all data sets takes every sentence
      once an epoch.
  """

  folder: str | None = None
  n_chapters: int = 64
  n_items: int = 1_000_000
  first_seed: int = 0
  chapters_a_video: int = 8
  weight: float | None = None

  def __post_init__(self):
    for name in ('n_chapters', 'n_items', 'chapters_a_video'):
      if getattr(self, name) < 1:
        raise ValueError(f'{name} is {getattr(self, name)}; use 1 up')


class ChapterSource:
  """See `input_pipeline.long_video.source.Source`; it knows what frames show.

  Attributes:
    options: which videos.
    fps: rows per second.
    width: channels of features.
    name: what complaints call it.
  """

  def __init__(
    self,
    options: ChapterVideos,
    *,
    width: int,
    fps: float,
    name: str = 'chapters',
  ):
    """Opens the pool.

    Raises:
      BadInput: it is none, or of another rate.
    """
    self.options, self.fps, self.width, self.name = options, fps, width, name
    self._pool = Pool(options.folder) if options.folder is not None else None
    if self._pool is not None and self._pool.width != width:
      raise BadInput(
        f'the features in {options.folder} have {self._pool.width} channels, '
        f'the model {width}; give those of its encoder'
      )
    if self._pool is not None and self._pool.fps != fps:
      raise BadInput(
        f'{options.folder} has {self._pool.fps} rows a second, the model takes '
        f'{fps}; make it anew with --fps {fps:g}'
      )
    self._made_up = MadeUpFeatures(width=width)

  @property
  def items(self) -> Sequence[MomentItem]:
    return _Items(self)

  def frames(self, video: str) -> 'VideoOfChapters':
    return self._video(int(video))[1]

  def words(self, query_id: str) -> Float[np.ndarray, 'L D']:
    source = self._made_up if self._pool is None else self._pool
    return source.words(int(query_id))

  def shown(
    self, video: str, rows: Int[np.ndarray, ' F']
  ) -> Int32[np.ndarray, 'F M']:
    """Numbers in `words.PAIRS` of what each row shows; -1 fills up."""
    return self.frames(video).shown(rows)

  def pair_of(self, query_id: str) -> int:
    """The number of the pair that a sentence asks for."""
    return int(query_id) // N_PARAPHRASES

  def item(self, index: int) -> MomentItem:
    """The sentence of video `index` of the range."""
    return self._video(self.options.first_seed + index)[0]

  @functools.lru_cache(maxsize=16)  # noqa: B019  a source lives as long as a run
  def _video(self, seed: int) -> tuple[MomentItem, 'VideoOfChapters']:
    """A sentence and its video."""
    rng = np.random.default_rng([_VIDEO_STREAM, seed])
    n = self.options.chapters_a_video
    number = int(rng.integers(len(self.chapters)))
    chapter = self.chapters[number]
    event = int(rng.integers(len(chapter.pairs)))
    pair = int(chapter.pairs[event])
    place = int(rng.integers(n))
    numbers = [
      number if i == place else self._other(pair, rng) for i in range(n)
    ]
    video = VideoOfChapters(self, tuple(numbers))
    start_s = float(video.starts[place]) / self.fps
    sentence = pair * N_PARAPHRASES + int(rng.integers(N_PARAPHRASES))
    item = MomentItem(
      query_id=str(sentence),
      video=str(seed),
      text=asked(sentence_of(sentence)),
      start_s=start_s + float(chapter.start_s[event]),
      end_s=start_s + float(chapter.end_s[event]),
      duration_s=len(video) / self.fps,
      source='chapters',
    )
    return item, video

  def _other(self, pair: int, rng) -> int:
    """A chapter that does not show a pair."""
    for _ in range(_TRIES):
      number = int(rng.integers(len(self.chapters)))
      if pair not in self.chapters[number].pairs:
        return number
    raise BadInput(f'{self.name} all show pair {pair}; use more of them')

  @functools.cached_property
  def chapters(self) -> list[Chapter]:
    """What happens in each."""
    if self._pool is not None:
      return self._pool.chapters
    seeds = range(self.options.n_chapters)
    return [told(make_chapter(seed)) for seed in seeds]

  def chapter_features(self, number: int) -> Float[np.ndarray, 'N D']:
    """The features of a chapter."""
    if self._pool is not None:
      return self._pool.frames(number)
    return self._made_up.frames(self.chapters[number], self.fps, number)


class VideoOfChapters:
  """The features of a video; see `VideoFeatures`.

  Attributes:
    starts: first row of each chapter.
  """

  def __init__(self, source: ChapterSource, numbers: tuple[int, ...]):
    self._source, self._numbers = source, numbers
    rows = [n_rows(source.chapters[i], source.fps) for i in numbers]
    self.starts = np.cumsum([0, *rows[:-1]])
    self._n_rows = sum(rows)

  def __len__(self) -> int:
    return self._n_rows

  def __getitem__(
    self, rows: Int[np.ndarray, ' F']
  ) -> Float[np.ndarray, 'F D']:
    return self._gathered(
      rows, self._source.chapter_features, self._source.width
    )

  def shown(self, rows: Int[np.ndarray, ' F']) -> Int32[np.ndarray, 'F M']:
    """What rows show; see `ChapterSource.shown`."""

    def of_chapter(number):
      return shown_pairs(self._source.chapters[number], self._source.fps)

    return self._gathered(rows, of_chapter, MOST_SHOWN).astype(np.int32)

  def _gathered(self, rows, of_chapter, width) -> np.ndarray:
    rows = np.asarray(rows, np.int64)
    at = np.searchsorted(self.starts, rows, side='right') - 1
    out = np.empty((len(rows), width), np.float32)
    for place in np.unique(at).tolist():
      inside = at == place
      found = of_chapter(self._numbers[place])
      out[inside] = found[rows[inside] - self.starts[place]]
    return out


class _Items(Sequence):
  """The sentences, made when asked for."""

  def __init__(self, source: ChapterSource):
    self._source = source

  def __len__(self) -> int:
    return self._source.options.n_items

  def __getitem__(self, index: int) -> MomentItem:
    if not 0 <= index < len(self):
      raise IndexError(index)
    return self._source.item(index)
