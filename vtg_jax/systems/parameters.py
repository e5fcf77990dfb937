"""A network's parameters: drawn, or only their shapes or their axes.

A system says how its network is initialised, once:

    init(config, rng, compute) -> parameters, each with its axes' names
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn

from vtg_jax.nn.compute import Compute

Init = Callable[[Any, jax.Array, Compute], dict]


def drawn(init: Init, config: Any, rng: jax.Array, compute: Compute) -> dict:
  """Fresh random parameters as one plain nested dict."""
  return nn.meta.unbox(
    jax.jit(init, static_argnums=(0, 2))(config, rng, compute)
  )


def shapes(init: Init, config: Any) -> dict:
  """Shapes and dtypes of the parameters, without making them."""
  return jax.eval_shape(
    lambda rng: drawn(init, config, rng, Compute()), jax.random.key(0)
  )


def axes(init: Init, config: Any) -> dict:
  """Logical names of every parameter's axes, such as ('embed', 'heads')."""
  boxed = jax.eval_shape(
    lambda rng: init(config, rng, Compute()), jax.random.key(0)
  )
  return jax.tree.map(
    lambda box: tuple(box.names),
    boxed,
    is_leaf=lambda x: isinstance(x, nn.Partitioned),
  )
