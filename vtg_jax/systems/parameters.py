"""A network's parameters: drawn, or only their shapes, axes or number.

A system says how its network is initialised, once:

    init(config, rng, compute) -> parameters, each with its axes' names
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from vtg_jax.convert.checkpoint import PARAMS
from vtg_jax.convert.stored_params import StoredParams
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


def n_parameters(checkpoint: Path) -> int:
  """Numbers in a checkpoint folder and in those of its parts."""
  folders = [one.parent for one in checkpoint.rglob(f'{PARAMS}/_METADATA')]
  return sum(
    int(np.prod(shape))
    for folder in folders
    for shape in StoredParams(folder).shapes.values()
  )
