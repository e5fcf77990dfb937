"""Which frames of a video TimeChat looks at, and the times it is told."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from input_pipeline.frame_choice import even_frame_indices
from input_pipeline.video import FrameStore


class ShownFrames(NamedTuple):
  """What is shown of a video.

  Attributes:
    ids: Numbers of the frames, in order.
    times_s: Of each, as the model is told.
    duration_s: Of the video.
  """

  ids: Int[np.ndarray, ' F']
  times_s: list[float]
  duration_s: float


def shown_frames(
  video: FrameStore, sampling: str, n_frames: int
) -> ShownFrames:
  """Chooses frames at equal distances from the first one on.

  Args:
    video: Opened.
    sampling: 'paper' counts frames and divides by the average rate, as the
      paper's code does; 'timestamp' goes by what is on display, and when.
    n_frames: Most frames; a shorter video shows all it has.
  """
  if sampling == 'paper':
    ids = even_frame_indices(video.n_frames, n_frames)
    return ShownFrames(ids, (ids / video.fps).tolist(), video.paper_duration_s)
  n = min(n_frames, video.n_frames)
  ids = video.frame_at(np.arange(n) * video.duration_s / n)
  return ShownFrames(ids, video.times_s[ids].tolist(), video.duration_s)
