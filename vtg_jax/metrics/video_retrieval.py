"""Finding the right video among many: recall of text-to-video retrieval.

Source: the MSR-VTT protocol, as in ReVisionLLM (arXiv 2411.14901), table 3.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

RANKS = (1, 5, 10)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RetrievalScores:
  """How early the right video comes.

  Attributes:
    recall: rank -> share of queries whose video is among so many best.
    hits: the same of each query, a column a rank: 0 or 1, and between where
      equal scores leave it to chance.
    median_rank: of the right videos, 1 is first; NaN of no query.
  """

  recall: Mapping[int, float]
  hits: Float[np.ndarray, 'Q R']
  median_rank: float


def video_retrieval(
  scores: Float[np.ndarray, 'Q V'],
  right: Sequence[int] | Int[np.ndarray, ' Q'],
  *,
  ranks: Sequence[int] = RANKS,
) -> RetrievalScores:
  """Returns the recalls of some queries.

  Videos of one score are in a random order: a right one that shares its score
  with t others counts as the expectation of that, so that constant scores
  recall as much as guessing.

  Args:
    scores: of each query for each video, the highest best; -inf is never.
    right: number of each query's video.
    ranks: how many best videos are looked among.

  Raises:
    ValueError: not one video a query, one that there is not, or a NaN.
  """
  scores = np.asarray(scores, np.float64)
  right = np.asarray(right, np.int64)
  if scores.ndim != 2 or right.shape != scores.shape[:1]:
    raise ValueError(f'{scores.shape=} but {right.shape=}; give [Q, V] and [Q]')
  if np.isnan(scores).any():
    raise ValueError('a score is NaN; give -inf where a video was not scored')
  if len(right) and not (right.min() >= 0 and right.max() < scores.shape[1]):
    raise ValueError(
      f'a right video is none of {scores.shape[1]}; count them from 0'
    )
  own = scores[np.arange(len(right)), right][:, None]
  above = (scores > own).sum(axis=1)
  equal = (scores == own).sum(axis=1)  # itself included
  hits = np.stack(
    [np.clip((rank - above) / equal, 0.0, 1.0) for rank in ranks], axis=1
  )
  nan = float('nan')
  return RetrievalScores(
    recall={
      rank: float(hits[:, r].mean()) if len(right) else nan
      for r, rank in enumerate(ranks)
    },
    hits=hits,
    median_rank=float(np.median(above + (equal + 1) / 2))
    if len(right)
    else nan,
  )
