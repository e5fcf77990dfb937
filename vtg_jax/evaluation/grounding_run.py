"""Grounds every sentence of a benchmark, one line a sentence.

The keys of HawkEye's own lines are `video_fname`, `duration`, `question`,
`pred_span`, `gt_span`, `pred_answer_list` and `iou`; the others are ours. A
line has what its system has: no `pred_answer_list` where no rounds were
played, no `seed` where there are no options to order.

Deviates: `question` is the bare sentence, without the prompt around it.
"""

import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from input_pipeline.frame_store import FrameStore
from vtg_jax.evaluation.items import GroundingItem, Videos, by_video
from vtg_jax.evaluation.memory import forget_peak, peak_mib
from vtg_jax.evaluation.records import Records
from vtg_jax.metrics.grounding import best_iou
from vtg_jax.moments import Absent, Moment
from vtg_jax.moments.by_query import by_query
from vtg_jax.systems.grounder import Grounder

Progress = Callable[[int, int], None]
# Entries of an answer's JSON that its line has too: the share of the video
# that was looked at; numbers by name, such as of calls and tokens.
CARRIED = ('looked_at', 'cost')


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundingOptions:
  """How sentences are asked.

  Attributes:
    search: options of the grounder's `ground`, without the seed.
    seed: of the option orders; None where the system has none.
    other_orders: how many further seeds (seed + 1, ...) every sentence is
      asked with, to see what the order of the options does.
    resize: how frames are resized; see `Grounder.open_video`.
    top_k: answers a sentence; those after the best are in a line's `others`.
    searches: name -> what takes the place of `search` for the items that are
      asked with it.
  """

  search: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  seed: int | None = 0
  other_orders: int = 0
  resize: str = 'pil'
  top_k: int = 1
  searches: Mapping[str, Mapping[str, Any]] = dataclasses.field(
    default_factory=dict
  )

  def of(self, search: str) -> 'GroundingOptions':
    """How the items of one search are asked."""
    if not search:
      return self
    return dataclasses.replace(self, search=self.searches[search])

  @property
  def seeds(self) -> list[int | None]:
    if self.seed is None:
      return [None]
    return [self.seed + k for k in range(1 + self.other_orders)]


def run_grounding(
  grounder: Grounder,
  items: Sequence[GroundingItem],
  videos: Videos,
  records: Records,
  options: GroundingOptions = GroundingOptions(),
  *,
  on_progress: Progress | None = None,
) -> None:
  """Answers the items that have no line yet; each video is opened once.

  A system that says what a search will cost has that in its lines; one that
  can make a video ready does so before each search, so that seconds are of
  the search alone.

  A sample that fails, for whatever reason, gets HawkEye's empty line
  (span [0, 0], answers [null], duration null) with the error in it.

  Args:
    grounder: any system's.
    items: what to ask.
    videos: name -> file or frames.
    records: where lines go, and what is done already.
    options: how to ask.
    on_progress: called with (samples done, samples).
  """

  def told():
    if on_progress is not None:
      on_progress(len(records.done), len(items))

  told()
  for name, places in by_video(items).items():
    if all(i in records.done for i in places):
      continue
    path = None
    try:
      video = videos(name)
      is_path = isinstance(video, str | os.PathLike)
      path = video if is_path else getattr(video, 'path', None)
      if is_path:
        video = grounder.open_video(video, resize=options.resize)
    except Exception as error:  # one bad video must not end the benchmark
      fault, video = error, None
    for search, group in _by_search(items, places).items():
      if all(i in records.done for i in group):
        continue
      # All of the search's, also those that have a line: the last bits of an
      # answer depend on what is asked along.
      asked = [items[i] for i in group]
      if video is None:
        found = [_failed(fault) for _ in asked]
      else:
        found = _search(grounder, video, asked, options.of(search))
      for i, item, answer in zip(group, asked, found, strict=True):
        if i not in records.done:
          name = item.video if path is None else str(path)
          records.append(_line(i, item, name, answer))
      told()


def _by_search(
  items: Sequence[GroundingItem], places: Sequence[int]
) -> dict[str, list[int]]:
  """The places of a video's items by the search they are asked with."""
  found: dict[str, list[int]] = {}
  for i in places:
    found.setdefault(items[i].search, []).append(i)
  return found


def _line(
  number: int, item: GroundingItem, name: str, answer: Mapping[str, Any]
) -> dict[str, Any]:
  return {
    'sample': number,
    'video': item.video,
    'video_fname': name,
    'question': item.question,
    'gt_span': [list(span) for span in item.gold] or None,
    **answer,
    'tags': list(item.tags),
    'part': item.part,
    **({} if item.qid is None else {'qid': item.qid}),
    **({'search': item.search} if item.search else {}),
  }


