"""From lines of a run about highlights to its scores."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.evaluation.rows import percent
from vtg_jax.metrics import highlights
from vtg_jax.metrics.bootstrap import Bootstrap, mean_interval
from vtg_jax.metrics.highlights import Highlight, TrueSaliency

HEAD = ('', 'mAP', 'mAP interval', 'HIT@1', 'HIT@1 interval', 'n')


@dataclasses.dataclass(frozen=True, kw_only=True)
class HighlightRow:
  """Scores where a clip counts from a score on, 0..1.

  Attributes:
    name: the benchmark's name of that score, such as 'VeryGood'.
    mean_ap: mean over queries and people.
    mean_ap_interval: low and high of it, resampled over videos.
    hit_at_1: share of queries whose best clip is somebody's highlight.
    hit_at_1_interval: low and high of it.
  """

  name: str
  mean_ap: float
  mean_ap_interval: tuple[float, float]
  hit_at_1: float
  hit_at_1_interval: tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class HighlightSummary:
  """All scores of one run.

  Attributes:
    rows: the published one, 'VeryGood', first.
    n_queries: queries, failed ones included: they tell nothing.
    told_per_query: highlights told.
    n_silent: queries of which nothing is told, failed ones included.
    errors: message -> how many queries.
    seconds: mean a query.
  """

  rows: tuple[HighlightRow, ...]
  n_queries: int
  told_per_query: float
  n_silent: int
  errors: Mapping[str, int]
  seconds: float

  @property
  def n_failed(self) -> int:
    return sum(self.errors.values())

  def to_json(self) -> dict[str, Any]:
    return {**dataclasses.asdict(self), 'n_failed': self.n_failed}


def summarise_highlights(
  records: Sequence[Mapping[str, Any]], *, bootstrap: Bootstrap
) -> HighlightSummary:
  """Scores the lines of a run, as `run_highlights` writes them.

  Args:
    records: one a query.
    bootstrap: how intervals are resampled.
  """
  told, true = [], []
  for record in records:
    found = [Highlight(*pair) for pair in record['told']]
    told.append(highlights.clip_scores(found, record['duration']))
    true.append(_true(record['true']))
  videos = [record['video'] for record in records]
  by_strictness = sorted(
    highlights.LEAST_SCORES.items(), key=lambda pair: -pair[1]
  )
  seconds = [r['seconds'] for r in records if r['error'] is None]
  return HighlightSummary(
    rows=tuple(
      _row(name, told, true, least, videos, bootstrap)
      for name, least in by_strictness
    ),
    n_queries=len(records),
    told_per_query=float(np.mean([len(r['told']) for r in records])),
    n_silent=sum(not record['told'] for record in records),
    errors=dict(Counter(r['error'] for r in records if r['error'] is not None)),
    seconds=float(np.mean(seconds)) if seconds else float('nan'),
  )


def _row(name, told, true, least, videos, bootstrap) -> HighlightRow:
  each = highlights.query_scores(told, true, least=least)
  low, high = mean_interval(each, videos, bootstrap)
  mean_ap, hit = each.mean(0).tolist()
  intervals = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
  return HighlightRow(
    name=name,
    mean_ap=mean_ap,
    mean_ap_interval=intervals[0],
    hit_at_1=hit,
    hit_at_1_interval=intervals[1],
  )


def _true(told: Mapping[str, Any]) -> TrueSaliency:
  """As JSON brings it back."""
  return TrueSaliency(
    n_clips=told['n_clips'],
    clips=tuple(told['clips']),
    scores=tuple(map(tuple, told['scores'])),
  )


def cells(row: HighlightRow) -> list[str]:
  """A row's texts under HEAD but the last one, in per cent."""
  return [
    row.name,
    percent(row.mean_ap),
    ' to '.join(map(percent, row.mean_ap_interval)),
    percent(row.hit_at_1),
    ' to '.join(map(percent, row.hit_at_1_interval)),
  ]


def body(summary: HighlightSummary) -> list[list[str]]:
  """The rows of the table."""
  return [[*cells(row), str(summary.n_queries)] for row in summary.rows]


def remarks(summary: HighlightSummary) -> list[str]:
  """Returns what the table does not say, a line each."""
  return [
    f'{summary.n_queries} queries, {summary.told_per_query:.1f} highlights '
    f'told of each, none of {summary.n_silent}; the intervals resample the '
    'videos.',
    'A clip is a highlight for a person who scores it at least as the row '
    "says; the benchmark's own figures are those of VeryGood.",
  ]
