"""ShapeStories as a benchmark: any range of seeds, from MP4 files."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import multiprocessing
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from input_pipeline.pixels import Resize
from vtg_jax import shape_stories
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.items import (
  CALIBRATION,
  CaptionItem,
  GroundingItem,
  RetrievalItem,
  Videos,
)
from vtg_jax.metrics.coarse_baselines import Truth
from vtg_jax.metrics.dense_captions import Event

UNSEEN = 'unseen combinations'
_RANGE = re.compile(r'(\d+):(\d+)')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stories:
  """Some stories and how they are watched.

  Attributes:
    config: the world they happen in.
    seeds: one a video.
    unseen_seeds: of further videos, asked about pairs of object and action
      that the world of training never shows; they get a row of their own.
    tuning_seeds: of the stories that constant answers are chosen on.
    files: True writes each video once as an MP4 file and reads that; False
      renders the frames that are asked for.
    cache: folder of the files.
    absent: ask also for what does not happen.
    calibration_seeds: of further videos, which are only learnt on.
    workers: processes that write files while others are answered about.
    size: side of the frames that are rendered, pixels; for `files` False.
  """

  config: shape_stories.StoryConfig
  seeds: range
  unseen_seeds: range
  tuning_seeds: range
  files: bool
  cache: Path
  absent: bool
  workers: int = 0
  size: int | None = None
  calibration_seeds: range = range(0)

  def __post_init__(self):
    both = set(self.seeds) & set(self.calibration_seeds)
    if both:
      raise BadInput(
        f'seed {min(both)} is both in seeds and in calibration_seeds; what is '
        'learnt on must not be scored'
      )

  @classmethod
  def from_config(cls, config: Mapping[str, Any]) -> 'Stories':
    """Reads a table of entries: `seeds`, `difficulty` and so on.

    Raises:
      BadInput: a range or a difficulty that does not exist.
    """
    presets, difficulty = shape_stories.PRESETS, config['difficulty']
    if difficulty not in presets:
      raise BadInput(
        f'difficulty {difficulty!r} is unknown; use one of {list(presets)}'
      )
    if not config['files'] and config['size'] is None:
      raise BadInput(
        'files is false and size is null; set size to the pixels of the '
        "model's frames"
      )
    unseen, tuning = config.get('unseen_seeds'), config.get('tuning_seeds')
    calibration = config.get('calibration_seeds')
    return cls(
      config=_turned(presets[difficulty](), config.get('knobs') or {}),
      seeds=seed_range(config['seeds']),
      unseen_seeds=seed_range(unseen) if unseen else range(0),
      tuning_seeds=range(0) if tuning is None else seed_range(tuning),
      files=config['files'],
      cache=Path(config['cache'] or default_cache()),
      absent=config.get('absent', False),
      workers=config['workers'],
      size=config['size'],
      calibration_seeds=seed_range(calibration) if calibration else range(0),
    )

  @functools.cached_property
  def world(self) -> str:
    """Fingerprint of the config and of the generator's code."""
    sha = hashlib.sha256(
      json.dumps(self.config.to_dict(), sort_keys=True).encode()
    )
    # A file from before the generator changed must not pass for a new one.
    for path in sorted(Path(shape_stories.__file__).parent.glob('*.py')):
      sha.update(path.read_bytes())
    return sha.hexdigest()[:12]

  @property
  def videos_are(self) -> str:
    """What decides the frames: for the record of a run."""
    how = 'mp4 files' if self.files else f'rendered at {self.size}'
    return f'{shape_stories.NAME} {shape_stories.VERSION} {self.world}, {how}'

  def items(self) -> list[GroundingItem]:
    """Every query of every story, and the absent ones without spans."""
    items = []
    parts = (('', self.seeds), (CALIBRATION, self.calibration_seeds))
    for part, seed in ((part, seed) for part, seeds in parts for seed in seeds):
      story = self.story(name := f'{seed}.mp4')
      items += [_item(name, story, query, part) for query in story.queries]
      if self.absent:
        items += [
          GroundingItem(video=name, question=query.text, gold=(), part=part)
          for query in story.absent_queries
        ]
    for seed in self.unseen_seeds:
      story = self.story(name := f'unseen-{seed}.mp4')
      items += [
        _item(name, story, query, part=UNSEEN) for query in story.queries
      ]
    return items

  def caption_items(self) -> list[CaptionItem]:
    """The videos to be told: their events in plain sentences, by start."""
    items = []
    for seed in self.seeds:
      story = self.story(name := f'{seed}.mp4')
      events = tuple(
        Event((event.start_s, event.end_s), event.caption)
        for event in story.events
      )
      items.append(CaptionItem(video=name, references=(events,)))
    return items

  def retrieval_items(self) -> list[RetrievalItem]:
    """Every sentence that is true of one of the videos alone."""
    stories = {f'{s}.mp4': self.story(f'{s}.mp4') for s in self.seeds}
    shown = Counter(
      pair
      for story in stories.values()
      for pair in {event.pair for event in story.events}
    )
    return [
      RetrievalItem(video=name, question=query.text, among=tuple(stories))
      for name, story in stories.items()
      for query in story.queries
      if shown[story.events[query.event].pair] == 1
    ]

  def story(self, name: str) -> shape_stories.Story:
    """Makes the story of a video's name."""
    seed = int(name.removesuffix('.mp4').removeprefix('unseen-'))
    config = self.config
    if name.startswith('unseen-'):
      config = config.replace(combinations='unseen')
    return shape_stories.make_story(config, seed)

  def tuning(self) -> list[Truth]:
    """Lengths and moments of the other stories; nothing is rendered."""
    truths = []
    for seed in self.tuning_seeds:
      story = shape_stories.make_story(self.config, seed)
      truths += [
        (story.duration_s, [(query.start_s, query.end_s)])
        for query in story.queries
      ]
    return truths

  def video(self, name: str) -> Path | shape_stories.StoryVideo:
    """Returns the file of a story, written when it is not there yet."""
    story = self.story(name)
    if not self.files:
      return shape_stories.StoryVideo(story, resize=Resize(size=self.size))
    path = self._path(name)
    if not path.exists():
      write_file(story, path)
    return path

  @contextlib.contextmanager
  def watched(self, names: Sequence[str]) -> Iterator[Videos]:
    """Writes the files of these videos ahead, in processes of their own.

    Yields:
      As `video`, but waits for a file that is being written.
    """
    missing = [n for n in names if self.files and not self._path(n).exists()]
    n_workers = min(self.workers, len(missing))
    if not n_workers:
      yield self.video
      return
    # Not forked: the process may run jax, whose threads a fork would lose.
    pool = ProcessPoolExecutor(
      n_workers,
      multiprocessing.get_context('spawn'),
      initializer=end_with_parent,
    )
    try:
      coming = {
        name: pool.submit(write_file, self.story(name), self._path(name))
        for name in missing
      }

      def video(name: str) -> Path:
        if name in coming:
          coming[name].result()
        return self.video(name)

      yield video
    finally:
      pool.shutdown(cancel_futures=True)

  def _path(self, name: str) -> Path:
    return self.cache / f'{shape_stories.NAME}-{self.world}' / name


