"""InternVideo2, the video transformer Grounded-VideoLLM sees motion with."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from vtg_jax.encoders.block import BlockConfig, EncoderBlock
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import Dense
from vtg_jax.nn.patch import patchify
from vtg_jax.nn.positions import resize_linear
from vtg_jax.nn.stack import scan_layers


@dataclasses.dataclass(frozen=True, kw_only=True)
class InternVideo2Config:
  """Architecture of the video encoder.

  Attributes:
    block: What the blocks are made of.
    n_layers: Blocks that are run; where features are those of the last block
      but one, one less than the released file has.
    image_size: Side of a frame in pixels.
    patch_size: Side of a patch in pixels.
    tubelet_size: Frames a patch spans.
    channels: Colour channels.
    table_steps: Time steps of the stored position table.
    drop_path: Rate of stochastic depth while training at the block after the
      last that is run; it grows linearly from 0 at the first.
  """

  block: BlockConfig
  n_layers: int
  image_size: int
  patch_size: int
  tubelet_size: int
  channels: int
  table_steps: int
  drop_path: float

  def __post_init__(self):
    if self.image_size % self.patch_size:
      raise ValueError(
        f'{self.image_size=} is not divisible by {self.patch_size=}'
      )
    if self.block.width % 16:
      raise ValueError(
        f'{self.block.width=} is not divisible by 16, as sines and cosines of '
        'time, row and column need it'
      )
    if not 0 <= self.drop_path < 1:
      raise ValueError(f'{self.drop_path=} is not in [0, 1)')

  @property
  def grid(self) -> int:
    """Patches along one side of a frame."""
    return self.image_size // self.patch_size


def internvideo2_1b(*, drop_path: float = 0.0) -> InternVideo2Config:
  """The vision encoder of InternVideo2-1B's second stage, 224 px, 4 frames.

  Args:
    drop_path: The reference trains with 0.25, inside this frozen encoder.

  Source: OpenGVLab InternVideo2 `pretrain_internvideo2_1b_patch14_224`.
  """
  return InternVideo2Config(
    block=BlockConfig(
      width=1408,
      n_heads=16,
      mlp_hidden=6144,
      norm='rms',
      norm_eps=1e-6,
      activation='gelu',
      fused_qkv=True,
      qkv_biases='',
      qk_norm=True,
      layer_scale=1e-5,
    ),
    n_layers=39,
    image_size=224,
    patch_size=14,
    tubelet_size=1,
    channels=3,
    table_steps=4,
    drop_path=drop_path,
  )


class InternVideo2Output(NamedTuple):
  """What the encoder computed.

  Attributes:
    features: Patches after the last block that is run; there is no final
      norm.
    class_token: The class token after that block.
    embedded: Class token, then patches frame by frame: the input of the
      first block.
    layers: Output of every block, class token first.
  """

  features: Float[Array, 'B F P D']
  class_token: Float[Array, 'B D']
  embedded: Float[Array, 'B T D']
  layers: Float[Array, 'L B T D']


def first_table(
  *, n_steps: int, grid: int, width: int
) -> Float[np.ndarray, 'T D']:
  """The position table that training starts from.

  A quarter of the channels tells the time step, three eighths the column and
  three eighths the row; the row of the class token is zero.

  Returns:
    float32, rounded from float64; class token, then frame-major patches.
  """
  places = np.indices((n_steps, grid, grid)).reshape(3, -1)
  step, row, column = places
  eighth = width // 8
  codes = [
    _sinusoid(step, 2 * eighth),
    _sinusoid(column, 3 * eighth),
    _sinusoid(row, 3 * eighth),
  ]
  table = np.concatenate(codes, axis=1)
  return np.concatenate([np.zeros((1, width)), table]).astype(np.float32)


def _sinusoid(place, width):
  """All sines, then all cosines, of places at falling frequencies."""
  n = width // 2
  angles = place[:, None] / 10000.0 ** (np.arange(n) / n)
  return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def stretch_in_time(
  table: Float[np.ndarray | Array, 'S D'], *, table_steps: int, n_steps: int
) -> Float[np.ndarray | Array, 'T D']:
  """Resamples a position table to another number of time steps.

  The class token's row stays as it is.

  Args:
    table: Class token, then patches of `table_steps` steps, frame-major.
    table_steps: Time steps of the table.
    n_steps: Time steps wanted.
  """
  if n_steps == table_steps:
    return table
  width = table.shape[-1]
  xp = np if isinstance(table, np.ndarray) else jnp
  patches = resize_linear(table[1:].reshape(table_steps, -1), n_steps)
  return xp.concatenate([table[:1], patches.reshape(-1, width)])


class InternVideo2(nn.Module):
  """Video transformer over a class token and all patches of all frames.

  Source: OpenGVLab InternVideo2 `PretrainInternVideo2`, the visual trunk.
  """

  config: InternVideo2Config
  compute: Compute

  @nn.compact
  def __call__(
    self, video: Float[Array, 'B F h w C'], *, deterministic: bool = True
  ) -> InternVideo2Output:
    """Encodes normalised frames of clips that do not see each other.

    The position table is stored as released, whatever the number of frames,
    and stretched where it is applied.

    Args:
      video: h = w = `image_size`.
      deterministic: False switches stochastic depth on.

    Returns:
      Features and the states on the way to them (dead code unless used).

    Raises:
      ValueError: when the frames are not of the configured size.
    """
    config, dtype = self.config, self.compute.jnp_dtype
    B, F, h, w, C = video.shape
    size, width = config.image_size, config.block.width
    if (h, w, C) != (size, size, config.channels):
      raise ValueError(
        f'frames are {h}x{w}x{C}, the encoder takes '
        f'{size}x{size}x{config.channels}'
      )
    patches = patchify(
      video, frames=config.tubelet_size, patch=config.patch_size
    )
    x = Dense(width, ('patch', 'embed'), self.compute, name='patch_embed')(
      patches
    )
    first = self.param(
      'class_token',
      nn.with_logical_partitioning(nn.initializers.normal(0.02), ('norm',)),
      (width,),
      self.compute.jnp_param_dtype,
    )
    first = jnp.broadcast_to(first.astype(dtype), (B, 1, width))
    x = jnp.concatenate([first, x], axis=1)  # a row for the class token
    n_steps = F // config.tubelet_size
    x = x + self._positions(n_steps).astype(dtype)
    embedded = x
    stack = scan_layers(
      EncoderBlock, config.n_layers, remat=self.compute.remat, in_axes=0
    )
    x, layers = stack(config.block, self.compute, name='layers')(
      x, None if deterministic else self._drop_path()
    )
    features = x[:, 1:].reshape(B, n_steps, config.grid**2, width)
    return InternVideo2Output(features, x[:, 0], embedded, layers)

  def _positions(self, n_steps):
    config = self.config

    def init(_, shape, dtype):
      table = first_table(
        n_steps=config.table_steps, grid=config.grid, width=shape[-1]
      )
      return jnp.asarray(table, dtype)

    table = self.param(
      'positions',
      nn.with_logical_partitioning(init, ('positions', 'embed')),
      (1 + config.table_steps * config.grid**2, config.block.width),
      self.compute.jnp_param_dtype,
    )
    return stretch_in_time(
      table.astype(jnp.float32),
      table_steps=config.table_steps,
      n_steps=n_steps,
    )

  def _drop_path(self):
    """The rate of each block, or None where nothing is dropped."""
    config = self.config
    if not config.drop_path:
      return None
    return config.drop_path * jnp.arange(config.n_layers) / config.n_layers
