"""Two streams of features, segment by segment, as the words of one sequence.

A video is cut into segments. Each shows one keyframe in detail (the image
stream) and all its frames coarsely (the video stream):

    segment 1                           segment 2
    [image rows | video rows | separator] [image rows | video rows | ...

The video stream can be left out, to see what it is good for.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain
from vtg_jax.nn.dense import Dense

REDUCTIONS = ('merge', 'pool')


@dataclasses.dataclass(frozen=True, kw_only=True)
class TwoStreamConfig:
  """How features become rows of the language model.

  Attributes:
    width: Channels H of the language model.
    image_width: Channels D of the image features.
    image_grid: Patches along a side of a keyframe.
    image_side: Rows along a side after the reduction.
    image_reduction: Of `REDUCTIONS`. 'merge' joins the channels of
      neighbouring patches, ends each line with a learned newline, and
      projects newlines and separator as if they were patches. 'pool' averages
      neighbouring patches and has no newlines; its separator is not projected.
    video_width: Channels E of the video features.
    video_grid: Patches along a side of a frame.
    video_side: Rows along a side of a frame after averaging.
    video_stream: Whether there are video rows; False is ours, no released
      model lacks them.
  """

  width: int
  image_width: int
  image_grid: int
  image_side: int
  image_reduction: str
  video_width: int
  video_grid: int
  video_side: int
  video_stream: bool = True

  def __post_init__(self):
    if self.image_reduction not in REDUCTIONS:
      raise ValueError(f'{self.image_reduction=} is not one of {REDUCTIONS}')
    if self.merges and self.image_grid % self.image_side:
      raise ValueError(
        f'{self.image_grid=} is not divisible by {self.image_side=}, so its '
        'patches cannot be merged'
      )
    for grid, side in (
      (self.image_grid, self.image_side),
      (self.video_grid, self.video_side),
    ):
      if not 0 < side <= grid:
        raise ValueError(f'a grid of {grid} cannot be reduced to {side}')

  @property
  def merges(self) -> bool:
    """Whether channels of neighbouring patches are joined, not averaged."""
    return self.image_reduction == 'merge'

  @property
  def n_image_rows(self) -> int:
    """Rows of a keyframe, newlines included."""
    return self.image_side * (self.image_side + self.merges)

  @property
  def reduced_image_width(self) -> int:
    """Channels of an image row before the projection."""
    joined = self.image_grid // self.image_side if self.merges else 1
    return self.image_width * joined**2

  def n_video_rows(self, n_frames: int) -> int:
    """Rows of the video stream of `n_frames` frames."""
    return n_frames * self.video_side**2 if self.video_stream else 0

  def n_segment_rows(self, n_frames: int) -> int:
    """Rows of a segment of `n_frames` frames, separator included."""
    return self.n_image_rows + self.n_video_rows(n_frames) + 1


class TwoStreamOutput(NamedTuple):
  """What the adapter computed.

  Attributes:
    rows: Segment by segment: image, video, separator.
    image: Image rows before the projection.
    video: Video rows before the projection; None without that stream.
    separator: The row that ends each segment.
  """

  rows: Float[Array, 'B R H']
  image: Float[Array, 'B S I K']
  video: Float[Array, 'B S V E'] | None
  separator: Float[Array, ' H']


def merge_patches(
  x: Float[Array, '*B h w D'], side: int
) -> Float[Array, '*B O O K']:
  """Joins the channels of each square of neighbouring patches.

  The square's patches follow one another row by row: for 2 x 2 they are
  (2i, 2j), (2i, 2j + 1), (2i + 1, 2j), (2i + 1, 2j + 1).

  Args:
    x: `side` divides h = w.
    side: Squares O along each side.
  """
  *batch, grid, _, D = x.shape
  n = grid // side
  x = x.reshape(*batch, side, n, side, n, D)
  x = jnp.swapaxes(x, -4, -3)
  return x.reshape(*batch, side, side, n * n * D)


def average_patches(
  x: Float[Array, '*B h w D'], side: int
) -> Float[Array, '*B O O D']:
  """Averages neighbouring patches, in float32.

  Output i of an axis is the mean of the inputs from floor(i * n / side) to
  ceil((i + 1) * n / side), as in torch's adaptive pooling: windows overlap
  where `side` does not divide n.

  Args:
    x: Any grid.
    side: Outputs O along each side.
  """
  dtype, x = x.dtype, x.astype(jnp.float32)
  for axis in (-3, -2):
    n = x.shape[axis]
    windows = [
      jax.lax.slice_in_dim(
        x, i * n // side, -(-(i + 1) * n // side), axis=axis
      ).mean(axis)
      for i in range(side)
    ]
    x = jnp.stack(windows, axis)
  return x.astype(dtype)


class Projector(nn.Module):
  """Two linear layers with an exact GELU between them.

  Attributes:
    width: Channels H that come out, and of the inner layer.
    compute: Numerics.
  """

  width: int
  compute: Compute

  @nn.compact
  def __call__(self, x: Float[Array, '*B D']) -> Float[Array, '*B H']:
    h = Dense(self.width, ('embed', 'mlp'), self.compute, name='fc1')(x)
    h = jax.nn.gelu(h, approximate=False)
    return Dense(self.width, ('mlp', 'embed'), self.compute, name='fc2')(h)


class TwoStream(nn.Module):
  """The rows that stand for a video in the language model's input.

  Source: Grounded-VideoLLM models/llava_next_video.py.
  """

  config: TwoStreamConfig
  compute: Compute

  @nn.compact
  def __call__(
    self,
    image_features: Float[Array, 'B S P D'],
    video_features: Float[Array, 'B S F Q E'] | None,
  ) -> TwoStreamOutput:
    """Joins both streams.

    Args:
      image_features: Patches of each segment's keyframe, row-major.
      video_features: Patches of each frame of each segment, row-major; None
        without the video stream.

    Returns:
      The rows and the states on the way to them.

    Raises:
      ValueError: when the patches are not those of the configured grids.
    """
    config = self.config
    image = self._image_rows(image_features)
    project_image = Projector(
      config.width, self.compute, name='image_projector'
    )
    if config.merges:
      separator = project_image(
        self._learned('separator', config.reduced_image_width)
      )
    else:
      separator = self._learned('separator', config.width)
    parts, video = [project_image(image)], None
    if config.video_stream:
      video = self._video_rows(video_features)
      project_video = Projector(
        config.width, self.compute, name='video_projector'
      )
      parts.append(project_video(video))
    B, S = image.shape[:2]
    parts.append(jnp.broadcast_to(separator, (B, S, 1, config.width)))
    rows = jnp.concatenate(parts, axis=2)
    rows = rows.reshape(B, -1, config.width)  # segments follow one another
    rows = constrain(rows, 'batch', None, None)
    return TwoStreamOutput(rows, image, video, separator)

  def _image_rows(self, x):
    config = self.config
    _check_patches('keyframe', x.shape[2], config.image_grid)
    B, S, P, D = x.shape
    side, x = config.image_side, x.astype(self.compute.jnp_dtype)
    x = x.reshape(B, S, config.image_grid, config.image_grid, D)
    if config.merges:
      x = merge_patches(x, side)
      newline = self._learned('newline', x.shape[-1])
      newline = jnp.broadcast_to(newline, (B, S, side, 1, x.shape[-1]))
      x = jnp.concatenate([x, newline], axis=3)  # one more column
    else:
      x = average_patches(x, side)
    return x.reshape(B, S, config.n_image_rows, x.shape[-1])

  def _video_rows(self, x):
    config = self.config
    _check_patches('frame', x.shape[3], config.video_grid)
    B, S, F, P, E = x.shape
    x = x.astype(self.compute.jnp_dtype)
    x = x.reshape(B, S, F, config.video_grid, config.video_grid, E)
    x = average_patches(x, config.video_side)
    return x.reshape(B, S, F * config.video_side**2, E)  # time is not averaged

  def _learned(self, name, width):
    init = nn.with_logical_partitioning(
      nn.initializers.normal(width**-0.5), ('norm',)
    )
    row = self.param(name, init, (width,), self.compute.jnp_param_dtype)
    return row.astype(self.compute.jnp_dtype)


def _check_patches(what, n, grid) -> None:
  if n != grid**2:
    raise ValueError(f'a {what} has {n} patches, not {grid} x {grid}')
