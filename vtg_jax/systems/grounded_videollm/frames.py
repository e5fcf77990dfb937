"""Which frames of a video Grounded-VideoLLM looks at, at two sizes."""

from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from input_pipeline.video import FrameStore
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.frame_numbers import frame_ids


class ShownFrames(NamedTuple):
  """What is shown of a video.

  Attributes:
    keyframes: One a segment, of the image encoder's size.
    frames: All of them, of the video encoder's size.
  """

  keyframes: UInt8[np.ndarray, 'S h w 3']
  frames: UInt8[np.ndarray, 'F v u 3']


def announce_frames(
  video: FrameStore, sampling: str, config: GroundedVideoLlmConfig
) -> None:
  """Announces what `shown_frames` will ask for."""
  ids = frame_ids(video, sampling, config.n_frames)
  keyframes = video.at_size(config.image_encoder.image_size)
  keyframes.announce(ids[list(config.keyframes)])
  video.announce(ids)


def shown_frames(
  video: FrameStore, sampling: str, config: GroundedVideoLlmConfig
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
