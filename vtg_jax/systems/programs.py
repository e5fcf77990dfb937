"""Programs that a system would run on a machine that is not there."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from vtg_jax import sharding
from vtg_jax.errors import BadInput
from vtg_jax.nn.constrain import laid_out
from vtg_jax.systems.training.starting_point import stored_sizes
from vtg_jax.train.freeze import Flat, flatten, join, split
from vtg_jax.train.optimiser import make_optimiser
from vtg_jax.train.state import state_shapes, state_shardings
from vtg_jax.train.step import make_train_step
from vtg_jax.train.task import Task

AnyTask = TypeVar('AnyTask', bound=Task)
# The task of which there are programs; see a system's `tasks`.
PLANNED = 'answers'


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


def sizes_at_hand(
  start: Mapping[str, Any],
  system: str,
  preset: str,
  made: Callable[[], Mapping],
) -> tuple[Mapping, str]:
  """The sizes of the checkpoint a config starts from, or what stands for it.

  Args:
    start: Entries of a system's `StartConfig`.
    system: Its name.
    preset: Name of the sizes that stand in.
    made: Makes them, of plain types.

  Returns:
    The sizes, and a note where they stand in for a checkpoint; else ''.

  Raises:
    BadInput: The folder is there, and is no checkpoint of the system.
  """
  folder = start.get('init_from')
  if folder is None:
    return made(), ''
  if Path(folder).is_dir():
    return stored_sizes(folder, system), ''
  return made(), f"{folder} is not here; planned with the sizes of '{preset}'"


def planned_task(
  values: Mapping[str, Any],
  make_task: Callable[..., AnyTask],
  sizes_of: Callable[[Mapping[str, Any]], tuple[Sizes, str]],
) -> tuple[AnyTask, str]:
  """The task of a training config, without its weights and its data.

  Args:
    values: Of the task; see the system's `tasks.task`.
    make_task: The system's class.
    sizes_of: A config's `start` -> the sizes, and a note for the user.

  Returns:
    The task, and the note.

  Raises:
    BadInput: for a config that could not train either.
  """
  own = dict(values)
  name = own.pop('task', PLANNED)
  if name != PLANNED:
    raise BadInput(f'task is {name!r}, which cannot be planned; use {PLANNED}')
  sizes, note = sizes_of(own.get('start') or {})
  return make_task(own, start=sizes), note


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


def mesh_of_tensors(mesh: Mesh, *ways: int) -> Mesh:
  """A mesh over the same devices that cuts weights as finely as it can.

  Args:
    mesh: Of the devices, at hand or not.
    *ways: Numbers of heads, hidden units and so on that are cut, each of
      which the tensor axis must divide.
  """
  devices = list(mesh.devices.flatten())
  tensor = math.gcd(len(devices), *ways)
  return sharding.make_mesh(tensor=tensor, devices=devices)


def params_alone(shapes: Mapping, axes: Mapping, dtype, mesh: Mesh) -> dict:
  """Parameters of one dtype where no data are cut, as shapes, nested."""
  flat = flatten(shapes)
  own = sharding.param_shardings(flatten(axes), flat, mesh)
  return join({}, lying(of_dtype(flat, dtype), own))


def traced_alone(jitted, mesh: Mesh) -> Callable[..., Any]:
  """What traces a jitted function about one video."""

  def trace(*args):
    with laid_out(_alone_layout(mesh)):
      return jitted.trace(*args)

  return trace


def _alone_layout(mesh: Mesh):
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