def _search(grounder, video, asked, options) -> list[dict[str, Any]]:
  """Answers of one search's questions, and what it was to cost."""
  cost = {}
  try:
    if hasattr(grounder, 'ready'):
      start = time.perf_counter()
      forget_peak()
      grounder.ready(video)
      cost['ready_peak_mib'] = peak_mib()
      cost['ready_seconds'] = time.perf_counter() - start
  except Exception as error:  # one bad video must not end the benchmark
    return [_failed(error) for _ in asked]
  forget_peak()
  found = _ask(grounder, video, asked, options)
  cost['peak_mib'] = peak_mib()
  for item, answer in zip(asked, found, strict=True):
    if answer['error'] is None:
      answer |= cost
      if hasattr(grounder, 'quote'):
        quote = grounder.quote(video, item.question, **options.search)
        answer['quote'] = dataclasses.asdict(quote)
  return found


def _ask(grounder, video, asked, options) -> list[dict[str, Any]]:
  """Answers of all questions about a video, together if that goes well."""
  start = time.perf_counter()
  try:
    by_seed = [
      _ground(grounder, video, asked, options, seed) for seed in options.seeds
    ]
  except Exception as error:  # as above
    if len(asked) == 1:
      return [_failed(error)]
    # One sentence that cannot be asked spoils only itself.
    return [_ask(grounder, video, [one], options)[0] for one in asked]
  seconds = (time.perf_counter() - start) / len(asked)
  found = []
  for first, *others in zip(*by_seed, strict=True):
    answer = {**first, 'seconds': seconds, 'error': None}
    if others:
      answer['other_orders'] = others
    found.append(answer)
  return found


def _ground(grounder, video, asked, options, seed) -> list[dict[str, Any]]:
  """What one pass with one seed of the option orders says."""
  orders = {} if seed is None else {'seed': seed}
  more = {} if options.top_k == 1 else {'top_k': options.top_k}
  answers = grounder.ground(
    video,
    [item.question for item in asked],
    **orders,
    **more,
    **options.search,
  )
  groups = by_query(answers, len(asked), top_k=options.top_k)
  if groups is None:  # then each is asked alone
    raise ValueError(f'{len(answers)} answers do not tell which is of which')
  return [
    {
      **orders,
      'duration': _duration_s(best, video, options.search),
      **_told(best),
      'iou': _iou(best, item),
      'score': float(best.score),
      **_probabilities(best),
      **_carried(best),
      **({'others': [_other(one, item) for one in others]} if more else {}),
    }
    for (best, *others), item in zip(groups, asked, strict=True)
  ]


def _other(answer: Moment, item: GroundingItem) -> dict[str, Any]:
  """A further answer's span, IoU and score."""
  return {
    'pred_span': [float(answer.start_s), float(answer.end_s)],
    'iou': _iou(answer, item),
    'score': float(answer.score),
  }


def _carried(answer: Moment | Absent) -> dict[str, Any]:
  """What was looked at, and what it cost, of a system that says so."""
  written = answer.to_json()
  return {name: written[name] for name in CARRIED if name in written}


def _duration_s(answer: Moment | Absent, video, search) -> float:
  """What the system took for the length of the video."""
  if answer.rounds:
    return float(answer.rounds[0].end_s)
  by_paper = search.get('sampling') == 'paper'
  if isinstance(video, FrameStore):
    return float(video.paper_duration_s if by_paper else video.duration_s)
  return len(video.features) / video.fps


def _told(answer: Moment | Absent) -> dict[str, Any]:
  """The span, how it was reached, and how sure its boundaries are."""
  told: dict[str, Any] = {'pred_span': None}
  if isinstance(answer, Moment):
    told['pred_span'] = [float(answer.start_s), float(answer.end_s)]
    if answer.range_level is not None:
      told |= {
        'start_range': answer.start_range_s,
        'end_range': answer.end_range_s,
        'range_level': answer.range_level,
      }
  if answer.rounds:
    told['pred_answer_list'] = [one.choice for one in answer.rounds]
  return told


def _probabilities(answer: Moment | Absent) -> dict[str, Any]:
  """Those of each round's choices."""
  if not answer.rounds:
    return {}
  return {
    'probabilities': [
      {name: float(p) for name, p in one.probabilities.items()}
      for one in answer.rounds
    ]
  }


def _iou(answer: Moment | Absent, item: GroundingItem) -> float | None:
  if not item.gold:
    return None
  if isinstance(answer, Absent):
    return 0.0
  return float(best_iou((answer.start_s, answer.end_s), item.gold))


def _failed(error: Exception) -> dict[str, Any]:
  """HawkEye's line of a sample that raised, and why it did."""
  return {
    'duration': None,
    'pred_span': [0, 0],
    'pred_answer_list': [None],
    'iou': 0.0,
    'score': None,
    'probabilities': [],
    'seconds': None,
    'error': f'{type(error).__name__}: {" ".join(str(error).split())}',
  }
