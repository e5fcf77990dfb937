"""UMT, the video transformer HawkEye and VideoChat2 see through."""

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
from vtg_jax.nn.positions import resize_bicubic, resize_linear, sinusoid_table
from vtg_jax.nn.stack import scan_layers

# The position table is defined on this many frames and stretched from there.
TABLE_FRAMES = 4
# Above and below this size the table starts from a 14 x 14 grid instead.
TABLE_IMAGE_SIZE = 224
TABLE_GRID = 14


@dataclasses.dataclass(frozen=True, kw_only=True)
class UmtConfig:
  """Architecture of the video encoder.

  Attributes:
    width: Channels D.
    n_layers: Blocks that are run (the released model configures 24 and runs
      23, since it returns the last but one).
    n_heads: Attention heads.
    mlp_hidden: Inner width of the MLP.
    image_size: Side of a frame in pixels.
    patch_size: Side of a patch in pixels.
    tubelet_size: Frames a patch spans.
    channels: Colour channels.
    norm_eps: Epsilon of the norms inside the blocks.
  """

  width: int
  n_layers: int
  n_heads: int
  mlp_hidden: int
  image_size: int
  patch_size: int
  tubelet_size: int
  channels: int
  norm_eps: float

  def __post_init__(self):
    if self.width % self.n_heads:
      raise ValueError(f'{self.width=} is not divisible by {self.n_heads=}')
    if self.image_size % self.patch_size:
      raise ValueError(
        f'{self.image_size=} is not divisible by {self.patch_size=}'
      )

  @property
  def grid(self) -> int:
    """Patches along one side of a frame."""
    return self.image_size // self.patch_size

  @property
  def block(self) -> BlockConfig:
    """What the blocks are made of; keys have no bias."""
    return BlockConfig(
      width=self.width,
      n_heads=self.n_heads,
      mlp_hidden=self.mlp_hidden,
      norm='layer',
      norm_eps=self.norm_eps,
      activation='gelu',
      fused_qkv=True,
      qkv_biases='qv',
      qk_norm=False,
      layer_scale=None,
    )


class UmtOutput(NamedTuple):
  """What the encoder computed.

  Attributes:
    features: Output of the last block; there is no final norm.
    embedded: Patches plus positions, the input of the first block.
    layers: Output of every block.
  """

  features: Float[Array, 'B F P D']
  embedded: Float[Array, 'B T D']
  layers: Float[Array, 'L B T D']


def position_table(
  config: UmtConfig, n_frames: int
) -> Float[np.ndarray, 'T D']:
  """The fixed position codes of `n_frames` frames, frame-major.

  A one-dimensional sinusoid over the flattened (frame, row, column) index of
  a 4-frame clip, stretched linearly in time. At 224 px the clip has the
  model's own grid; at other sizes it has 14 x 14 patches and is stretched
  bicubically in space. A single frame uses its own, unstretched table.

  Raises:
    ValueError: where the reference would silently use a wrong table: an
      other-than-14 grid whose total happens to be 784 positions.

  Source: HawkEye models/blip2/vit.py.
  """
  steps = n_frames // config.tubelet_size
  grid, width = config.grid, config.width
  at_224 = config.image_size == TABLE_IMAGE_SIZE
  base_grid = grid if at_224 else TABLE_GRID
  base_frames = 1 if n_frames == 1 else TABLE_FRAMES
  n_base = base_frames * base_grid**2
  table = sinusoid_table(n_base, width)
  table = table.reshape(base_frames, base_grid, base_grid, width)
  if grid != base_grid:
    if n_frames > 1 and steps * grid**2 == n_base:
      raise ValueError(
        f'{steps} steps of {grid}x{grid} patches coincide with the '
        f'{n_base} positions of the base table, where the reference is '
        'ill-defined; use another number of frames'
      )
    table = np.stack([resize_bicubic(frame, grid, grid) for frame in table])
  table = table.reshape(base_frames, grid**2 * width)
  if n_frames > 1 and steps != base_frames:
    table = resize_linear(table, steps)
  return table.reshape(-1, width)


class Umt(nn.Module):
  """Video transformer over all patches of all frames at once.

  Source: HawkEye models/blip2/vit.py.
  """

  config: UmtConfig
  compute: Compute

  @nn.compact
  def __call__(self, video: Float[Array, 'B F h w C']) -> UmtOutput:
    """Encodes normalised frames.

    Args:
      video: h = w = `image_size`. One frame selects the image table.

    Returns:
      Features and the states on the way to them (dead code unless used).

    Raises:
      ValueError: when the frames are not of the configured size.
    """
    config, dtype = self.config, self.compute.jnp_dtype
    B, F, h, w, C = video.shape
    size = config.image_size
    if (h, w, C) != (size, size, config.channels):
      raise ValueError(
        f'frames are {h}x{w}x{C}, the encoder takes '
        f'{size}x{size}x{config.channels}'
      )
    tubelet = 1 if F == 1 else config.tubelet_size
    patches = patchify(video, frames=tubelet, patch=config.patch_size)
    x = Dense(
      config.width, ('patch', 'embed'), self.compute, name='patch_embed'
    )(patches)
    x = x + jnp.asarray(position_table(config, F), dtype)
    embedded = x
    stack = scan_layers(EncoderBlock, config.n_layers, remat=self.compute.remat)
    x, layers = stack(config.block, self.compute, name='layers')(x, None)
    features = x.reshape(B, F // tubelet, config.grid**2, config.width)
    return UmtOutput(features, embedded, layers)
