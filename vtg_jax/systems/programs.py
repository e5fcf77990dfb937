"""Programs that a system would run on a machine that is not there."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from vtg_jax import sharding
from vtg_jax.train.freeze import Flat, split
from vtg_jax.train.optimiser import make_optimiser
from vtg_jax.train.state import state_shapes, state_shardings
from vtg_jax.train.step import make_train_step
from vtg_jax.train.task import Task


class Program(NamedTuple):
  """A jitted function and the shapes it would be called with.

  Attributes:
    name: What it does, for people.
    trace: Arrays' shapes -> `jax.stages.Traced`.
    args: `jax.ShapeDtypeStruct`s that say where each array lies.
    useful_flops: What the mathematics asks for over all devices; None where
      nobody has said.
    while_turns: How often the while loops turn, by depth: the outermost, the
      loops in it, ...
  """

  name: str
  trace: Callable[..., Any]
  args: tuple
  useful_flops: int | None = None
  while_turns: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Sizes:
  """Stands in for a `StartingPoint` where nothing is read."""

  model: Any
  tokenizer_files: Mapping[str, Path] = dataclasses.field(default_factory=dict)


def training_program(
  task: Task,
  params: Flat,
  sample: Mapping[str, jax.ShapeDtypeStruct],
  *,
  frozen_dtype: jnp.dtype,
  batch_size: int,
  accumulate: int,
  mesh: Mesh,
) -> Program:
  """The training step of a task.

  Args:
    task: Its weights and data are not asked for.
    params: Path -> what has the shape of the parameter.
    sample: What one training sample is made of.
    frozen_dtype: Of parameters that do not train; those that do are float32.
    batch_size: Samples of a step, over all devices.
    accumulate: Micro-batches they are cut into.
    mesh: Devices, at hand or not.
  """
  trained, frozen = split(params, task.trainable)
  trained = of_dtype(trained, jnp.float32)
  frozen = of_dtype(frozen, frozen_dtype)
  optimiser = make_optimiser(
    dataclasses.replace(task.optimiser, total_steps=1000, warmup_steps=100),
    {path: task.axes[path] for path in trained},
  )
  step = make_train_step(
    task.loss_sums, optimiser, mesh=mesh, accumulate=accumulate
  )
  state = lying(
    state_shapes(trained, optimiser),
    state_shardings(trained, optimiser, mesh=mesh, axes=task.axes),
  )
  own = sharding.param_shardings(
    {path: task.axes[path] for path in frozen}, frozen, mesh
  )
  batch = {
    name: jax.ShapeDtypeStruct(
      (batch_size, *x.shape), x.dtype, sharding=sharding.batch_sharding(mesh)
    )
    for name, x in sample.items()
  }
  useful = task.flops_per_step(batch_size)
  return Program(
    name=f'training step, {batch_size} samples',
    trace=step.trace,
    args=(state, lying(frozen, own), batch),
    useful_flops=None if useful is None else int(useful),
  )


def alone_layout(mesh: Mesh):
  """An `activation_layout` for one video: no batch to cut."""
  layout = sharding.activation_layout(mesh)

  def alone(names, shape):
    return layout([None if n == 'batch' else n for n in names], shape)

  return alone


def of_dtype(shapes: Flat, dtype) -> dict[str, jax.ShapeDtypeStruct]:
  """The same shapes, all of one dtype."""
  return {p: jax.ShapeDtypeStruct(x.shape, dtype) for p, x in shapes.items()}


def lying(shapes: Any, shardings: Any) -> Any:
  """The same shapes, each saying where it lies."""
  return jax.tree.map(
    lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s),
    shapes,
    shardings,
  )
