"""Which of two scores tells better what came true, and how sure that is.

Source: Hanley and McNeil (1982) for the area; intervals by resampled groups,
as everywhere here.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Bool, Float

from vtg_jax.metrics.bootstrap import Bootstrap, drawn_groups

Scores = Sequence[float] | Float[np.ndarray, ' N']


def auroc_gain_interval(
  scores: Scores,
  baseline: Scores,
  came_true: Sequence[bool] | Bool[np.ndarray, ' N'],
  groups: Sequence[Hashable],
  bootstrap: Bootstrap,
) -> tuple[float, float]:
  """Returns low and high end of how much larger the AUROC of some scores is.

  Args:
    scores: how sure each answer is.
    baseline: the same by another way.
    came_true: whether each came true.
    groups: what each belongs to, such as its video; drawn anew together.
    bootstrap: how to resample; a resample in which all or none came true is
      left out.

  Returns:
    NaN where no resample is left.

  Raises:
    ValueError: not one score of each kind, truth and group an answer.
  """
  right = np.asarray(came_true, bool)
  both = [np.asarray(one, np.float64) for one in (scores, baseline)]
  lengths = {len(right), len(groups), *(len(one) for one in both)}
  if len(lengths) > 1:
    raise ValueError(f'{sorted(lengths)} differ; give one of each an answer')
  places = {group: i for i, group in enumerate(dict.fromkeys(groups))}
  if not places:
    return float('nan'), float('nan')
  index = np.array([places[group] for group in groups])
  gains = []
  for drawn in drawn_groups(len(places), bootstrap):
    weights = drawn[:, index]
    areas = [_weighted_auroc(one, right, weights) for one in both]
    gains.append(areas[0] - areas[1])
  gains = np.concatenate(gains)
  gains = gains[~np.isnan(gains)]
  if not len(gains):
    return float('nan'), float('nan')
  tail = (1 - bootstrap.level) / 2
  low, high = np.quantile(gains, [tail, 1 - tail])
  return float(low), float(high)


def _weighted_auroc(
  scores: Float[np.ndarray, ' N'],
  right: Bool[np.ndarray, ' N'],
  weights: Float[np.ndarray, 'R N'],
) -> Float[np.ndarray, ' R']:
  """AUROC where each answer counts so often; NaN where all or none is right."""
  order = np.argsort(scores, kind='stable')
  _, first = np.unique(scores[order], return_index=True)
  # Right and wrong answers of each score.
  hit, miss = (
    np.add.reduceat((weights * of)[:, order], first, axis=1)
    for of in (right, ~right)
  )
  below = np.cumsum(miss, axis=1) - miss
  won = (hit * (below + miss / 2)).sum(axis=1)
  pairs = hit.sum(axis=1) * miss.sum(axis=1)
  return np.where(pairs > 0, won / np.where(pairs > 0, pairs, 1), np.nan)
