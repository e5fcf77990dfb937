"""How well probabilities are calibrated, as summaries tell it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from vtg_jax.metrics.calibration import ReliabilityBins, brier, reliability


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reliability:
  """How well one kind of probability is calibrated.

  Attributes:
    what: of what it is the probability.
    equal_width: bins of equal width.
    equal_mass: bins of equally many samples.
    brier: mean squared error.
    n: predictions.
  """

  what: str
  equal_width: ReliabilityBins
  equal_mass: ReliabilityBins
  brier: float
  n: int

  def to_json(self) -> dict[str, Any]:
    return {
      'what': self.what,
      'ece_equal_width': self.equal_width.expected_error,
      'ece_equal_mass': self.equal_mass.expected_error,
      'brier': self.brier,
      'n': self.n,
      'bins': {
        name: getattr(self.equal_width, name).tolist()
        for name in ('score', 'frequency', 'count')
      },
    }


def score_reliability(
  what: str, scores: Sequence[float], came_true: Sequence[bool]
) -> Reliability:
  """Returns how well some scores are calibrated; `what` says of what."""
  return Reliability(
    what=what,
    equal_width=reliability(scores, came_true),
    equal_mass=reliability(scores, came_true, equal_mass=True),
    brier=brier(scores, came_true),
    n=len(scores),
  )
