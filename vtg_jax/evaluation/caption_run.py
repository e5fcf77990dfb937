"""Has every video of a benchmark told, one line a video."""

import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vtg_jax.evaluation.items import CaptionItem, Videos
from vtg_jax.evaluation.records import Records


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionOptions:
  """How videos are told.

  Attributes:
    tell: options of the grounder's `dense_caption`.
    resize: see `Grounder.open_video`.
  """

  tell: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  resize: str = 'pil'


def run_captions(
  teller,
  items: Sequence[CaptionItem],
  videos: Videos,
  records: Records,
  options: CaptionOptions = CaptionOptions(),
  *,
  on_progress: Callable[[int, int], None] | None = None,
) -> None:
  """Has the videos told that have no line yet.

  A line: {'sample': 0, 'video': 'a.mp4', 'duration': 9.0, 'told':
  [[[0.0, 3.5], 'a dog runs']], 'references': [[[[0, 3], 'a dog runs off']]],
  'seconds': 1.2, 'error': None}; what fails tells nothing.

  Args:
    teller: a system with `dense_caption`.
    items: videos.
    videos: name -> file or frames.
    records: where lines go, and what is done already.
    options: how to tell.
    on_progress: called with (videos done, videos).
  """

  def show():
    if on_progress is not None:
      on_progress(len(records.done), len(items))

  show()
  for i, item in enumerate(items):
    if i in records.done:
      continue
    line = {'sample': i, 'video': item.video, 'references': item.references}
    records.append(line | _told(teller, item, videos, options))
    show()


def _told(teller, item: CaptionItem, videos: Videos, options):
  """What is told of a video, and when."""
  start = time.perf_counter()
  try:
    video = videos(item.video)
    if isinstance(video, str | os.PathLike):
      video = teller.open_video(video, resize=options.resize)
    captions = teller.dense_caption(video, **options.tell)
  except Exception as error:  # one bad video must not end the benchmark
    return {
      'duration': None,
      'told': [],
      'seconds': None,
      'error': f'{type(error).__name__}: {" ".join(str(error).split())}',
    }
  return {
    'duration': float(video.duration_s),
    'told': [
      [[float(one.start_s), float(one.end_s)], one.text] for one in captions
    ],
    'seconds': time.perf_counter() - start,
    'error': None,
  }
