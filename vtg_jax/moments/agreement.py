"""How far systems agree on when something happens.

a       [=====####]         each system's best answer
b            [####===]
common       [####]         what all of them have in common
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from vtg_jax.moments.moment import Absent, Moment, check_probability
from vtg_jax.moments.overlap import iou


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confidence:
  """What held-out answers say about several systems' answers to one query.

  Attributes:
    right: name of a system -> probability that its best answer is right, its
      IoU above `hit_iou`, where the query happens.
    happens: probability that the query happens at all, where queries are as
      often absent as in the held-out ones.
    hit_iou: what the IoU of a right answer exceeds.
  """

  right: Mapping[str, float]
  happens: float
  hit_iou: float

  def __post_init__(self):
    for probability in (*self.right.values(), self.happens, self.hit_iou):
      check_probability('a probability', probability)

  @property
  def surest(self) -> str:
    """The system whose answer is likeliest right; of equals the first."""
    return max(self.right, key=self.right.__getitem__)

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types."""
    return {
      'surest': self.surest,
      'probability': float(self.right[self.surest]),
      'right': {name: float(p) for name, p in self.right.items()},
      'happens': float(self.happens),
      'hit_iou': float(self.hit_iou),
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Agreement:
  """What several systems answer to one query.

  Attributes:
    query: the sentence asked for.
    answers: name of a system -> its answers, best first, at least one.
    confidence: how sure one may be of them together; None where that was not
      learnt.
  """

  query: str
  answers: Mapping[str, Sequence[Moment | Absent]]
  confidence: Confidence | None = None

  def __post_init__(self):
    if not self.answers or not all(self.answers.values()):
      raise ValueError('a system has no answer; give at least one of each')

  @property
  def best(self) -> dict[str, Moment | Absent]:
    """The best answer of each."""
    return {name: answers[0] for name, answers in self.answers.items()}

  @property
  def common(self) -> tuple[float, float] | None:
    """Start and end of what all best answers share; None where nothing is."""
    return common_span(list(self.best.values()))

  @property
  def ious(self) -> dict[tuple[str, str], float]:
    """IoU of the best answers of each two; 0 with one that is absent."""
    table = overlaps(list(self.best.values()))
    pairs = itertools.combinations(enumerate(self.best), 2)
    return {(a, b): float(table[i, j]) for (i, a), (j, b) in pairs}

  @property
  def mean_iou(self) -> float:
    """Mean of the IoUs of each two; 1 of one system alone."""
    found = list(self.ious.values())
    return sum(found) / len(found) if found else 1.0

  @property
  def n_absent(self) -> int:
    """Systems that say it is not in the video."""
    return sum(isinstance(one, Absent) for one in self.best.values())

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types.

    Out: {'query': 'a dog runs', 'answers': {'a': [{...}], 'b': [{...}]},
          'common': {'start_s': 2.5, 'end_s': 5.0}, 'n_absent': 0,
          'ious': [{'models': ['a', 'b'], 'iou': 0.8}], 'mean_iou': 0.8,
          'confidence': {'surest': 'a', 'probability': 0.9, ...}}

    'common' is null where the best answers share nothing, 'confidence' where
    it was not learnt.
    """
    common = self.common
    return {
      'query': self.query,
      'answers': {
        name: [one.to_json() for one in answers]
        for name, answers in self.answers.items()
      },
      'common': common
      and {'start_s': float(common[0]), 'end_s': float(common[1])},
      'n_absent': self.n_absent,
      'ious': [
        {'models': list(pair), 'iou': found}
        for pair, found in self.ious.items()
      ],
      'mean_iou': float(self.mean_iou),
      'confidence': self.confidence and self.confidence.to_json(),
    }


def common_span(
  answers: Sequence[Moment | Absent],
) -> tuple[float, float] | None:
  """Start and end of what answers share; None where one lacks all others."""
  if any(isinstance(one, Absent) for one in answers):
    return None
  start_s = max(one.start_s for one in answers)
  end_s = min(one.end_s for one in answers)
  return (start_s, end_s) if end_s > start_s else None


def overlaps(
  answers: Sequence[Moment | Absent],
) -> Float[np.ndarray, 'M M']:
  """IoU of each two answers; 0 with one that is absent, 1 of itself."""
  table = np.eye(len(answers))
  for i, j in itertools.combinations(range(len(answers)), 2):
    a, b = answers[i], answers[j]
    if isinstance(a, Moment) and isinstance(b, Moment):
      spans = (a.start_s, a.end_s), (b.start_s, b.end_s)
      table[i, j] = table[j, i] = iou(*spans)
  return table
