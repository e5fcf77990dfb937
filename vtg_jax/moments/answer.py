"""What a system says about a video: a told event, an answer, highlights."""

import dataclasses
from typing import Any

from vtg_jax.moments.moment import (
  Moment,
  check_finite,
  check_probability,
  check_span,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Caption:
  """A stretch of a video and what happens in it.

  Attributes:
    start_s: first second of the event, from the first displayed frame.
    end_s: last second, not before `start_s`.
    text: what happens, without times.
    score: how probable the times and words are to the system; not calibrated.
    system: name of the system that told it.
  """

  start_s: float
  end_s: float
  text: str
  score: float
  system: str = ''

  def __post_init__(self):
    check_span(self.start_s, self.end_s)
    check_finite('score', self.score)

  @property
  def duration_s(self) -> float:
    """Length of the event, seconds; zero is allowed."""
    return self.end_s - self.start_s

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types, keys as the attributes are named."""
    return {
      'start_s': float(self.start_s),
      'end_s': float(self.end_s),
      'text': self.text,
      'score': float(self.score),
      'system': self.system,
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
  """What was answered to a question about a video.

  Attributes:
    question: without its options.
    text: the answer, such as '(B) a dog' where options were given.
    choice: index of the chosen option; None where none were given, or where
      a written answer names none of them.
    probabilities: of each option; empty where text was written freely.
    evidence: where in the video the answer is to be seen; empty where that
      was not asked.
    score: how probable the answer is to the system: the chosen option among
      the options, or the written text; not calibrated.
    system: name of the system that answered.
  """

  question: str
  text: str
  choice: int | None = None
  probabilities: tuple[float, ...] = ()
  evidence: tuple[Moment, ...] = ()
  score: float
  system: str = ''

  def __post_init__(self):
    check_finite('score', self.score)
    for probability in self.probabilities:
      check_probability('a probability', probability)
    n_options = len(self.probabilities)
    if self.choice is not None and (
      self.choice < 0 or (n_options and self.choice >= n_options)
    ):
      raise ValueError(f'choice={self.choice} is none of {n_options} options')

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types, keys as the attributes are named."""
    return {
      'question': self.question,
      'text': self.text,
      'choice': None if self.choice is None else int(self.choice),
      'probabilities': [float(p) for p in self.probabilities],
      'evidence': [moment.to_json() for moment in self.evidence],
      'score': float(self.score),
      'system': self.system,
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Highlights:
  """The moments of a video that stand out, and how much.

  Attributes:
    query: what they are highlights of.
    times_s: seconds, in the order told; there may be none.
    saliency: of each, on the system's own scale.
    score: how probable the answer is to the system; not calibrated.
    system: name of the system that told them.
  """

  query: str
  times_s: tuple[float, ...]
  saliency: tuple[float, ...]
  score: float
  system: str = ''

  def __post_init__(self):
    check_finite('score', self.score)
    if len(self.times_s) != len(self.saliency):
      raise ValueError(
        f'{len(self.times_s)} times have {len(self.saliency)} saliencies; '
        'give one each'
      )
    for time_s in self.times_s:
      check_span(time_s, time_s)
    for saliency in self.saliency:
      check_finite('a saliency', saliency)

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types, keys as the attributes are named."""
    return {
      'query': self.query,
      'times_s': [float(time_s) for time_s in self.times_s],
      'saliency': [float(saliency) for saliency in self.saliency],
      'score': float(self.score),
      'system': self.system,
    }
