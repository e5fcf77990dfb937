"""Recall among the best few answers, as long-video papers report it.

    ious (best first)   [0.3, 0.72, 0.1]   []   [0.95]
    R1@0.3              0                  0    1        -> 1 of 3
    R5@0.3              1                  0    1        -> 2 of 3

Source: ReVisionLLM's evaluation (arXiv 2411.14901): IoUs have two decimals
and must exceed a threshold, so 0.304 is no hit above 0.3.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

RANKS = (1, 5, 10, 50)
THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9)
# Decimals that an IoU is rounded to before it is compared.
DECIMALS = 2


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RankedRecall:
  """Which queries are hit, so that shares and their intervals follow.

  Attributes:
    ranks: how many best answers may hit, a column each.
    thresholds: what an IoU must exceed, a column each.
    hits: of each query, at each rank and threshold.
    best_iou: of each query's best answer; 0 where there is none.
  """

  ranks: tuple[int, ...]
  thresholds: tuple[float, ...]
  hits: Bool[np.ndarray, 'Q R T']
  best_iou: Float[np.ndarray, ' Q']

  @property
  def mean_iou(self) -> float:
    """Mean IoU of the best answers, 0..1; NaN of no query."""
    return float(np.mean(self.best_iou)) if len(self.best_iou) else float('nan')

  def recall(self, rank: int, threshold: float) -> float:
    """Share of queries with a hit among the `rank` best; NaN of no query."""
    column = self.hits[
      :, self.ranks.index(rank), self.thresholds.index(threshold)
    ]
    return float(column.mean()) if len(column) else float('nan')

  def percents(self) -> dict[str, float]:
    """Returns {'mIoU': 22.0, 'R1@0.1': 50.0, ...}, by threshold, then rank.

    A share is added up a query at a time, as the release does, so that the
    last bits are the release's too: 3 of 6 give 49.99999999999999.
    """
    n = len(self.best_iou)
    table = {'mIoU': self.mean_iou * 100}
    for t, threshold in enumerate(self.thresholds):
      for r, rank in enumerate(self.ranks):
        total = 0.0 if n else float('nan')
        for _ in range(int(self.hits[:, r, t].sum())):
          total += 1 / n * 100
        table[f'R{rank}@{threshold}'] = total
    return table


def ranked_recall(
  ious: Sequence[Sequence[float]],
  scores: Sequence[Sequence[float]] | None = None,
  *,
  ranks: Sequence[int] = RANKS,
  thresholds: Sequence[float] = THRESHOLDS,
  decimals: int | None = DECIMALS,
) -> RankedRecall:
  """Returns the hits of some queries.

  Args:
    ious: of each query's answers with what is true; a query without answers
      is missed.
    scores: of the same answers; the highest comes first, equal ones keep
      their order. None where the answers are in their order already.
    ranks: how many best answers may hit.
    thresholds: what an IoU must exceed.
    decimals: of the IoUs compared; None compares them as they are.

  Raises:
    ValueError: not one score an IoU.
  """
  if scores is not None:
    ious = [best_first(one, its) for one, its in zip(ious, scores, strict=True)]
  if decimals is not None:
    ious = [[round(float(iou), decimals) for iou in one] for one in ious]
  hits = np.zeros((len(ious), len(ranks), len(thresholds)), bool)
  for q, one in enumerate(ious):
    for r, rank in enumerate(ranks):
      best = max(one[:rank], default=-1.0)
      hits[q, r] = [best > threshold for threshold in thresholds]
  return RankedRecall(
    ranks=tuple(ranks),
    thresholds=tuple(thresholds),
    hits=hits,
    best_iou=np.array([one[0] if one else 0.0 for one in ious], np.float64),
  )


def best_first(ious: Sequence[float], scores: Sequence[float]) -> list[float]:
  """Returns the IoUs by falling score; equal scores keep their order.

  Raises:
    ValueError: not one score an IoU.
  """
  if len(ious) != len(scores):
    raise ValueError(f'{len(ious)=} but {len(scores)=}; give one score an IoU')
  order = sorted(range(len(ious)), key=lambda i: -scores[i])
  return [ious[i] for i in order]


def logged_ious(info: Mapping[str, Any]) -> list[float]:
  """Reads the IoUs of one line of the release's logs, best first.

  In: {'iou': [0.3, 0.7], 'scores': [0.1, 0.9]}   Out: [0.7, 0.3]
  In: {'iou': 0.4}, a log without scores          Out: [0.4]
  """
  ious = info['iou']
  if not isinstance(ious, Sequence):
    return [float(ious)]
  scores = info.get('scores')
  return list(ious) if scores is None else best_first(ious, scores)
