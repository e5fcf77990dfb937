"""How well clips' saliency is told: mAP and HIT@1 of QVHighlights.

    clips of 2 s      0    1    2    3    4         three people score each
    people's scores   -    -   4 3 4 2 2 4  -       0 (bad) to 4 (very good)
    told             0.0  0.0  1.7  2.3  0.0

A clip is a highlight for a person who gives it at least a least score, by
default the greatest of three, 'very good'.

Source: Lei et al., QVHighlights (NeurIPS 2021) and its evaluation program.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

CLIP_S = 2.0
# Which score makes a clip a highlight, by the benchmark's names.
LEAST_SCORES = {'Fair': 2, 'Good': 3, 'VeryGood': 4}


class Highlight(NamedTuple):
  """A moment that stands out.

  Attributes:
    time_s: seconds.
    saliency: how much; systems tell 1 to 5.
  """

  time_s: float
  saliency: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrueSaliency:
  """What people say of a video's clips.

  Attributes:
    n_clips: clips of the video.
    clips: those that were scored; all others have 0.
    scores: of each of them, one a person.
  """

  n_clips: int
  clips: tuple[int, ...]
  scores: tuple[tuple[float, ...], ...]

  def table(self) -> Float[np.ndarray, 'C A']:
    """Of every clip, by every person."""
    n_people = len(self.scores[0]) if self.scores else 1
    out = np.zeros((self.n_clips, n_people))
    if self.clips:
      out[list(self.clips)] = self.scores
    return out


@dataclasses.dataclass(frozen=True, kw_only=True)
class HighlightScores:
  """Over a benchmark, 0..1.

  Attributes:
    mean_ap: mean over queries and people of the average precision.
    hit_at_1: share of queries whose best clip is a highlight for somebody.
  """

  mean_ap: float
  hit_at_1: float


def highlight_scores(
  told: Sequence[Sequence[float]],
  true: Sequence[TrueSaliency],
  *,
  least: float = LEAST_SCORES['VeryGood'],
) -> HighlightScores:
  """Scores what is told of videos' clips.

  Args:
    told: of each query, a score a clip; any scale.
    true: of each query.
    least: score from which on a clip is a highlight.
  """
  each = query_scores(told, true, least=least)
  if not len(each):
    return HighlightScores(mean_ap=float('nan'), hit_at_1=float('nan'))
  mean_ap, hit = each.mean(0).tolist()
  return HighlightScores(mean_ap=mean_ap, hit_at_1=hit)


def query_scores(
  told: Sequence[Sequence[float]],
  true: Sequence[TrueSaliency],
  *,
  least: float = LEAST_SCORES['VeryGood'],
) -> Float[np.ndarray, 'N 2']:
  """Of each query: its average precision, mean over people, and its hit."""
  rows = [
    _query_scores(np.asarray(one, np.float64), other.table() >= least)
    for one, other in zip(told, true, strict=True)
  ]
  return np.array(rows, np.float64).reshape(len(rows), 2)


def average_precision(is_true: ArrayLike, told: ArrayLike) -> float:
  """The mean precision at every score that adds to what is found, 0..1.

  What counts is the greatest precision at this score or any lower one.
  Nothing true gives 0, everything true 1.

  average_precision([1, 0, 1, 0, 0], [.9, .8, .7, .1, 0]) == 5 / 6

  Args:
    is_true: Of each clip.
    told: Its score; equal ones are found together.
  """
  is_true = np.asarray(is_true, bool)
  told = np.asarray(told, np.float64)
  if not is_true.any():
    return 0.0
  if is_true.all():
    return 1.0
  # Lowest score first, as the precisions are looked at.
  levels = np.unique(told)
  found = told[None] >= levels[:, None]
  n_true = (found & is_true).sum(1)
  precision = np.append(n_true / found.sum(1), 1.0)
  recall = np.append(n_true, 0)
  precision = np.maximum.accumulate(precision)
  return float(precision[:-1][np.diff(recall) != 0].mean())


def clips_of(duration_s: float, clip_s: float = CLIP_S) -> int:
  """How many whole clips a video has."""
  return int(duration_s / clip_s)


def clip_scores(
  told: Sequence[Highlight], duration_s: float
) -> Float[np.ndarray, ' C']:
  """The mean saliency of the highlights in each clip; 0 where there is none.

  A time that is the border of two clips counts for the one before it, and one
  behind the video's end for none.
  """
  n_clips = clips_of(duration_s)
  total, count = np.zeros(n_clips), np.zeros(n_clips)
  for time_s, saliency in told:
    if time_s > duration_s or not n_clips:
      continue
    clip = min(max(0, int((time_s - 1) / CLIP_S)), n_clips - 1)
    total[clip] += saliency
    count[clip] += 1
  return total / np.maximum(count, 1)


def _query_scores(
  told: Float[np.ndarray, ' P'], is_true: Bool[np.ndarray, 'C A']
) -> tuple[float, float]:
  n_clips = len(is_true)
  # The best one is looked for before what is too long is cut off.
  best = int(told.argmax()) if len(told) else n_clips
  hit = best < n_clips and is_true[best].any()
  fitted = np.zeros(n_clips)
  fitted[: min(n_clips, len(told))] = told[:n_clips]
  precisions = [average_precision(one, fitted) for one in is_true.T]
  return float(np.mean(precisions)), float(hit)
