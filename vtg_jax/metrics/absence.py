"""How well videos with the moment are told from videos without it."""

import dataclasses
from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Bool, Float

from vtg_jax.metrics.bootstrap import Bootstrap, ratio_interval

# Of any length each.
Scores = Sequence[float] | Float[np.ndarray, ' _']


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class AbsentScores:
  """How right the answer "not in this video" is; NaN of nothing.

  Attributes:
    precision: of those that were said to be absent, the share that is.
    recall: of those that are absent, the share that was said to be.
    f1: their harmonic mean; 0 where no such answer is right.
    false_alarm_rate: of those that are absent, the share answered with a
      moment all the same: 1 - recall.
    n_absent: queries that are absent.
    n_present: queries that are not.
    n_said: queries that were said to be absent.
  """

  precision: float
  recall: float
  f1: float
  false_alarm_rate: float
  n_absent: int
  n_present: int
  n_said: int


def absent_scores(
  said_absent: Sequence[bool] | Bool[np.ndarray, ' N'],
  is_absent: Sequence[bool] | Bool[np.ndarray, ' N'],
) -> AbsentScores:
  """Returns how right some answers are.

  Args:
    said_absent: whether each query was answered "not here".
    is_absent: whether it is not there.

  Raises:
    ValueError: not one truth an answer.
  """
  said, absent = _checked(said_absent, is_absent)
  right = int((said & absent).sum())
  n_said, n_absent = int(said.sum()), int(absent.sum())
  recall = _ratio(right, n_absent)
  return AbsentScores(
    precision=_ratio(right, n_said),
    recall=recall,
    f1=_ratio(2 * right, n_said + n_absent),
    false_alarm_rate=1 - recall,
    n_absent=n_absent,
    n_present=len(said) - n_absent,
    n_said=n_said,
  )


def absent_f1_interval(
  said_absent: Sequence[bool] | Bool[np.ndarray, ' N'],
  is_absent: Sequence[bool] | Bool[np.ndarray, ' N'],
  groups: Sequence[Hashable],
  bootstrap: Bootstrap,
) -> tuple[float, float]:
  """Returns the low and high end of the F1, resampled over groups.

  Args:
    said_absent: see `absent_scores`.
    is_absent: see there.
    groups: what each query belongs to, such as its video.
    bootstrap: how to resample.
  """
  said, absent = _checked(said_absent, is_absent)
  low, high = ratio_interval(
    2.0 * (said & absent)[:, None],
    (said.astype(np.float64) + absent)[:, None],
    groups,
    bootstrap,
  )[:, 0]
  return float(low), float(high)


def _checked(said_absent, is_absent):
  said, absent = np.asarray(said_absent, bool), np.asarray(is_absent, bool)
  if said.shape != absent.shape:
    raise ValueError(f'{said.shape=} but {absent.shape=}; they must agree')
  return said, absent


def _ratio(part: int, whole: int) -> float:
  return part / whole if whole else float('nan')
