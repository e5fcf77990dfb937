"""Which frames of a video Grounded-VideoLLM looks at, at two sizes."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from input_pipeline.frame_choice import (
  middle_frame_indices,
  timestamp_frame_times,
)
from input_pipeline.video import FrameStore

if TYPE_CHECKING:  # it loads jax, and loader processes import this
  from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig


class ShownFrames(NamedTuple):
  """What is shown of a video.

  Attributes:
    keyframes: One a segment, of the image encoder's size.
    frames: All of them, of the video encoder's size.
  """

  keyframes: UInt8[np.ndarray, 'S h w 3']
  frames: UInt8[np.ndarray, 'F v u 3']


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


def shown_frames(
  video: FrameStore, sampling: str, config: 'GroundedVideoLlmConfig'
) -> ShownFrames:
  """Decodes what is shown; each frame is read once at each size.

  Args:
    video: Opened at the video encoder's size.
    sampling: See `frame_ids`.
    config: Sizes.

  Raises:
    BadInput: a frame cannot be decoded.
  """
  ids = frame_ids(video, sampling, config.n_frames)
  keyframes = video.at_size(config.image_encoder.image_size)
  return ShownFrames(
    keyframes=keyframes.get(ids[list(config.keyframes)]),
    frames=video.get(ids),
  )
