"""The benchmarks by name: what a config's table of entries becomes."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.evaluation import (
  annotations,
  caption_files,
  question_files,
  stories,
)
from vtg_jax.evaluation.highlight_files import qvhighlights_items
from vtg_jax.evaluation.items import Item, Videos, by_search
from vtg_jax.evaluation.long_files import clip_items, features_of, long_items
from vtg_jax.evaluation.long_stories import LongStories
from vtg_jax.evaluation.next_gqa_files import next_gqa_items
from vtg_jax.evaluation.video_mme_files import video_mme_items
from vtg_jax.metrics.coarse_baselines import Truth


@dataclasses.dataclass(frozen=True, kw_only=True)
class Benchmark:
  """What to ask, and about which videos.

  Attributes:
    title: its name.
    items: all of one type: sentences, questions or videos to be told.
    watched: names of the videos that will be asked for -> a context in which
      a video's name gives its file or frames.
    videos_are: what decides the videos' frames, for the record.
    tuning: videos to choose constant answers on; None is the scored ones.
  """

  title: str
  items: Sequence[Item]
  watched: Callable[[Sequence[str]], contextlib.AbstractContextManager[Videos]]
  videos_are: str
  tuning: Sequence[Truth] | None = None


def benchmark(config: Mapping[str, Any]) -> Benchmark:
  """Makes the benchmark that a config describes.

  Args:
    config: `benchmark` names one of BENCHMARKS, `title` is what to call it,
      `first` keeps the first samples only (all when None); the other entries
      are the benchmark's own.

  Raises:
    BadInput: an unknown benchmark, an entry that is missing or out of range,
      or annotations that cannot be read.
  """
  name = config.get('benchmark')
  if name not in BENCHMARKS:
    raise BadInput(f'benchmark {name!r} is unknown; use {list(BENCHMARKS)}')
  try:
    found = BENCHMARKS[name](config)
    first = config['first']
  except KeyError as error:
    raise lacking(error, name) from error
  if not found.items:
    raise BadInput(f'{found.title} has nothing to ask; give other annotations')
  if first is not None:
    if first < 1:
      raise BadInput(f'first is {first}; give a number from 1 up, or null')
    found = dataclasses.replace(found, items=found.items[:first])
  return found


def lacking(error: KeyError, benchmark: str) -> BadInput:
  """What to raise where a config has not got an entry."""
  return BadInput(
    f'the config has no {error.args[0]!r}, which benchmark {benchmark!r} '
    'needs; add it'
  )


def _folder(
  config,
) -> Callable[[Sequence[str]], contextlib.AbstractContextManager[Videos]]:
  videos = annotations.videos_in(config['videos'])
  return lambda names: contextlib.nullcontext(videos)


def _grounding(config) -> Benchmark:
  items = annotations.grounding_items(config['annotations'], config['format'])
  return Benchmark(
    title=config['title'],
    items=items,
    watched=_folder(config),
    videos_are=str(config['videos']),
  )


def _questions(config) -> Benchmark:
  items = question_files.question_items(
    config['annotations'], task=config['title'], clip=config['clip']
  )
  return Benchmark(
    title=config['title'],
    items=items,
    watched=_folder(config),
    videos_are=str(config['videos']),
  )


def _mvbench(config) -> Benchmark:
  return Benchmark(
    title=config['title'],
    items=question_files.mvbench_items(config['annotations'], config['tasks']),
    watched=_folder(config),
    videos_are=str(config['videos']),
  )


def _next_gqa(config) -> Benchmark:
  items = next_gqa_items(
    config['annotations'], config['spans'], config['names'] or None
  )
  return Benchmark(
    title=config['title'],
    items=items,
    watched=_folder(config),
    videos_are=str(config['videos']),
  )


def _video_mme(config) -> Benchmark:
  return Benchmark(
    title=config['title'],
    items=video_mme_items(config['annotations']),
    watched=_folder(config),
    videos_are=str(config['videos']),
  )


def _captions(config) -> Benchmark:
  files = caption_files.files_of(config['annotations'])
  return Benchmark(
    title=config['title'],
    items=caption_files.activitynet_captions(files or ['']),
    watched=_folder(config),
    videos_are=str(config['videos']),
  )


def _youcook2(config) -> Benchmark:
  return Benchmark(
    title=config['title'],
    items=caption_files.youcook2_captions(
      config['annotations'], config['subset']
    ),
    watched=_folder(config),
    videos_are=str(config['videos']),
  )


def _highlights(config) -> Benchmark:
  return Benchmark(
    title=config['title'],
    items=qvhighlights_items(config['annotations']),
    watched=_folder(config),
    videos_are=str(config['videos']),
  )


def _stories(config) -> Benchmark:
  about = stories.Stories.from_config(config)
  return Benchmark(
    title=config['title'],
    items=about.items(),
    watched=about.watched,
    videos_are=about.videos_are,
    tuning=about.tuning(),
  )


def _told_stories(config) -> Benchmark:
  about = stories.Stories.from_config(config)
  return Benchmark(
    title=config['title'],
    items=about.caption_items(),
    watched=about.watched,
    videos_are=about.videos_are,
  )


def _story_retrieval(config) -> Benchmark:
  about = stories.Stories.from_config(config)
  return Benchmark(
    title=config['title'],
    items=about.retrieval_items(),
    watched=about.watched,
    videos_are=about.videos_are,
  )


def _clip_retrieval(config) -> Benchmark:
  return Benchmark(
    title=config['title'],
    items=clip_items(config['annotations']),
    **_videos_or_features(config),
  )


def _long_moments(config) -> Benchmark:
  items = long_items(
    config['annotations'], config['format'], config['longer_than_s']
  )
  return Benchmark(
    title=config['title'],
    items=by_search(items, tuple(config['searches'])),
    **_videos_or_features(config),
  )


def _videos_or_features(config) -> dict[str, Any]:
  """What says where videos, or in their place features of them, are."""
  features, fps = config['features'], config['features_fps']
  if not features:
    return {'watched': _folder(config), 'videos_are': str(config['videos'])}
  return {
    'watched': functools.partial(features_of, features, fps),
    'videos_are': f'{features}, {fps:g} frames per second',
  }


def _long_stories(config) -> Benchmark:
  about = LongStories.from_config(config)
  return Benchmark(
    title=config['title'],
    items=about.items(),
    watched=about.watched,
    videos_are=about.videos_are,
  )


BENCHMARKS = {
  'grounding': _grounding,
  'questions': _questions,
  'mvbench': _mvbench,
  'next_gqa': _next_gqa,
  'video_mme': _video_mme,
  'captions': _captions,
  'youcook2': _youcook2,
  'highlights': _highlights,
  'shape_stories': _stories,
  'told_stories': _told_stories,
  'long_moments': _long_moments,
  'long_stories': _long_stories,
  'story_retrieval': _story_retrieval,
  'clip_retrieval': _clip_retrieval,
}
