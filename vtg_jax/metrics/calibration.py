"""Whether a score of 0.7 is right seven times in ten.

Source: Guo et al., On Calibration of Modern Neural Networks (2017), equal
width; Nixon et al., Measuring Calibration in Deep Learning (2019), equal mass.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReliabilityBins:
  """Scores in bins beside how often they came true; empty bins are left out.

  Attributes:
    score: mean score of each bin, 0..1.
    frequency: share of each bin that came true, 0..1.
    count: samples of each bin.
  """

  score: Float[np.ndarray, ' B']
  frequency: Float[np.ndarray, ' B']
  count: Int[np.ndarray, ' B']

  @property
  def expected_error(self) -> float:
    """ECE: mean |score - frequency|, a bin weighing its samples."""
    if not len(self.count):
      return float('nan')
    gaps = np.abs(self.score - self.frequency)
    return float(np.average(gaps, weights=self.count))


def reliability(
  scores: Sequence[float] | Float[np.ndarray, ' N'],
  came_true: Sequence[bool] | Bool[np.ndarray, ' N'],
  *,
  n_bins: int = 10,
  equal_mass: bool = False,
) -> ReliabilityBins:
  """Sorts predictions into bins by their score.

  Args:
    scores: probabilities, 0..1.
    came_true: whether each came true.
    n_bins: how many bins.
    equal_mass: False cuts 0..1 into bins of equal width, of which the upper
      edge belongs to the bin; True gives every bin as many samples, up to
      one; equal scores stay together, in the bin of their middle one.

  Raises:
    ValueError: a score outside 0..1, or not one event a score.
  """
  scores, came_true = _checked(scores, came_true)
  if equal_mass:
    place = _bins_of_equal_mass(scores, n_bins)
  else:
    edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    place = np.searchsorted(edges, scores, side='left')
  members = [np.flatnonzero(place == b) for b in range(n_bins)]
  members = [m for m in members if len(m)]
  return ReliabilityBins(
    score=np.array([scores[m].mean() for m in members], np.float64),
    frequency=np.array([came_true[m].mean() for m in members], np.float64),
    count=np.array([len(m) for m in members], np.int64),
  )


def _bins_of_equal_mass(
  scores: Float[np.ndarray, ' N'], n_bins: int
) -> Int[np.ndarray, ' N']:
  _, group, count = np.unique(scores, return_inverse=True, return_counts=True)
  sizes = [len(part) for part in np.array_split(scores, n_bins)]
  bin_of_place = np.repeat(np.arange(n_bins), sizes)
  middle = np.cumsum(count) - count + (count - 1) // 2
  return bin_of_place[middle][group]


def reliability_at(
  scores: Sequence[float] | Float[np.ndarray, ' N'],
  ious: Sequence[float] | Float[np.ndarray, ' N'],
  thresholds: Sequence[float] = (0.1, 0.3, 0.5),
  *,
  n_bins: int = 10,
) -> dict[float, ReliabilityBins]:
  """Sorts answers by their score, a moment right where its IoU is enough.

  Args:
    scores: probabilities, 0..1.
    ious: of each answer with what is true.
    thresholds: what the IoU must exceed.
    n_bins: bins of equal width.

  Returns:
    Threshold -> bins; their `expected_error` is the ECE.

  Source: ReVisionLLM (arXiv 2411.14901), table 5.
  """
  ious = np.asarray(ious, np.float64)
  return {
    threshold: reliability(scores, ious > threshold, n_bins=n_bins)
    for threshold in thresholds
  }


def brier(
  scores: Sequence[float] | Float[np.ndarray, ' N'],
  came_true: Sequence[bool] | Bool[np.ndarray, ' N'],
) -> float:
  """Returns the mean squared distance of score and outcome; NaN of nothing.

  Source: Brier, Verification of forecasts expressed in terms of probability
  (1950), for one event.
  """
  scores, came_true = _checked(scores, came_true)
  if not len(scores):
    return float('nan')
  return float(np.mean((scores - came_true) ** 2))


def _checked(scores, came_true):
  scores = np.asarray(scores, np.float64)
  came_true = np.asarray(came_true, bool)
  if scores.shape != came_true.shape:
    raise ValueError(f'{scores.shape=} but {came_true.shape=}; they must agree')
  # A product of float32 probabilities may exceed 1 by its rounding.
  if len(scores) and not (scores.min() >= 0 and scores.max() <= 1 + 1e-4):
    raise ValueError(f'scores from {scores.min()} to {scores.max()} leave 0..1')
  return np.minimum(scores, 1.0), came_true
