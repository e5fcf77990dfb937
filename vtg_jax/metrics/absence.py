"""How well a score tells videos with the moment from videos without it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

Scores = Sequence[float] | Float[np.ndarray, ' N']


def auroc(present: Scores, absent: Scores) -> float:
  """Returns the chance that a present moment scores above an absent one.

  Ties count half; 0.5 is guessing. NaN where either side is empty.

  Args:
    present: scores of queries that happen.
    absent: scores of queries that do not.

  Source: Hanley and McNeil (1982): the area under the ROC curve is the
  Mann-Whitney statistic.
  """
  present, absent = np.asarray(present), np.sort(np.asarray(absent))
  if not len(present) or not len(absent):
    return float('nan')
  below = np.searchsorted(absent, present, side='left')
  up_to = np.searchsorted(absent, present, side='right')
  return float((below + up_to).mean() / 2 / len(absent))


def false_found_rate(
  present: Scores, absent: Scores, *, kept: float = 0.95
) -> float:
  """Returns the share of absent queries answered with a moment all the same.

  Args:
    present: scores of queries that happen.
    absent: scores of queries that do not.
    kept: the threshold is the highest that still answers this share of the
      present ones.
  """
  present, absent = np.sort(np.asarray(present)), np.asarray(absent)
  if not len(present) or not len(absent):
    return float('nan')
  lost = int(np.floor((1 - kept) * len(present) + 1e-9))
  return float((absent >= present[lost]).mean())
