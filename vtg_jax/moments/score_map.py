"""From a score to a probability, learnt on held-out answers.

    score   0.2   0.4   0.4   0.9   0.9
    right   no    no    yes   yes   yes
    isotonic     1/2 at 0.3, 2/3 at 0.9      the nearest rising steps, as a line
    temperature  1 / (1 + e^-(slope * logit + offset))

Both rise, so the order of answers stays. The isotonic map never says 0 or 1:
where all of a few hundred answers came true, the next one need not.

Source: Guo et al., On Calibration of Modern Neural Networks (2017), for the
temperature; Platt (1999) for its offset and targets; Zadrozny and Elkan (2002)
for isotonic regression, by pool-adjacent-violators.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Float

from vtg_jax.moments.logistic import fit_logistic, sigmoid

# Probabilities are kept this far from 0 and 1 before their logit is taken.
_MARGIN = 1e-6

Scores = Sequence[float] | Float[np.ndarray, ' N']


class ScoreMap(Protocol):
  """Gives probabilities for scores; a higher score gives no lower one."""

  def __call__(self, scores: Scores) -> Float[np.ndarray, ' N']:
    """Returns a probability a score, 0..1.

    Raises:
      ValueError: a score is not finite, or outside 0..1 where it has to be a
        probability itself.
    """

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types that `score_map` reads."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Temperature:
  """A logistic curve: sigmoid(slope * logit + offset).

  Attributes:
    slope: 1 / temperature, not negative; 0 forgets the score.
    offset: 0 where only a temperature was fitted.
    of_probabilities: scores are probabilities, whose logits are taken; False
      takes scores for logits.
  """

  slope: float
  offset: float = 0.0
  of_probabilities: bool = True

  def __post_init__(self):
    _check_numbers('slope', [self.slope])
    _check_numbers('offset', [self.offset])
    if self.slope < 0:
      raise ValueError(f'slope {self.slope} falls; it must not be negative')
    if not isinstance(self.of_probabilities, bool):
      raise ValueError(f'{self.of_probabilities=} is neither true nor false')

  def __call__(self, scores: Scores) -> Float[np.ndarray, ' N']:
    logits = logits_of(scores, of_probabilities=self.of_probabilities)
    return sigmoid(self.slope * logits + self.offset)

  def to_json(self) -> dict[str, Any]:
    return {'kind': 'temperature', **dataclasses.asdict(self)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Isotonic:
  """A rising line through points, level before the first and after the last.

  Attributes:
    scores: of the points, each above the one before.
    probabilities: of the points, none below the one before.
  """

  scores: tuple[float, ...]
  probabilities: tuple[float, ...]

  def __post_init__(self):
    for name in ('scores', 'probabilities'):
      if isinstance(getattr(self, name), list):  # as JSON gives it
        object.__setattr__(self, name, tuple(getattr(self, name)))
      if not isinstance(getattr(self, name), tuple):
        raise ValueError(f'{name} is no list')
      _check_numbers(name, getattr(self, name))
    if not self.scores or len(self.scores) != len(self.probabilities):
      raise ValueError(
        f'{len(self.scores)} scores but {len(self.probabilities)} '
        'probabilities; give as many, and at least one'
      )
    if not (np.diff(self.scores) > 0).all():
      raise ValueError('scores do not rise from point to point')
    if not (np.diff(self.probabilities) >= 0).all():
      raise ValueError('probabilities fall from a point to the next')
    if not 0 <= self.probabilities[0] <= self.probabilities[-1] <= 1:
      raise ValueError('probabilities leave 0..1')

  def __call__(self, scores: Scores) -> Float[np.ndarray, ' N']:
    found = np.interp(_finite(scores), self.scores, self.probabilities)
    # Between two points the sum of parts may exceed both by its rounding.
    return np.clip(found, self.probabilities[0], self.probabilities[-1])

  def to_json(self) -> dict[str, Any]:
    return {
      'kind': 'isotonic',
      'scores': list(self.scores),
      'probabilities': list(self.probabilities),
    }


def score_map(written: Mapping[str, Any]) -> Temperature | Isotonic:
  """Reads what `to_json` wrote.

  Raises:
    ValueError: an unknown kind, an entry too few or too many, or entries that
      make no rising map.
  """
  if not isinstance(written, Mapping):
    raise ValueError(f'{str(written)[:40]!r} is no table')
  entries = dict(written)
  kind = entries.pop('kind', None)
  if not isinstance(kind, str) or kind not in _KINDS:
    raise ValueError(f'kind {kind!r} is unknown; use one of {list(_KINDS)}')
  try:
    return _KINDS[kind](**entries)
  except TypeError as error:
    wanted = [field.name for field in dataclasses.fields(_KINDS[kind])]
    raise ValueError(
      f'a map of kind {kind!r} has the entries {list(entries)}, not {wanted}'
    ) from error


_KINDS = {'temperature': Temperature, 'isotonic': Isotonic}


def fit_isotonic(
  scores: Scores, came_true: Sequence[bool] | Bool[np.ndarray, ' N']
) -> Isotonic:
  """Fits the rising steps nearest to the outcomes, in squares.

  One more answer counts at either end, true at the lowest score and not true
  at the highest, so that a perfect order does not make certainties: n misses
  at the low end are worth 1 / (n + 1). Each step is told at the mean of its
  scores, and between steps the map is a line, so that two scores next to each
  other are not worlds apart.

  Args:
    scores: of held-out answers; any scale.
    came_true: whether each came true.

  Raises:
    ValueError: no answer, not one outcome a score, or no finite score.
  """
  scores, outcomes = _answers(scores, came_true)
  scores = np.append(scores, [scores.min(), scores.max()])
  outcomes = np.append(outcomes, [True, False])
  levels, place = np.unique(scores, return_inverse=True)
  counts = np.bincount(place)
  # [answers, those that came true, first level] of each step so far.
  steps: list[tuple[int, int, int]] = []
  for i, n_true in enumerate(np.bincount(place, weights=outcomes)):
    n, start = int(counts[i]), i
    # A share no higher than the one before: both are one step.
    while steps and steps[-1][1] * n >= int(n_true) * steps[-1][0]:
      n_before, true_before, start = steps.pop()
      n, n_true = n + n_before, n_true + true_before
    steps.append((n, int(n_true), start))
  n, n_true, starts = (np.array(column) for column in zip(*steps, strict=True))
  centres = np.add.reduceat(levels * counts, starts) / n
  last = np.append(starts[1:], len(levels)) - 1
  # A mean may leave what it is of by its rounding.
  centres = np.clip(centres, levels[starts], levels[last])
  return Isotonic(
    scores=tuple(centres.tolist()), probabilities=tuple((n_true / n).tolist())
  )


def fit_temperature(
  scores: Scores,
  came_true: Sequence[bool] | Bool[np.ndarray, ' N'],
  *,
  with_offset: bool = True,
  of_probabilities: bool = True,
) -> Temperature:
  """Fits the logistic curve under which the outcomes are likeliest.

  The outcomes count as (n + 1) / (n + 2) and 1 / (n + 2) of the n that came
  true, or did not, so that a perfect order does not make the curve a step.

  Args:
    scores: of held-out answers.
    came_true: whether each came true.
    with_offset: False fits the temperature alone, which leaves logit 0 at
      one half.
    of_probabilities: see `Temperature`.

  Raises:
    ValueError: no answer, not one outcome a score, or a score that is not
      finite, or no probability where it has to be.
  """
  scores, outcomes = _answers(scores, came_true)
  logits = logits_of(scores, of_probabilities=of_probabilities)
  n_true = float(outcomes.sum())
  targets = np.where(
    outcomes,
    (n_true + 1) / (n_true + 2),
    1 / (len(outcomes) - n_true + 2),
  )
  middle = float(logits.mean()) if with_offset else 0.0
  spread = float(np.sqrt(np.mean((logits - middle) ** 2)))
  constant = _logit(float(targets.mean())) if with_offset else 0.0
  found = np.array([0.0, constant])
  if spread > 0:
    columns = np.stack(
      [(logits - middle) / spread, np.full_like(logits, float(with_offset))]
    )
    found = fit_logistic(columns, targets, found)
    if found[0] < 0:  # convex, so the best rising curve is the level one
      found = np.array([0.0, constant])
    found[0] /= spread
  slope = float(found[0])
  return Temperature(
    slope=slope,
    offset=float(found[1]) - slope * middle if with_offset else 0.0,
    of_probabilities=of_probabilities,
  )


def _answers(scores, came_true):
  scores, outcomes = _finite(scores), np.asarray(came_true, bool)
  if scores.shape != outcomes.shape or scores.ndim != 1:
    raise ValueError(
      f'{scores.shape=} but {outcomes.shape=}; give one outcome a score'
    )
  if not len(scores):
    raise ValueError('there is no answer to learn from; give some')
  return scores, outcomes


def _finite(scores) -> Float[np.ndarray, '...']:
  scores = np.asarray(scores, np.float64)
  if not np.isfinite(scores).all():
    raise ValueError('a score is not finite; leave such answers out')
  return scores


def logits_of(
  scores: Sequence[float] | Float[np.ndarray, '...'],
  *,
  of_probabilities: bool = True,
  margin: float = _MARGIN,
) -> Float[np.ndarray, '...']:
  """Returns the logits of scores, kept so far from those of 0 and 1.

  Args:
    scores: of any shape.
    of_probabilities: see `Temperature`.
    margin: least distance of a probability from 0 and 1.

  Raises:
    ValueError: a score is not finite, or no probability where it has to be.
  """
  scores = _finite(scores)
  if not of_probabilities:
    return scores
  # A product of float32 probabilities may exceed 1 by its rounding.
  if scores.size and not (scores.min() >= 0 and scores.max() <= 1 + 1e-4):
    raise ValueError(f'scores from {scores.min()} to {scores.max()} leave 0..1')
  p = np.clip(scores, margin, 1 - margin)
  return np.log(p) - np.log1p(-p)


def _logit(p: float) -> float:
  return math.log(p) - math.log1p(-p)


def _check_numbers(name: str, values: Sequence[Any]) -> None:
  for value in values:
    if not is_number(value):
      raise ValueError(f'{name} holds {str(value)[:20]!r}, no finite number')


def is_number(value: Any) -> bool:
  """Returns whether a value of JSON is a finite number."""
  if isinstance(value, bool) or not isinstance(value, int | float):
    return False
  try:
    return math.isfinite(value)
  except OverflowError:  # a whole number that no float holds
    return False
