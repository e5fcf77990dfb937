"""Asks for the highlights of every query of a benchmark, one line a query."""

import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vtg_jax.evaluation.items import HighlightItem, Videos, by_video
from vtg_jax.evaluation.records import Records


@dataclasses.dataclass(frozen=True, kw_only=True)
class HighlightOptions:
  """How highlights are asked for.

  Attributes:
    mark: options of the grounder's `highlights`.
    resize: see `Grounder.open_video`.
  """

  mark: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  resize: str = 'pil'


def run_highlights(
  marker,
  items: Sequence[HighlightItem],
  videos: Videos,
  records: Records,
  options: HighlightOptions = HighlightOptions(),
  *,
  on_progress: Callable[[int, int], None] | None = None,
) -> None:
  """Asks about the items that have no line yet; each video is opened once.

  A line: {'sample': 0, 'video': 'a', 'question': 'a dog runs', 'qid': 3,
  'duration': 150, 'true': {'n_clips': 75, 'clips': [4], 'scores': [[4, 2]]},
  'told': [[8.0, 3.5]], 'seconds': 1.2, 'error': None}; what fails tells
  nothing.

  Args:
    marker: a system with `highlights(video, queries)`, a
      `moments.Highlights` a query.
    items: queries.
    videos: name -> file or frames.
    records: where lines go, and what is done already.
    options: how to ask.
    on_progress: called with (queries done, queries).
  """

  def show():
    if on_progress is not None:
      on_progress(len(records.done), len(items))

  show()
  for name, places in by_video(items).items():
    places = [i for i in places if i not in records.done]
    if not places:
      continue
    video, problem = None, None
    try:
      video = videos(name)
      if isinstance(video, str | os.PathLike):
        video = marker.open_video(video, resize=options.resize)
    except Exception as error:  # one bad video must not end the benchmark
      problem = error
    for i in places:
      item = items[i]
      line = {
        'sample': i,
        'video': item.video,
        'question': item.question,
        'qid': item.qid,
        'duration': item.duration_s,
        'true': dataclasses.asdict(item.true),
      }
      records.append(line | _marked(marker, video, item, options, problem))
      show()


def _marked(marker, video, item: HighlightItem, options, problem):
  """What is told of a query, and how long it took."""
  start = time.perf_counter()
  try:
    if problem is not None:
      raise problem
    (found,) = marker.highlights(video, [item.question], **options.mark)
  except Exception as error:  # nor must one bad query
    return {
      'told': [],
      'seconds': None,
      'error': f'{type(error).__name__}: {" ".join(str(error).split())}',
    }
  told = zip(found.times_s, found.saliency, strict=True)
  return {
    'told': [[float(time_s), float(saliency)] for time_s, saliency in told],
    'seconds': time.perf_counter() - start,
    'error': None,
  }
