"""Video Q-Former: learned queries read the rows of a window of frames.

Every frame comes as some rows, which are told where in the video they stand;
windows slide over the frames, and each becomes as many rows as there are
queries. Five frames, windows of 3 that begin every 2:

    frames  0 1 2 3 4
            - - -            queries 0 .. Q-1
                - - -        queries Q .. 2Q-1
                    -        queries 2Q .. 3Q-1: what is left may be short
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.adapters.qformer import QFormer, QFormerConfig
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoQFormerConfig:
  """Architecture of the video Q-Former.

  Attributes:
    qformer: What reads a window; it reads no text.
    n_frames: Rows of the table of frame positions: most frames of a video.
    window: Frames of a window.
    stride: Frames from the start of a window to that of the next; 0 for one
      window over all frames.
  """

  qformer: QFormerConfig
  n_frames: int
  window: int
  stride: int

  def __post_init__(self):
    if self.qformer.reads_text:
      raise ValueError('the video Q-Former reads no text: its vocab_size is 0')
    if self.window < 1 or self.stride < 0:
      raise ValueError(f'{self.window=} and {self.stride=}; use 1 and 0 up')

  def n_windows(self, n_frames: int) -> int:
    """Windows of a video of so many frames."""
    return -(-n_frames // self.stride) if self.stride else 1

  def n_tokens(self, n_frames: int) -> int:
    """Rows that come out for a video of so many frames."""
    return self.n_windows(n_frames) * self.qformer.n_tokens


class VideoQFormerOutput(NamedTuple):
  """What the video Q-Former computed.

  Attributes:
    queries: Last states of the queries, window after window.
    positioned: The frames' rows, told where they stand.
  """

  queries: Float[Array, 'B Q D']
  positioned: Float[Array, 'B F R D']


def windows_of(
  config: VideoQFormerConfig, n_frames: int
) -> tuple[Int[np.ndarray, 'W V'], Bool[np.ndarray, 'W V']]:
  """Frames of each window, and which of them are there; all as long.

  Five frames, windows of 3 every 2: [[0 1 2] [2 3 4] [4 4 4]], of which the
  last two of the last are not there.
  """
  if not config.stride:
    return np.arange(n_frames)[None], np.ones((1, n_frames), bool)
  starts = np.arange(config.n_windows(n_frames)) * config.stride
  frames = starts[:, None] + np.arange(min(config.window, n_frames))
  return np.minimum(frames, n_frames - 1), frames < n_frames


class VideoQFormer(nn.Module):
  """Frame positions, sliding windows, and a Q-Former over each.

  Source: TimeChat models/timechat.py, `encode_videoQformer_visual`.
  """

  config: VideoQFormerConfig
  compute: Compute

  @nn.compact
  def __call__(
    self,
    rows: Float[Array, 'B F R D'],
    shown: Bool[Array, 'B F R'] | None = None,
    *,
    deterministic: bool = True,
  ) -> VideoQFormerOutput:
    """Reads the frames of videos.

    Args:
      rows: Of each frame.
      shown: True on rows that may be looked at; all are when None. Videos of
        fewer frames than others stand with them when what is beyond their
        frames is not shown, and only their own first `n_tokens` rows count.
      deterministic: False switches dropout on.

    Raises:
      ValueError: there are more frames than positions.
    """
    config = self.config
    B, F, R, D = rows.shape
    if F > config.n_frames:
      raise ValueError(
        f'{F} frames exceed the {config.n_frames} positions of the video '
        'Q-Former; choose fewer frames'
      )
    table = self.param(
      'frame_positions',
      nn.with_logical_partitioning(
        nn.initializers.normal(0.02), ('positions', 'embed')
      ),
      (config.n_frames, D),
      self.compute.jnp_param_dtype,
    )
    places = table[:F, None].astype(self.compute.jnp_dtype)
    positioned = constrain(rows + places, 'batch', None, None, None)
    frames, there = windows_of(config, F)
    W, V = frames.shape
    mask = None
    if shown is not None or not there.all():
      mask = jnp.broadcast_to(there[:, :, None], (B, W, V, R))
      if shown is not None:
        mask = mask & shown[:, frames]
      mask = mask.reshape(B * W, V * R)
    out = QFormer(config.qformer, self.compute, name='qformer')(
      positioned[:, frames].reshape(B * W, V * R, D),
      features_mask=mask,
      deterministic=deterministic,
    )
    return VideoQFormerOutput(out.queries.reshape(B, -1, D), positioned)
