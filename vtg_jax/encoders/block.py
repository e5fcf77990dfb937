"""The pre-norm transformer block that all encoders share."""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from vtg_jax.nn.attention import Segment, attend
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain
from vtg_jax.nn.dense import Dense, dot
from vtg_jax.nn.norm import layer_norm, rms_norm

NORMS = ('layer', 'rms')
ACTIVATIONS = {
  'gelu': lambda x: jax.nn.gelu(x, approximate=False),
  'quick_gelu': lambda x: x * jax.nn.sigmoid(1.702 * x),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BlockConfig:
  """What the blocks of an encoder are made of.

  Attributes:
    width: Channels D.
    n_heads: Attention heads.
    mlp_hidden: Inner width of the MLP.
    norm: Of `NORMS`, the kind of both norms.
    norm_eps: Epsilon of every norm of the block.
    activation: Of `ACTIVATIONS`, the one inside the MLP.
    fused_qkv: Queries, keys and values come from one kernel, not from three.
    qkv_biases: Which of 'q', 'k' and 'v' have a bias, such as 'qv'.
    qk_norm: Queries and keys pass a root-mean-square norm over all heads
      together.
    layer_scale: First value of the learned factors on both branches; None
      for no such factors.
  """

  width: int
  n_heads: int
  mlp_hidden: int
  norm: str
  norm_eps: float
  activation: str
  fused_qkv: bool
  qkv_biases: str
  qk_norm: bool
  layer_scale: float | None

  def __post_init__(self):
    if self.width % self.n_heads:
      raise ValueError(f'{self.width=} is not divisible by {self.n_heads=}')
    if self.norm not in NORMS:
      raise ValueError(f'{self.norm=} is not one of {NORMS}')
    if self.activation not in ACTIVATIONS:
      raise ValueError(f'{self.activation=} is not one of {set(ACTIVATIONS)}')
    if not set(self.qkv_biases) <= set('qkv'):
      raise ValueError(f'{self.qkv_biases=} names more than q, k and v')


class EncoderBlock(nn.Module):
  """x + attention(norm(x)), then x + mlp(norm(x))."""

  config: BlockConfig
  compute: Compute

  @nn.compact
  def __call__(
    self,
    x: Float[Array, 'B T D'],
    drop_path: Float[Array, ''] | None = None,
    mask: Bool[Array, '#B T T'] | None = None,
  ):
    """Runs the block.

    Args:
      x: Tokens.
      drop_path: Share of the samples that skip a branch, below 1; None while
        not training.
      mask: True where a token (row) sees another; None when all see all.

    Returns:
      The tokens twice: what the next block reads, and this layer's output.
    """
    config = self.config
    x = constrain(x, 'batch', None, None)
    h = self._attention(self._norm(config.norm, 'norm1')(x), mask)
    x = x + self._branch(h, 'ls1', drop_path)
    h = self._norm(config.norm, 'norm2')(x)
    h = self._dense(config.mlp_hidden, ('embed', 'mlp'), 'fc1')(h)
    h = constrain(h, 'batch', None, 'mlp')
    h = ACTIVATIONS[config.activation](h)
    h = self._dense(config.width, ('mlp', 'embed'), 'fc2')(h)
    x = x + self._branch(h, 'ls2', drop_path)
    return x, x

  def _attention(self, h, mask):
    config = self.config
    B, T, D = h.shape
    head_dim = D // config.n_heads
    q, k, v = self._qkv(h)
    if config.qk_norm:
      q, k = self._norm('rms', 'q_norm')(q), self._norm('rms', 'k_norm')(k)

    def heads(z):
      z = z.reshape(B, T, config.n_heads, head_dim)
      return constrain(z, 'batch', None, 'heads', None)

    out = attend(
      heads(q),
      [Segment(heads(k), heads(v), mask)],
      scale=head_dim**-0.5,
      implementation=self.compute.attention,
    )
    return self._dense(D, ('heads', 'embed'), 'proj')(out.reshape(B, T, D))

  def _qkv(self, h):
    config = self.config
    if config.fused_qkv:
      return FusedQkv(
        config.width, config.qkv_biases, self.compute, name='qkv'
      )(h)
    return tuple(
      self._dense(
        config.width,
        ('embed', 'heads'),
        f'{name}_proj',
        use_bias=name in config.qkv_biases,
      )(h)
      for name in 'qkv'
    )

  def _branch(self, h, name, drop_path):
    """What a branch adds to the tokens."""
    dtype = h.dtype
    if self.config.layer_scale is not None:
      init = nn.initializers.constant(self.config.layer_scale)
      factors = self.param(
        name,
        nn.with_logical_partitioning(init, ('norm',)),
        (self.config.width,),
        self.compute.jnp_param_dtype,
      )
      h = h.astype(jnp.float32) * factors.astype(jnp.float32)
    if drop_path is not None:
      drawn = jax.random.uniform(self.make_rng('dropout'), (len(h), 1, 1))
      h = jnp.where(drawn >= drop_path, h / (1 - drop_path), 0)
    return h.astype(dtype)

  def _norm(self, kind, name):
    epsilon, dtype = self.config.norm_eps, self.compute.jnp_dtype
    if kind == 'layer':
      return layer_norm(epsilon, dtype, name=name)
    return rms_norm(epsilon=epsilon, dtype=dtype, name=name)

  def _dense(self, features, axes, name, *, use_bias=True):
    return Dense(features, axes, self.compute, use_bias=use_bias, name=name)


class FusedQkv(nn.Module):
  """Queries, keys and values from one kernel; a bias for some of them.

  Attributes:
    width: Channels D of each.
    biases: Which of 'q', 'k' and 'v' have a bias; the others' is zero. Where
      all have, it is one bias, as the kernel is one.
    compute: Numerics.
  """

  width: int
  biases: str
  compute: Compute

  @nn.compact
  def __call__(self, h: Float[Array, 'B T D']):
    dtype = self.compute.jnp_dtype
    kernel = self._param(
      'kernel',
      nn.initializers.lecun_normal(),
      (h.shape[-1], 3 * self.width),
      ('embed', 'heads'),
    )
    zeros = nn.initializers.zeros
    made = dot(h, kernel.astype(dtype), dtype)
    if set(self.biases) == set('qkv'):
      bias = self._param('bias', zeros, (3 * self.width,), ('heads',))
      return tuple(jnp.split(made + bias.astype(dtype), 3, axis=-1))
    parts = jnp.split(made, 3, axis=-1)

    def with_bias(name, z):
      if name not in self.biases:
        return z
      bias = self._param(f'{name}_bias', zeros, (self.width,), ('heads',))
      return z + bias.astype(dtype)

    return tuple(map(with_bias, 'qkv', parts))

  def _param(self, name, init, shape, axes):
    init = nn.with_logical_partitioning(init, axes)
    return self.param(name, init, shape, self.compute.jnp_param_dtype)
