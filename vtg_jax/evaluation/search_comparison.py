"""Searches of one system over hours of video, side by side in one table.

    search     R1/R5@0.3    mIoU   ...   frames   calls (quoted)   seconds
    top_down   31.0 / 40.2  21.3         4 %      12 (9 to 310)    0.8
    dense      30.1 / 41.0  21.0         100 %    290 (290 to 290) 14.2

What a search costs is counted while it runs and stands next to what was quoted
before it ran; both are an hour of video and sentence.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.evaluation.costs import mean_costs
from vtg_jax.evaluation.long_summary import (
  LIKELIER_ABSENT,
  THRESHOLDS,
  LongSummary,
  summarise_long,
)
from vtg_jax.evaluation.rows import amount, percent, with_quote
from vtg_jax.metrics.bootstrap import Bootstrap, mean_interval
from vtg_jax.metrics.ranked_recall import ranked_recall

# What is counted and quoted, as a system calls it -> as the table does.
COUNTED = {'sequences': 'calls', 'prefill_tokens': 'tokens'}
# Recall at which the first search is compared with each other one.
COMPARED_AT = 0.3
HEAD = (
  'search',
  *(f'R1 / R5@{t}' for t in THRESHOLDS),
  'mIoU',
  'absent F1',
  'ECE',
  'ECE calibrated',
  'frames, %',
  *(f'{name} (quoted)' for name in COUNTED.values()),
  'windows encoded',
  'seconds',
  'MiB',
)

Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchCost:
  """What a search took of the main part, means over its sentences.

  Attributes:
    per_hour: numbers of a sentence by dotted name, an hour of video.
    quoted: name of `COUNTED` -> least and most that was quoted, an hour.
    seconds_per_hour: of a sentence, in the median video: the first one also
      has its programs compiled.
    frame_share: frames read over those that the search reads which reads the
      most of this video for this sentence; None where none reads any.
    peak_mib: most memory of the process in any video; None if unknown.
  """

  per_hour: Mapping[str, float]
  quoted: Mapping[str, tuple[float, float]]
  seconds_per_hour: float
  frame_share: float | None
  peak_mib: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
  """Recall of the first search less that of another, over equal sentences.

  Attributes:
    search: the other one.
    mean: in 0..1.
    interval: low and high end, resampled over videos.
  """

  search: str
  mean: float
  interval: tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchComparison:
  """All scores of one run.

  Attributes:
    summaries: of each search by itself, calibration included.
    costs: of each search.
    differences: of the first search from each other one, R1 at `COMPARED_AT`.
    ready_seconds_per_hour: seconds to encode an hour of video, before any
      search; None where the system does not say.
  """

  summaries: Mapping[str, LongSummary]
  costs: Mapping[str, SearchCost]
  differences: tuple[Difference, ...]
  ready_seconds_per_hour: float | None

  @property
  def n_failed(self) -> int:
    return sum(one.n_failed for one in self.summaries.values())

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types."""
    return {
      'searches': {
        name: {**one.to_json(), 'search_cost': dataclasses.asdict(cost)}
        for (name, one), cost in zip(
          self.summaries.items(), self.costs.values(), strict=True
        )
      },
      'differences': [dataclasses.asdict(one) for one in self.differences],
      'ready_seconds_per_hour': self.ready_seconds_per_hour,
      'n_failed': self.n_failed,
    }


def compare_searches(
  records: Sequence[Record], *, bootstrap: Bootstrap, **options
) -> SearchComparison:
  """Scores the lines of a run that asked with several searches.

  Args:
    records: lines as `run_grounding` writes them, each with its 'search'.
    bootstrap: how intervals are resampled.
    **options: of `summarise_long`; what is calibrated is calibrated for each
      search by itself.

  Raises:
    BadInput: see `summarise_long`.
  """
  by_search: dict[str, list[Record]] = {}
  for record in records:
    by_search.setdefault(record['search'], []).append(record)
  answered = {
    name: [r for r in lines if not r['part'] and r['error'] is None]
    for name, lines in by_search.items()
  }
  most: dict[tuple[str, str], float] = {}
  for lines in answered.values():
    for r in lines:
      most[_key(r)] = max(most.get(_key(r), 0.0), _frames(r))
  first, *others = by_search
  return SearchComparison(
    summaries={
      name: summarise_long(lines, bootstrap=bootstrap, **options)
      for name, lines in by_search.items()
    },
    costs={name: _cost(lines, most) for name, lines in answered.items()},
    differences=tuple(
      _difference(answered[first], answered[other], other, bootstrap)
      for other in others
    ),
    ready_seconds_per_hour=_ready(answered[first]),
  )


def _key(record: Record) -> tuple[str, str]:
  return record['video'], record['question']


def _frames(record: Record) -> float:
  return record.get('cost', {}).get('frames', 0.0)


def _hours(records: Sequence[Record]) -> float:
  return sum(r['duration'] for r in records) / 3600


