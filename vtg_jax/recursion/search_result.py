"""What a search may spend, what it found, and what it took."""

import dataclasses
from collections.abc import Sequence

from vtg_jax.moments.moment import Moment
from vtg_jax.moments.overlap import iou
from vtg_jax.recursion.cost import Cost
from vtg_jax.recursion.model import Reply


@dataclasses.dataclass(frozen=True, kw_only=True)
class Budget:
  """What a search may spend; None sets no limit.

  Attributes:
    sequences: Calls of the language model.
    frames: Frames that it reads one by one, on the dense level.
    seconds: From the first call on. A call is not begun when one of its kind
      took longer, the last time, than is left; the first of a kind may.
  """

  sequences: int | None = None
  frames: int | None = None
  seconds: float | None = None

  def __post_init__(self):
    for field in dataclasses.fields(self):
      value = getattr(self, field.name)
      if value is not None and value < 0:
        raise ValueError(f'a budget of {value} {field.name} is negative')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hit:
  """A run of sparse windows that an answer names.

  Attributes:
    level: On which it was found.
    first: First window.
    last: Last window, included.
    confidence: Of the answer.
  """

  level: int
  first: int
  last: int
  confidence: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Examined:
  """One question and its answer.

  Attributes:
    level: 1 for a dense window.
    windows: Those shown, by their number on that level.
    reply: What was answered.
  """

  level: int
  windows: tuple[int, ...]
  reply: Reply


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchResult:
  """What was found and what it took.

  Attributes:
    moments: Best first, at most `top_k`; the score is the confidence of the
      answer, one over its mean entropy. None where nothing was found.
    looked_at: Share of the video shown on any level, 0..1.
    read: Share of the video shown frame by frame, 0..1.
    spent: Work done.
    is_whole: Whether the search came to its end before its budget did.
    examined: All questions, in the order asked.
    hits: All sparse answers that name windows.
  """

  moments: tuple[Moment, ...]
  looked_at: float
  read: float
  spent: Cost
  is_whole: bool
  examined: tuple[Examined, ...]
  hits: tuple[Hit, ...]


def ranked(
  moments: Sequence[Moment], same_iou: float | None, *, most: int | None = None
) -> list[Moment]:
  """Moments by falling score, without those that repeat a better one.

  Args:
    moments: In any order; equal scores keep it.
    same_iou: From which overlap on a moment repeats another; None keeps all.
    most: Are kept; all when None.
  """
  kept: list[Moment] = []
  for moment in sorted(moments, key=lambda m: -m.score):
    if len(kept) == most:
      break
    spans = ((m.start_s, m.end_s) for m in kept)
    here = moment.start_s, moment.end_s
    if same_iou is None or all(iou(here, span) < same_iou for span in spans):
      kept.append(moment)
  return kept
