"""The frame encoder alone: where a video is most like the sentence.

    window    |----|  |----|          of some lengths, half of it apart
                 |----|
    score     mean cosine of its frames and the sentence

No language model is asked, so it is what a search has to be better than.

Source: after the zero-shot CLIP baseline of MAD (arXiv 2112.00431).
Deviates: the lengths are ours.
"""

import math
import time
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from input_pipeline.frame_features import FrameFeatures, QueryFeatures
from vtg_jax.moments.moment import Moment
from vtg_jax.recursion.cost import Cost
from vtg_jax.recursion.search_plan import Quote
from vtg_jax.recursion.search_result import SearchResult, ranked
from vtg_jax.systems.clip.video_features import likeness, of_best_frames

# Seconds of a window; and the overlap from which on one repeats another.
LENGTHS_S, SAME_IOU = (4.0, 8.0, 16.0), 0.3
_POWER = 5
# What it costs of what the language model is asked.
QUOTE = Quote(one_event=Cost(), most=Cost())


def search_by_likeness(
  frames: FrameFeatures,
  query: QueryFeatures,
  *,
  top_k: int,
  clock: Callable[[], float] = time.monotonic,
) -> SearchResult:
  """Finds the windows whose frames are most like a sentence.

  Args:
    frames: Of the video.
    query: The sentence.
    top_k: Most moments to answer with.
    clock: Seconds from any fixed point.

  Returns:
    The moments, best first; the score is (1 + cosine) / 2.
  """
  start_s = clock()
  cosines = likeness(frames, query)
  moments = [
    moment
    for length_s in LENGTHS_S
    for moment in _slid(cosines, frames.fps, length_s)
  ]
  return SearchResult(
    moments=tuple(ranked(moments, SAME_IOU, most=top_k)),
    looked_at=1.0,
    read=0.0,
    spent=Cost(seconds=clock() - start_s),
    is_whole=True,
    examined=(),
    hits=(),
  )


def alike(
  frames: FrameFeatures, query: QueryFeatures
) -> Callable[[Moment], float]:
  """How alike the best frames of a moment and a sentence are.

  It is ((1 + c) / 2) ** 5, c the mean cosine of the three best frames. In a
  logistic fit to the small model's answers to 228 sentences about 20 validation
  videos, the logarithm of (1 + c) / 2 weighs 5.0 times as much as the entropy
  (3.9 to 7.7 where the videos are resampled); the power makes it so.

  Args:
    frames: Of the video.
    query: The sentence.

  Returns:
    Moment -> 0..1; of the nearest frame where a moment has none.
  """
  cosines = likeness(frames, query)

  def of_moment(moment: Moment) -> float:
    n = len(cosines)
    first = min(n - 1, math.floor(moment.start_s * frames.fps))
    last = max(first + 1, math.ceil(moment.end_s * frames.fps))
    best = of_best_frames(cosines[first:last])
    return min(1.0, max(0.0, (1 + best) / 2)) ** _POWER

  return of_moment


def _slid(
  cosines: Float[np.ndarray, ' N'], fps: float, length_s: float
) -> list[Moment]:
  """A window of one length, slid over the video; the whole of a shorter one."""
  n = min(len(cosines), max(1, round(length_s * fps)))
  total = np.concatenate([[0.0], np.cumsum(cosines, dtype=np.float64)])
  starts = np.arange(0, len(cosines) - n + 1, max(1, n // 2))
  means = (total[starts + n] - total[starts]) / n
  scores = np.clip((1 + means) / 2, 0.0, 1.0)
  return [
    Moment(start_s=start / fps, end_s=(start + n) / fps, score=score)
    for start, score in zip(starts.tolist(), scores.tolist(), strict=True)
  ]