def _cost(
  answered: Sequence[Record], most: Mapping[tuple[str, str], float]
) -> SearchCost:
  quoted = [r for r in answered if 'quote' in r]
  hours = _hours(quoted)
  shares = [_frames(r) / most[_key(r)] for r in answered if most[_key(r)]]
  seconds: dict[str, list[float]] = {}
  for r in answered:
    rate = r['seconds'] / r['duration'] * 3600
    seconds.setdefault(r['video'], []).append(rate)
  peaks = [r['peak_mib'] for r in answered if r.get('peak_mib')]
  return SearchCost(
    per_hour=mean_costs(answered)['per_hour'] if answered else {},
    quoted={
      name: tuple(
        sum(r['quote'][end][name] for r in quoted) / hours
        for end in ('one_event', 'most')
      )
      for name in COUNTED
      if quoted
    },
    seconds_per_hour=float(np.median([np.mean(s) for s in seconds.values()]))
    if seconds
    else float('nan'),
    frame_share=float(np.mean(shares)) if shares else None,
    peak_mib=max(peaks) if peaks else None,
  )


def _difference(mine, theirs, name: str, bootstrap: Bootstrap) -> Difference:
  """Over the sentences that happen and that both answered."""
  other = {_key(r): r for r in theirs if r['gt_span']}
  pairs = [(r, other[_key(r)]) for r in mine if _key(r) in other]

  def hits(records):
    ious = [[r['iou']] if r['pred_span'] else [] for r in records]
    found = ranked_recall(ious, ranks=(1,), thresholds=(COMPARED_AT,))
    return found.hits[:, 0, 0].astype(np.float64)

  if not pairs:
    nan = float('nan')
    return Difference(search=name, mean=nan, interval=(nan, nan))
  values = hits([a for a, _ in pairs]) - hits([b for _, b in pairs])
  videos = [a['video'] for a, _ in pairs]
  low, high = mean_interval(values[:, None], videos, bootstrap)
  return Difference(
    search=name,
    mean=float(values.mean()),
    interval=(float(low[0]), float(high[0])),
  )


def _ready(answered: Sequence[Record]) -> float | None:
  """Each video counts once, whatever number of sentences it has."""
  videos = {r['video']: r for r in answered if 'ready_seconds' in r}
  if not videos:
    return None
  ready_s = sum(r['ready_seconds'] for r in videos.values())
  return ready_s / _hours(list(videos.values()))


def cells(name: str, found: SearchComparison) -> list[str]:
  """Returns a search's texts under HEAD, scores in per cent."""
  summary, cost = found.summaries[name], found.costs[name]
  main = summary.rows[0]
  absent = {row.rule: row.scores.f1 for row in summary.absent}
  at = summary.hit_iou
  errors = summary.errors_of_scores

  def counted(kind):
    took = cost.per_hour.get(f'cost.{kind}')
    return with_quote(took, cost.quoted.get(kind))

  def error(which):
    value = errors.get(which, {}).get(at)
    return '' if value is None else f'{value:.3f}'

  return [
    name,
    *(
      f'{percent(main.scores[f"R1@{t}"])} / {percent(main.scores[f"R5@{t}"])}'
      for t in THRESHOLDS
    ),
    percent(main.scores['mIoU']),
    percent(absent[LIKELIER_ABSENT]) if LIKELIER_ABSENT in absent else '',
    error('raw'),
    error('calibrated'),
    '' if cost.frame_share is None else percent(cost.frame_share),
    *(counted(kind) for kind in COUNTED),
    amount(cost.per_hour.get('cost.encodings')),
    f'{cost.seconds_per_hour:.2f}',
    amount(cost.peak_mib),
  ]


def remarks(found: SearchComparison) -> list[str]:
  """Returns what the table does not say, a line each."""
  first, *_ = found.summaries
  summary = found.summaries[first]
  main = summary.rows[0]
  low, high = main.interval[f'R1@{COMPARED_AT}']
  lines = [
    f'{main.n} sentences that happen and '
    f'{summary.n_samples - main.n} that do not, about {summary.n_videos} '
    'videos; IoUs of two decimals must exceed a threshold. R1@'
    f'{COMPARED_AT} of {first}: {percent(main.scores[f"R1@{COMPARED_AT}"])} '
    f'({percent(low)} to {percent(high)}); intervals resample the videos.',
    f'ECE at IoU {summary.hit_iou:g}, over what happens; absent F1 by the rule '
    f'{LIKELIER_ABSENT}, each search calibrated on held-out videos.',
    'Calls, tokens, windows and seconds are an hour of video and sentence, the '
    'seconds those of the median video; frames are of those of the search that '
    'reads most; MiB is the most that the process took.',
  ]
  for one in found.differences:
    low, high = one.interval
    lines.append(
      f'R1@{COMPARED_AT} of {first} less that of {one.search}: '
      f'{percent(one.mean)} ({percent(low)} to {percent(high)}).'
    )
  if found.ready_seconds_per_hour is not None:
    lines.append(
      f'Encoding, once a video: {found.ready_seconds_per_hour:.1f} seconds an '
      'hour of video.'
    )
  return lines
