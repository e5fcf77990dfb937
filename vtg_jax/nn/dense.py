"""A linear layer with named axes, and LoRA beside the kernel it adapts."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from vtg_jax.nn.compute import Compute, platform
from vtg_jax.nn.dropout import Dropout

# Parameters of an adapter.
ADAPTER = ('lora_a', 'lora_b')
# Ranks from here on are worth cutting over devices.
_WIDE_RANK = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoraConfig:
  """Low-rank adaptation of some linear layers.

  Attributes:
    rank: Inner width R.
    alpha: Numerator of the scale ``alpha / rank``.
    dropout: Drop rate on the input of the adapter while training.
    targets: Names of the layers that carry an adapter.
  """

  rank: int
  alpha: float
  dropout: float
  targets: tuple[str, ...]

  @property
  def scale(self) -> float:
    return self.alpha / self.rank


def dot(
  x: Float[Array, '*B I'], kernel: Float[Array, 'I O'], dtype
) -> Float[Array, '*B O']:
  """The product x W, summed and returned in `dtype`, at least as wide."""
  if platform() != 'cpu':
    return jnp.dot(x, kernel, preferred_element_type=dtype)
  # XLA's CPU products of 16-bit operands give 16-bit results only. And for the
  # gradient of the kernel it would first transpose, one element at a time, an
  # operand that has more than one axis to sum over.
  rows = x.astype(dtype).reshape(-1, x.shape[-1])
  return jnp.dot(rows, kernel.astype(dtype)).reshape(
    *x.shape[:-1], kernel.shape[-1]
  )


class Dense(nn.Module):
  """y = x W (+ b) (+ scale * drop(x) A B when an adapter is configured).

  Parameters are ``kernel`` [in, out], ``bias`` [out], ``lora_a`` [in, R] and
  ``lora_b`` [R, out], all plain arrays of one dict: switching the adapter
  off, merging it or exchanging it is a dict operation.

  Attributes:
    features: Output width.
    axes: Logical names of the kernel's two axes.
    compute: Numerics.
    use_bias: Whether a bias is added.
    lora: Adapter, or None for none.
    out_dtype: What the product is summed and returned in; the dtype of
      `compute` when None.
  """

  features: int
  axes: tuple[str, str]
  compute: Compute
  use_bias: bool = True
  lora: LoraConfig | None = None
  out_dtype: str | None = None

  @nn.compact
  def __call__(
    self, x: Float[Array, '*B I'], *, deterministic: bool = True
  ) -> Float[Array, '*B O']:
    dtype = self.compute.jnp_dtype
    in_axis, out_axis = self.axes
    x = x.astype(dtype)
    kernel = self._param(
      'kernel',
      nn.initializers.lecun_normal(),
      (x.shape[-1], self.features),
      self.axes,
    )
    out_dtype = jnp.dtype(self.out_dtype or dtype)
    y = dot(x, jnp.asarray(kernel, dtype), out_dtype)
    if self.lora is not None:
      # B is zero: a fresh adapter changes nothing. A is uniform within
      # in ** -0.5, as peft draws it.
      a = self._param(
        'lora_a',
        nn.initializers.variance_scaling(1 / 3, 'fan_in', 'uniform'),
        (x.shape[-1], self.lora.rank),
        (in_axis, _rank_axis(self.lora.rank, in_axis)),
      )
      b = self._param(
        'lora_b',
        nn.initializers.zeros,
        (self.lora.rank, self.features),
        (_rank_axis(self.lora.rank, out_axis), out_axis),
      )
      dropped = Dropout(self.lora.dropout)(x, deterministic=deterministic)
      low = dot(dropped, a.astype(dtype), dtype)
      y = y + self.lora.scale * dot(low, b.astype(dtype), dtype)
    if self.use_bias:
      # As wide as the model it is a vector like a norm's: not worth cutting.
      bias_axis = 'norm' if out_axis == 'embed' else out_axis
      bias = self._param(
        'bias', nn.initializers.zeros, (self.features,), (bias_axis,)
      )
      y = y + bias.astype(out_dtype)
    return y

  def _param(self, name, init, shape, axes):
    init = nn.with_logical_partitioning(init, axes)
    return self.param(name, init, shape, self.compute.jnp_param_dtype)


def _rank_axis(rank: int, other: str) -> str:
  """Logical name of an adapter's rank, beside its other axis.

  'embed' is cut where a wide rank would be, and one of the two is enough.
  """
  return 'lora' if other == 'embed' or rank < _WIDE_RANK else 'wide_lora'


def merge_lora(params: Mapping[str, Any], scale: float) -> dict[str, Any]:
  """Folds every adapter into the kernel beside it.

  {'kernel': W, 'lora_a': A, 'lora_b': B} becomes {'kernel': W + scale * A B},
  summed in float32 and rounded once; what has no adapter stays as it is.

  Args:
    params: Of any module, by nested names, not boxed; layers may be stacked.
    scale: `LoraConfig.scale`.

  Returns:
    Parameters of the same module with `lora` None.
  """
  merged = {
    name: merge_lora(value, scale) if isinstance(value, Mapping) else value
    for name, value in params.items()
  }
  if 'lora_a' in merged:
    a, b = (merged.pop(name) for name in ADAPTER)
    merged['kernel'] = _folded(merged['kernel'], a, b, scale)
  return merged


def _folded(kernel, a, b, scale: float):
  if kernel.ndim > 2:  # one layer at a time: all in float32 may be too large
    return jax.lax.map(lambda layer: _folded(*layer, scale), (kernel, a, b))
  a, b = (jnp.asarray(x, jnp.float32) for x in (a, b))
  low_rank = jnp.matmul(a, b, precision='highest')
  whole = jnp.asarray(kernel, jnp.float32) + scale * low_rank
  return whole.astype(kernel.dtype)
