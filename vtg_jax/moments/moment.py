"""What a grounding system answers: a moment, or that there is none."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Round:
  """One round of a coarse-to-fine search: what was looked at, what was chosen.

  Attributes:
    start_s: start of the interval looked at, seconds.
    end_s: its end, seconds.
    choice: the category taken, e.g. ``'middle'``.
    probabilities: probability of every category; empty where the answer was
      read from generated text.
    frame_times_s: times of the frames shown to the model, seconds.
  """

  start_s: float
  end_s: float
  choice: str
  probabilities: Mapping[str, float] = dataclasses.field(default_factory=dict)
  frame_times_s: tuple[float, ...] = ()

  def __post_init__(self):
    check_span(self.start_s, self.end_s)

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types, keys as the attributes are named."""
    return {
      'start_s': float(self.start_s),
      'end_s': float(self.end_s),
      'choice': self.choice,
      'probabilities': {k: float(p) for k, p in self.probabilities.items()},
      'frame_times_s': [float(t) for t in self.frame_times_s],
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moment:
  """A stretch of a video in which the query happens.

  Attributes:
    start_s: first second of the moment, from the first displayed frame.
    end_s: last second, not before ``start_s``.
    score: how sure the system is; a probability when ``calibrated``.
    query: the sentence asked for.
    calibrated: whether ``score`` was calibrated on held-out answers.
    rounds: how a coarse-to-fine search got here, first round first.
    system: name of the system that answered.
    start_range_s: first and last second between which the start lies with
      ``range_level``; None where the system does not say.
    end_range_s: the same of the end.
    range_level: probability that a boundary lies in its range; None without
      ranges.
    looked_at: share of the video's time that was looked at, 0..1; None where
      the system does not say.
    cost: numbers by name of what the query cost, such as
      ``{'frames': 500, 'sequences': 46}``; empty where it does not say.
  """

  start_s: float
  end_s: float
  score: float
  query: str = ''
  calibrated: bool = False
  rounds: tuple[Round, ...] = ()
  system: str = ''
  start_range_s: tuple[float, float] | None = None
  end_range_s: tuple[float, float] | None = None
  range_level: float | None = None
  looked_at: float | None = None
  cost: Mapping[str, float] = dataclasses.field(
    default_factory=dict, hash=False
  )

  def __post_init__(self):
    check_span(self.start_s, self.end_s)
    check_finite('score', self.score)
    ranges = [r for r in (self.start_range_s, self.end_range_s) if r]
    for bounds in ranges:
      check_span(*bounds)
    if self.range_level is not None:
      check_probability('range_level', self.range_level)
    elif ranges:
      raise ValueError('a range says nothing without its range_level; give it')
    _check_effort(self.looked_at, self.cost)

  @property
  def duration_s(self) -> float:
    """Length of the moment, seconds; zero is allowed."""
    return self.end_s - self.start_s

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types; ``absent`` tells it from an ``Absent``.

    Out: {'absent': False, 'query': 'a dog runs', 'start_s': 2.5,
          'end_s': 5.0, 'score': 0.41, 'calibrated': False,
          'system': 'hawkeye', 'rounds': [...]}

    'start_range_s', 'end_range_s', 'range_level', 'looked_at' and 'cost' only
    where there are any.
    """
    written = {
      'absent': False,
      'query': self.query,
      'start_s': float(self.start_s),
      'end_s': float(self.end_s),
      'score': float(self.score),
      'calibrated': bool(self.calibrated),
      'system': self.system,
      'rounds': [r.to_json() for r in self.rounds],
    }
    for name in ('start_range_s', 'end_range_s'):
      if bounds := getattr(self, name):
        written[name] = [float(bound_s) for bound_s in bounds]
    if self.range_level is not None:
      written['range_level'] = float(self.range_level)
    return written | _effort(self.looked_at, self.cost)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Absent:
  """The answer "not in this video".

  Attributes:
    score: score of the best moment found, which was not enough.
    threshold: the score a moment would have needed.
    query: the sentence asked for.
    calibrated: whether ``score`` was calibrated on held-out answers.
    rounds: the search that found nothing, first round first.
    system: name of the system that answered.
    looked_at: share of the video's time that was looked at, 0..1; None where
      the system does not say.
    cost: numbers by name of what the query cost, such as
      ``{'frames': 500, 'sequences': 46}``; empty where it does not say.
  """

  score: float
  threshold: float
  query: str = ''
  calibrated: bool = False
  rounds: tuple[Round, ...] = ()
  system: str = ''
  looked_at: float | None = None
  cost: Mapping[str, float] = dataclasses.field(
    default_factory=dict, hash=False
  )

  def __post_init__(self):
    check_finite('score', self.score)
    check_finite('threshold', self.threshold)
    _check_effort(self.looked_at, self.cost)

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types; ``absent`` is true.

    'looked_at' and 'cost' only where they are known.
    """
    written = {
      'absent': True,
      'query': self.query,
      'score': float(self.score),
      'threshold': float(self.threshold),
      'calibrated': bool(self.calibrated),
      'system': self.system,
      'rounds': [r.to_json() for r in self.rounds],
    }
    return written | _effort(self.looked_at, self.cost)


def _check_effort(looked_at: float | None, cost: Mapping[str, float]) -> None:
  if looked_at is not None:
    check_probability('looked_at', looked_at)
  for name, value in cost.items():
    check_finite(f'cost of {name}', value)


def _effort(
  looked_at: float | None, cost: Mapping[str, float]
) -> dict[str, Any]:
  """What is known of it, as JSON."""
  known: dict[str, Any] = {}
  if looked_at is not None:
    known['looked_at'] = float(looked_at)
  if cost:
    known['cost'] = {name: float(value) for name, value in cost.items()}
  return known


def check_finite(name: str, value: float) -> None:
  """Raises ValueError when a number is NaN or infinite."""
  if not math.isfinite(value):
    raise ValueError(f'{name}={value} is not finite; give a finite number')


def check_probability(name: str, value: float) -> None:
  """Raises ValueError when a number is outside 0 to 1."""
  if not 0 <= value <= 1:
    raise ValueError(f'{name} is {value}; it must lie in 0..1')


def or_absent(
  query: str,
  moments: Sequence[Moment],
  absent_below: float | None,
  system: str,
) -> list[Moment | Absent]:
  """The moments, or `Absent` where there is none or the best is below.

  Args:
    query: what was asked for.
    moments: best first.
    absent_below: least score of the best one; any is enough when None.
    system: name of the system.
  """
  best = moments[0].score if moments else 0.0
  threshold = 0.0 if absent_below is None else absent_below
  if moments and best >= threshold:
    return list(moments)
  return [Absent(score=best, threshold=threshold, query=query, system=system)]


def check_span(start_s: float, end_s: float) -> None:
  """Raises ValueError when a span is not finite, or ends before it starts."""
  check_finite('start_s', start_s)
  check_finite('end_s', end_s)
  if start_s > end_s:
    raise ValueError(f'{start_s=} is after {end_s=}; give start_s <= end_s')
