"""What InternVideo2 was aligned with its teachers by.

Grounded-VideoLLM reads the blocks only; these heads are here because the
released file holds them and the recorded arrays show them.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from vtg_jax.encoders.internvideo2 import stretch_in_time
from vtg_jax.nn.attention import Segment, attend
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import Dense
from vtg_jax.nn.norm import layer_norm


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlignmentConfig:
  """Architecture of the heads.

  Attributes:
    n_heads: Attention heads of the pooling.
    pooled_width: Channels E of the pooled clip.
    token_width: Channels C of the teacher of single tokens.
    clip_width: Channels G of the teacher of whole clips.
    n_layers: Last blocks K of which the tokens are aligned.
    norm_eps: Epsilon of every norm.
    table_steps: Time steps of the stored position table.
    grid: Patches along a side of a frame.
  """

  n_heads: int
  pooled_width: int
  token_width: int
  clip_width: int
  n_layers: int
  norm_eps: float
  table_steps: int
  grid: int


class AlignmentOutput(NamedTuple):
  """What the heads computed.

  Attributes:
    pooled: One vector a clip.
    tokens: Unit vectors of all tokens of the last blocks.
    clip: A unit vector a clip.
  """

  pooled: Float[Array, 'B E']
  tokens: Float[Array, 'K B T C']
  clip: Float[Array, 'B G']


class AttentionPool(nn.Module):
  """The mean of all tokens looks at all tokens."""

  config: AlignmentConfig
  compute: Compute

  @nn.compact
  def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B E']:
    config, compute = self.config, self.compute
    B, _, D = x.shape
    head_dim = D // config.n_heads

    def heads(name, z):
      z = layer_norm(config.norm_eps, compute.jnp_dtype, name=f'{name}_norm')(z)
      z = Dense(D, ('embed', 'heads'), compute, name=name)(z)
      return z.reshape(B, -1, config.n_heads, head_dim)

    out = attend(
      heads('q', x.mean(1, keepdims=True)),
      [Segment(heads('k', x), heads('v', x))],
      scale=head_dim**-0.5,
      implementation=compute.attention,
    )
    return Dense(config.pooled_width, ('heads', 'embed'), compute, name='proj')(
      out.reshape(B, D)
    )


class UnitHead(nn.Module):
  """A linear layer, a norm, and vectors of length one.

  Attributes:
    features: Channels that come out.
    norm_eps: Epsilon of the norm.
    compute: Numerics.
  """

  features: int
  norm_eps: float
  compute: Compute

  @nn.compact
  def __call__(self, x: Float[Array, '*B D']) -> Float[Array, '*B C']:
    axes = ('embed', 'adapter')
    x = Dense(self.features, axes, self.compute, name='head')(x)
    x = layer_norm(self.norm_eps, jnp.float32, name='norm')(x)
    x = x / jnp.linalg.norm(x, axis=-1, keepdims=True)
    return x.astype(self.compute.jnp_dtype)


class Alignment(nn.Module):
  """The heads over the states after every block of the file.

  Source: OpenGVLab InternVideo2 `PretrainInternVideo2`: `clip_projector`,
  `clip_decoder`, `final_clip_decoder`.
  """

  config: AlignmentConfig
  compute: Compute

  @nn.compact
  def __call__(self, layers: Float[Array, 'L B T D']) -> AlignmentOutput:
    """Computes what each teacher was compared with.

    Args:
      layers: Output of all blocks of the file, its last included.
    """
    config, compute = self.config, self.compute
    _, _, T, D = layers.shape
    positions = self.param(
      'positions',
      nn.with_logical_partitioning(
        nn.initializers.normal(0.02), ('positions', 'embed')
      ),
      (1 + config.table_steps * config.grid**2, D),
      compute.jnp_param_dtype,
    )
    positions = stretch_in_time(
      positions.astype(jnp.float32),
      table_steps=config.table_steps,
      n_steps=T // config.grid**2,
    ).astype(compute.jnp_dtype)
    pooled = AttentionPool(config, compute, name='pool')(layers[-1])

    def head(features, name):
      return UnitHead(features, config.norm_eps, compute, name=name)

    last = layers[-config.n_layers :]
    tokens = [
      head(config.token_width, f'token_head_{i}')(states + positions)
      for i, states in enumerate(last)
    ]
    clip = head(config.clip_width, 'clip_head')(pooled)
    return AlignmentOutput(pooled, jnp.stack(tokens), clip)
