"""What answering only when sure would save: risk against coverage.

    score    0.9   0.8   0.8   0.1
    loss     0     1     0     1
    coverage 1/4         3/4   1     (equal scores are answered together)
    risk     0           1/3   1/2

Source: Geifman and El-Yaniv, Selective Classification for Deep Neural
Networks (2017); the area as in Geifman et al. (2019), arXiv 1805.08206.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RiskCoverage:
  """Risk at each coverage that a threshold can reach, falling thresholds.

  Attributes:
    threshold: answers with at least this score are given.
    coverage: share of the queries that are answered, 0..1.
    risk: mean loss of those.
    area: AURC, the mean risk over all coverages 1/n .. n/n; among equal
      scores any order is as likely as any other.
    least_area: the area if scores told the losses' order.
  """

  threshold: Float[np.ndarray, ' K']
  coverage: Float[np.ndarray, ' K']
  risk: Float[np.ndarray, ' K']
  area: float
  least_area: float

  @property
  def excess_area(self) -> float:
    """How much of the area is the scores' fault; 0 of a perfect order."""
    return self.area - self.least_area

  def risk_at(self, coverage: float) -> float:
    """Risk of the smallest reachable coverage that is no less; NaN if none."""
    enough = np.flatnonzero(self.coverage >= coverage - 1e-12)
    return float(self.risk[enough[0]]) if len(enough) else float('nan')


def risk_coverage(
  scores: Sequence[float] | Float[np.ndarray, ' N'],
  losses: Sequence[float] | Float[np.ndarray, ' N'],
) -> RiskCoverage:
  """Returns the curve of some answers.

  Args:
    scores: how sure each answer is; any scale.
    losses: how bad it is, such as 1 - IoU, or 1 where it is wrong.

  Returns:
    The curve, empty with NaN areas where there is no answer.

  Raises:
    ValueError: not one loss a score, or a number is not finite.
  """
  scores = np.asarray(scores, np.float64)
  losses = np.asarray(losses, np.float64)
  if scores.shape != losses.shape:
    raise ValueError(f'{scores.shape=} but {losses.shape=}; they must agree')
  if not (np.isfinite(scores).all() and np.isfinite(losses).all()):
    raise ValueError('a score or a loss is not finite; leave such answers out')
  n = len(scores)
  if not n:
    nan, none = float('nan'), np.zeros(0)
    return RiskCoverage(
      threshold=none, coverage=none, risk=none, area=nan, least_area=nan
    )
  thresholds, group = np.unique(-scores, return_inverse=True)
  count = np.bincount(group)
  total = np.bincount(group, weights=losses)
  answered = np.cumsum(count)
  # A random order of equal scores has, on average, their mean at every place.
  expected = np.repeat(total / count, count)
  return RiskCoverage(
    threshold=-thresholds,
    coverage=answered / n,
    risk=np.cumsum(total) / answered,
    area=_area(expected),
    least_area=_area(np.sort(losses)),
  )


def _area(losses: Float[np.ndarray, ' N']) -> float:
  return float(np.mean(np.cumsum(losses) / np.arange(1, len(losses) + 1)))