def end_with_parent() -> None:
  """Ends this process when the one that started it is gone, killed or not.

  A pool's workers hold each other's pipes open, so that none would notice.
  """

  def wait():
    multiprocessing.parent_process().join()
    os._exit(1)

  threading.Thread(target=wait, daemon=True).start()


def write_file(story: shape_stories.Story, path: Path) -> None:
  """Writes a story's file, which has its name only once it is complete."""
  path.parent.mkdir(parents=True, exist_ok=True)
  partial = path.with_name(f'.{os.getpid()}-{path.name}')
  try:
    shape_stories.write_mp4(story, partial)
    os.replace(partial, path)
  finally:
    partial.unlink(missing_ok=True)


def _turned(
  config: shape_stories.StoryConfig, knobs: Mapping[str, Any]
) -> shape_stories.StoryConfig:
  """The world with some knobs set otherwise.

  Raises:
    BadInput: one does not exist, or is out of range.
  """
  known = {field.name for field in dataclasses.fields(config)}
  if unknown := sorted(knobs.keys() - known):
    raise BadInput(
      f'knobs has {", ".join(unknown)}, which the world has not; use some of '
      f'{", ".join(sorted(known))}'
    )
  return config.replace(**knobs)


def seed_range(text: str) -> range:
  """Reads '2000000:2000500', the end excluded.

  Raises:
    BadInput: another form, or an empty range.
  """
  found = _RANGE.fullmatch(str(text))
  seeds = range(int(found[1]), int(found[2])) if found else range(0)
  if not seeds:
    raise BadInput(
      f'{text!r} is no range of seeds; write FIRST:END, as in 2000000:2000500'
    )
  return seeds


def default_cache() -> Path:
  """Returns where files are kept between runs."""
  home = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
  return Path(home) / 'vtg_jax' / 'stories'


def _item(name, story, query, part: str = '') -> GroundingItem:
  """A query, tagged with what makes it hard to tell from others."""
  event = story.events[query.event]
  others = [e for i, e in enumerate(story.events) if i != query.event]
  tags = []
  if any(e.pair[:2] == event.pair[:2] for e in others):
    tags.append('same object, other action')
  if any(e.action == event.action for e in others):
    tags.append('same action, other object')
  return GroundingItem(
    video=name,
    question=query.text,
    gold=((query.start_s, query.end_s),),
    tags=tuple(tags),
    part=part,
  )
