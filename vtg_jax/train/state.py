"""All that a training run carries from step to step."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Int, UInt32

from vtg_jax import sharding
from vtg_jax.train.freeze import Flat
from vtg_jax.train.optimiser import Optimiser


class TrainState(NamedTuple):
  """What a checkpoint must hold to go on; frozen parameters are not in it.

  Attributes:
    step: Steps taken, skipped updates included.
    trainable: Path -> parameter.
    opt_state: Of the optimiser.
    rng: Key data of the run, the same at every step: each step folds its
      number in.
  """

  step: Int[Array, '']
  trainable: Flat
  opt_state: Any
  rng: UInt32[Array, ' K']


def init_state(
  trainable: Flat,
  optimiser: Optimiser,
  *,
  seed: int,
  mesh: Mesh | None = None,
  axes: Mapping[str, tuple[str | None, ...]] | None = None,
) -> TrainState:
  """The state before the first step.

  Args:
    trainable: Path -> array, whole; it is copied.
    optimiser: From `make_optimiser`.
    seed: Of all dropout.
    mesh: What to lay it out over; the default device when None.
    axes: Path -> logical names, needed with a mesh; may name more.
  """

  def fresh(trainable):
    return TrainState(
      step=jnp.zeros((), jnp.int32),
      trainable=jax.tree.map(jnp.copy, trainable),
      opt_state=optimiser.init(trainable),
      rng=jax.random.key_data(jax.random.key(seed)),
    )

  placed = place_params(trainable, mesh=mesh, axes=axes)
  if mesh is None:
    return jax.device_put(jax.jit(fresh)(placed), jax.devices()[0])
  shardings = state_shardings(trainable, optimiser, mesh=mesh, axes=axes)
  return jax.jit(fresh, out_shardings=shardings)(placed)


def place_params(
  flat: Flat,
  *,
  mesh: Mesh | None = None,
  axes: Mapping[str, tuple[str | None, ...]] | None = None,
) -> Flat:
  """Parameters that every process holds whole, laid out over the devices.

  Args:
    flat: Path -> array on the host.
    mesh: What to lay them out over; the default device when None.
    axes: Path -> logical names, needed with a mesh; may name more.
  """
  if mesh is None:
    return jax.device_put(flat, jax.devices()[0])
  own = {path: axes[path] for path in flat}
  return sharding.place(flat, sharding.param_shardings(own, flat, mesh))


def state_shapes(trainable: Flat, optimiser: Optimiser) -> TrainState:
  """Shapes and dtypes of a state, without making one."""

  def fresh(trainable):
    return TrainState(
      step=jnp.zeros((), jnp.int32),
      trainable=trainable,
      opt_state=optimiser.init(trainable),
      rng=jax.random.key_data(jax.random.key(0)),
    )

  return jax.eval_shape(fresh, trainable)


def state_shardings(
  trainable: Flat,
  optimiser: Optimiser,
  *,
  mesh: Mesh,
  axes: Mapping[str, tuple[str | None, ...]],
) -> TrainState:
  """Where each part of a state lies: moments lie as their parameters do.

  Args:
    trainable: Path -> array, or what has its shape and dtype.
    optimiser: From `make_optimiser`.
    mesh: From `sharding.make_mesh`.
    axes: Path -> logical names; may name more than what trains.

  Raises:
    BadInput: a parameter that the mesh does not divide.
  """
  shapes = state_shapes(trainable, optimiser)
  own = sharding.param_shardings(
    {path: axes[path] for path in trainable}, shapes.trainable, mesh
  )
  whole = sharding.replicated(mesh)

  def place(path, leaf):
    del leaf
    keys = [entry.key for entry in path if hasattr(entry, 'key')]
    return own[keys[-1]] if keys else whole

  return jax.tree_util.tree_map_with_path(place, shapes)
