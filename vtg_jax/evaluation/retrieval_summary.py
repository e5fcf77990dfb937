"""From lines of a run to how early the right video comes."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from vtg_jax.evaluation.items import RetrievalItem
from vtg_jax.evaluation.rows import percent
from vtg_jax.metrics.bootstrap import Bootstrap, mean_interval
from vtg_jax.metrics.video_retrieval import RANKS, video_retrieval

HEAD = (
  '',
  *(f'R@{rank}' for rank in RANKS),
  'median rank',
  'R@1 interval',
  'n',
)
BY_COSINE, CLOSELY = 'frames alone', 'the best looked at closely'


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalRow:
  """One way to rank the videos.

  Attributes:
    name: of the way.
    recall: rank -> share of sentences whose video is among so many best.
    interval: of R@1, resampled over videos.
    median_rank: of the right videos, from 1.
    n: sentences.
  """

  name: str
  recall: Mapping[int, float]
  interval: tuple[float, float]
  median_rank: float
  n: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalSummary:
  """All scores of one run.

  Attributes:
    rows: by cosine; and with the best ones looked at closely, where they were.
    n_videos: to choose from.
  """

  rows: tuple[RetrievalRow, ...]
  n_videos: int
  # A video that cannot be read ends the run.
  n_failed: int = 0

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)


def summarise_retrieval(
  records: Sequence[Mapping[str, Any]],
  items: Sequence[RetrievalItem],
  *,
  bootstrap: Bootstrap,
) -> RetrievalSummary:
  """Scores the lines of a run.

  Args:
    records: lines as `run_retrieval` writes them.
    items: that they answer.
    bootstrap: how intervals are resampled.
  """
  right = [item.among.index(item.video) for item in items]
  ways = {BY_COSINE: np.array([r['cosines'] for r in records], np.float64)}
  if any(r['closely'] for r in records):
    ways[CLOSELY] = np.stack(
      [_ranked(r, item) for r, item in zip(records, items, strict=True)]
    )
  names = [item.video for item in items]
  rows = []
  for name, scores in ways.items():
    found = video_retrieval(scores, right)
    low, high = mean_interval(found.hits, names, bootstrap)
    first = RANKS.index(1)
    rows.append(
      RetrievalRow(
        name=name,
        recall=found.recall,
        interval=(float(low[first]), float(high[first])),
        median_rank=found.median_rank,
        n=len(records),
      )
    )
  return RetrievalSummary(rows=tuple(rows), n_videos=len(items[0].among))


def _ranked(
  record: Mapping[str, Any], item: RetrievalItem
) -> Float[np.ndarray, ' V']:
  """Scores in the order of those looked at closely; then by cosine."""
  scores = np.array(record['cosines'], np.float64)
  for place, name in enumerate(record['closely']):
    # Above any cosine.
    scores[item.among.index(name)] = 2.0 + len(record['closely']) - place
  return scores


def cells(row: RetrievalRow) -> list[str]:
  """Returns a row's texts under HEAD, scores in per cent."""
  low, high = row.interval
  return [
    row.name,
    *(percent(row.recall[rank]) for rank in RANKS),
    f'{row.median_rank:g}',
    f'{percent(low)} to {percent(high)}',
    str(row.n),
  ]


def remarks(summary: RetrievalSummary) -> list[str]:
  """Returns what the table does not say, a line each."""
  return [
    f'Each sentence is true of one of {summary.n_videos} videos; intervals '
    'resample the right ones.'
  ]
