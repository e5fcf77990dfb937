"""The image transformer with a class token: CLIP's and EVA's, configured."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from vtg_jax.encoders.block import BlockConfig, EncoderBlock
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import Dense
from vtg_jax.nn.norm import layer_norm
from vtg_jax.nn.patch import patchify
from vtg_jax.nn.stack import scan_layers


@dataclasses.dataclass(frozen=True, kw_only=True)
class VitConfig:
  """Architecture of an image encoder.

  Attributes:
    block: What the blocks are made of.
    n_layers: Blocks that are run; where features are those of the last block
      but one, one less than the released file has.
    image_size: Side of an image in pixels.
    patch_size: Side of a patch in pixels.
    channels: Colour channels.
    patch_bias: The patch embedding has a bias.
    first_norm: A norm stands between the embedding and the first block.
  """

  block: BlockConfig
  n_layers: int
  image_size: int
  patch_size: int
  channels: int
  patch_bias: bool
  first_norm: bool

  def __post_init__(self):
    if self.image_size % self.patch_size:
      raise ValueError(
        f'{self.image_size=} is not divisible by {self.patch_size=}'
      )

  @property
  def grid(self) -> int:
    """Patches along one side of an image."""
    return self.image_size // self.patch_size


def clip_vit_l14(*, image_size: int, n_layers: int) -> VitConfig:
  """CLIP's ViT-L/14.

  Args:
    image_size: 224 or 336 as released.
    n_layers: Of the 24 that the files have, how many are run.

  Source: Hugging Face openai/clip-vit-large-patch14(-336), config.json.
  """
  return VitConfig(
    block=BlockConfig(
      width=1024,
      n_heads=16,
      mlp_hidden=4096,
      norm='layer',
      norm_eps=1e-5,
      activation='quick_gelu',
      fused_qkv=False,
      qkv_biases='qkv',
      qk_norm=False,
      layer_scale=None,
    ),
    n_layers=n_layers,
    image_size=image_size,
    patch_size=14,
    channels=3,
    patch_bias=False,
    first_norm=True,
  )


def eva_vit_g14(*, image_size: int, n_layers: int) -> VitConfig:
  """EVA-CLIP's ViT-g/14: keys without a bias, an MLP of a floored width.

  Args:
    image_size: 224 as released.
    n_layers: Of the 40 that the file has, how many are run; BLIP-2 and what
      descends from it run 39.

  Source: TimeChat models/eva_vit.py, `create_eva_vit_g`.
  """
  width = 1408
  return VitConfig(
    block=BlockConfig(
      width=width,
      n_heads=16,
      mlp_hidden=int(width * 4.3637),  # 6144
      norm='layer',
      norm_eps=1e-6,
      activation='gelu',
      fused_qkv=True,
      qkv_biases='qv',
      qk_norm=False,
      layer_scale=None,
    ),
    n_layers=n_layers,
    image_size=image_size,
    patch_size=14,
    channels=3,
    patch_bias=True,
    first_norm=False,
  )


class VitOutput(NamedTuple):
  """What the encoder computed.

  Attributes:
    features: Patches after the last block that is run; there is no final
      norm.
    class_token: The class token after that block.
    tokens: Both, class token first.
    embedded: Class token, then patches: the input of the first block.
    layers: Output of every block, class token first.
  """

  features: Float[Array, 'B P D']
  class_token: Float[Array, 'B D']
  tokens: Float[Array, 'B T D']
  embedded: Float[Array, 'B T D']
  layers: Float[Array, 'L B T D']


class Vit(nn.Module):
  """Image transformer over a class token and the patches, row by row.

  Source: Hugging Face `CLIPVisionTransformer`; TimeChat models/eva_vit.py.
  """

  config: VitConfig
  compute: Compute

  @nn.compact
  def __call__(self, images: Float[Array, 'B h w C']) -> VitOutput:
    """Encodes normalised images.

    Args:
      images: h = w = `image_size`.

    Returns:
      Features and the states on the way to them (dead code unless used).

    Raises:
      ValueError: when the images are not of the configured size.
    """
    config, dtype = self.config, self.compute.jnp_dtype
    B, h, w, C = images.shape
    size, width = config.image_size, config.block.width
    if (h, w, C) != (size, size, config.channels):
      raise ValueError(
        f'images are {h}x{w}x{C}, the encoder takes '
        f'{size}x{size}x{config.channels}'
      )
    patches = patchify(images[:, None], frames=1, patch=config.patch_size)
    x = Dense(
      width,
      ('patch', 'embed'),
      self.compute,
      use_bias=config.patch_bias,
      name='patch_embed',
    )(patches)
    first = self._param('class_token', (width,), ('norm',)).astype(dtype)
    first = jnp.broadcast_to(first, (B, 1, width))
    x = jnp.concatenate([first, x], axis=1)  # a row for the class token
    positions = self._param(
      'positions', (1 + config.grid**2, width), ('positions', 'embed')
    )
    x = x + positions.astype(dtype)
    if config.first_norm:
      x = layer_norm(config.block.norm_eps, dtype, name='first_norm')(x)
    embedded = x
    stack = scan_layers(EncoderBlock, config.n_layers, remat=self.compute.remat)
    x, layers = stack(config.block, self.compute, name='layers')(x, None)
    return VitOutput(x[:, 1:], x[:, 0], x, embedded, layers)

  def _param(self, name, shape, axes):
    init = nn.with_logical_partitioning(nn.initializers.normal(0.02), axes)
    return self.param(name, init, shape, self.compute.jnp_param_dtype)
