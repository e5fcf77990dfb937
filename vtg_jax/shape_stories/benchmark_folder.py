"""The benchmark as files: videos, what is asked about them, and with what.

    OUT/benchmark.json     name, version, seeds and every knob
    OUT/videos/2000000.mp4
    OUT/annotations.json   what happens
    OUT/absent.json        what does not

An annotation:
  {'video': '2000000.mp4', 'question': 'a red circle is rising',
   'answer': [2.5, 9.0], 'duration': 48.0, 'seed': 2000000, 'kind': 'present',
   'caption': 'a red circle rises', 'qid': '2000000-0', 'held_out': False}
"""

import concurrent.futures
import json
import multiprocessing
import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from vtg_jax.errors import BadInput, is_disk_full
from vtg_jax.shape_stories.config import StoryConfig
from vtg_jax.shape_stories.long_config import LongConfig
from vtg_jax.shape_stories.long_story import LongStory, story_of
from vtg_jax.shape_stories.splits import NAME, VERSION
from vtg_jax.shape_stories.story import Story
from vtg_jax.shape_stories.story_video import write_mp4
from vtg_jax.shape_stories.words import held_out_pairs


def write_benchmark(
  out: str | os.PathLike,
  config: StoryConfig | LongConfig,
  seeds: range,
  *,
  workers: int = 1,
  on_progress: Callable[[int, int], None] | None = None,
) -> None:
  """Writes the folder; videos already there are kept.

  Several processes may write the same folder: each takes what is missing, in
  an order of its own, and files appear whole.

  Args:
    out: the folder.
    config: the knobs.
    seeds: a video each.
    workers: processes that draw; 1 is this one.
    on_progress: is called with (videos written, videos to write).

  Raises:
    BadInput: no seed, a folder with another benchmark, or a full disk.
  """
  if not len(seeds) or seeds.start < 0:
    raise BadInput(f'seeds {seeds.start}:{seeds.stop} are none; give START:END')
  if workers < 1:
    raise BadInput(f'{workers} workers draw nothing; give 1 or more')
  out = Path(out)
  try:
    (out / 'videos').mkdir(parents=True, exist_ok=True)
    _claim(out / 'benchmark.json', config, seeds)
    missing = [s for s in seeds if not video_file(out, s).exists()]
    random.shuffle(missing)
    for done, _ in enumerate(_write_all(out, config, missing, workers), 1):
      if on_progress is not None:
        on_progress(done, len(missing))
    present, absent = [], []
    for seed in seeds:
      story = story_of(config, seed)
      present += present_items(story)
      absent += absent_items(story)
    _write_json(out / 'annotations.json', present)
    _write_json(out / 'absent.json', absent)
  except OSError as error:
    if is_disk_full(error):
      raise BadInput(f'the disk of {out} is full; make room') from error
    raise BadInput(f'{out} cannot be written ({error}); choose another') from (
      error
    )


def video_file(out: Path, seed: int) -> Path:
  """Where the video of a seed is."""
  return out / 'videos' / f'{seed}.mp4'


def present_items(story: Story | LongStory) -> list[dict[str, Any]]:
  """What happens in a story, an annotation a query."""
  held_out = held_out_pairs()
  return [
    {
      'video': f'{story.seed}.mp4',
      'question': query.text,
      'answer': [query.start_s, query.end_s],
      'duration': story.duration_s,
      'seed': story.seed,
      'kind': 'present',
      'caption': query.caption,
      'qid': f'{story.seed}-{query.name}',
      'held_out': story.event_of(query).pair in held_out,
    }
    for query in story.queries
  ]


def absent_items(story: Story | LongStory) -> list[dict[str, Any]]:
  """What does not happen in a story; 'kind' says how it is absent."""
  names = absent_names(story)
  return [
    {
      'video': f'{story.seed}.mp4',
      'question': query.text,
      'duration': story.duration_s,
      'seed': story.seed,
      'kind': query.kind,
      'caption': query.caption,
      'qid': f'{story.seed}-absent-{name}',
    }
    for name, query in zip(names, story.absent_queries, strict=True)
  ]


def absent_names(story: Story | LongStory) -> list[str]:
  """A name for each absent query: its kind, from the second on numbered."""
  counts: dict[str, int] = {}
  names = []
  for query in story.absent_queries:
    n = counts[query.kind] = counts.get(query.kind, 0) + 1
    names.append(query.kind if n == 1 else f'{query.kind}-{n}')
  return names


def _claim(path: Path, config: StoryConfig | LongConfig, seeds: range) -> None:
  about = {
    'name': NAME,
    'version': VERSION,
    'config': config.to_dict(),
    'seeds': [seeds.start, seeds.stop],
  }
  if path.exists():
    try:
      found = json.loads(path.read_text())
      same = {**found, 'seeds': None} == {**about, 'seeds': None}
    except (ValueError, TypeError):
      same = False
    if not same:
      raise BadInput(
        f'{path.parent} holds another benchmark, or another difficulty; give '
        'an empty folder'
      )
  _write_json(path, about)


def _write_all(
  out: Path, config: StoryConfig | LongConfig, seeds: list[int], workers: int
) -> Iterable[int]:
  if workers == 1 or len(seeds) < 2:
    for seed in seeds:
      yield _write_video(out, config, seed)
    return
  with concurrent.futures.ProcessPoolExecutor(
    min(workers, len(seeds)), multiprocessing.get_context('spawn')
  ) as pool:
    jobs = [pool.submit(_write_video, out, config, seed) for seed in seeds]
    try:
      for job in concurrent.futures.as_completed(jobs):
        yield job.result()
    except BaseException:
      pool.shutdown(cancel_futures=True)
      raise


def _write_video(out: Path, config: StoryConfig | LongConfig, seed: int) -> int:
  path = video_file(out, seed)
  if path.exists():  # another process was faster
    return seed
  partial = path.with_name(f'.{seed}-{os.getpid()}.mp4')
  try:
    write_mp4(story_of(config, seed), partial)
    os.replace(partial, path)
  finally:
    partial.unlink(missing_ok=True)
  return seed


def _write_json(path: Path, value: Any) -> None:
  partial = path.with_name(f'.{path.stem}-{os.getpid()}.json')
  try:
    partial.write_text(json.dumps(value, indent=1) + '\n')
    os.replace(partial, path)
  finally:
    partial.unlink(missing_ok=True)
