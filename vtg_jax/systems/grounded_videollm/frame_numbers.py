"""Which frames of a video Grounded-VideoLLM looks at, as numbers.

Nothing here loads jax: loader processes import it.
"""

import numpy as np
from jaxtyping import Int

from input_pipeline.frame_choice import (
  middle_frame_indices,
  timestamp_frame_times,
)
from input_pipeline.video import FrameStore


def time_scale_s(video: FrameStore, sampling: str) -> float:
  """The seconds that the time tokens span.

  Args:
    video: Opened.
    sampling: 'paper' for frame count over frame rate, as the paper's code
      computes; 'timestamp' for what the file says.
  """
  by_paper = sampling == 'paper'
  return video.paper_duration_s if by_paper else video.duration_s


def frame_ids(
  video: FrameStore, sampling: str, n_frames: int
) -> Int[np.ndarray, ' F']:
  """The frames that stand for a video, in order; short videos repeat some.

  Args:
    video: Opened.
    sampling: 'paper' for the middles of equal stretches of frame numbers,
      'timestamp' for what is on display in the middles of equal times.
    n_frames: How many.
  """
  if sampling == 'paper':
    return middle_frame_indices(video.n_frames, n_frames)
  return video.frame_at(timestamp_frame_times(0, video.duration_s, n_frames))
