"""Normalisation with the statistics the checkpoints were trained with."""

import functools

from flax import linen as nn


def layer_norm(epsilon: float, dtype, **kwargs) -> nn.LayerNorm:
  """LayerNorm whose variance is the mean squared deviation, in float32.

  Flax's default, mean of squares minus square of mean, loses four digits on
  activations with a large mean, which the encoders have.
  """
  return nn.LayerNorm(
    epsilon=epsilon,
    dtype=dtype,
    use_fast_variance=False,
    scale_init=nn.with_logical_partitioning(nn.initializers.ones, ('norm',)),
    bias_init=nn.with_logical_partitioning(nn.initializers.zeros, ('norm',)),
    **kwargs,
  )


rms_norm = functools.partial(
  nn.RMSNorm,
  scale_init=nn.with_logical_partitioning(nn.initializers.ones, ('norm',)),
)
