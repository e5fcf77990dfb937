"""Grounded-VideoLLM's programs as shapes, to compile for other machines."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from vtg_jax import sharding
from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import laid_out
from vtg_jax.systems.grounded_videollm.asking import AskingPrograms, Questions
from vtg_jax.systems.grounded_videollm.config import (
  PRESETS,
  GroundedVideoLlmConfig,
  before_stage2,
  small,
)
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  param_axes,
  param_shapes,
)
from vtg_jax.systems.grounded_videollm.shapes import (
  MIDDLE_TOKENS,
  QUESTION_TOKENS,
  Words,
  sample_shapes,
  video_shapes,
)
from vtg_jax.systems.grounded_videollm.starting_point import changed
from vtg_jax.systems.grounded_videollm.training import GroundedVideoLlmTask
from vtg_jax.systems.programs import (
  Program,
  Sizes,
  alone_layout,
  lying,
  of_dtype,
  training_program,
)
from vtg_jax.train.freeze import flatten, join

# Questions that are answered together.
N_QUESTIONS = 32
# The task of which there are programs here; see `tasks`.
PLANNED = 'answers'
_SMALL_WORDS = 1024


def sizes_of(start: Mapping[str, Any]) -> tuple[Sizes, str]:
  """The sizes a config's `start` leads to, without its weights.

  Args:
    start: Entries of `StartConfig`.

  Returns:
    The sizes, and a note where the checkpoint is not at hand and the
    released model's sizes stand in for it; else ''.
  """
  folder, note = start.get('init_from'), ''
  changes = start.get('model') or {}
  if folder is not None and Path(folder).is_dir():
    sizes = checkpoint.read_config(folder)['model']
  else:
    preset = start.get('preset') or changes.get('dialect', 'phi3')
    made = PRESETS.get(preset, _small)()
    if folder is not None:
      made = before_stage2(made)
      note = f"{folder} is not here; planned with the sizes of '{preset}'"
    sizes = made.to_dict()
  return Sizes(
    changed(sizes, tuned=start.get('tuned', False), changes=changes)
  ), note


def _small() -> GroundedVideoLlmConfig:
  return small(vocab_size=_SMALL_WORDS)


def programs(
  values: Mapping[str, Any],
  *,
  batch_size: int,
  accumulate: int,
  mesh: Mesh,
) -> tuple[dict[str, Callable[[], Program]], str]:
  """What to plan for a training config: its step, and answers after it.

  Args:
    values: Of the task; see `tasks.task`.
    batch_size: Samples of a training step, over all devices.
    accumulate: Micro-batches they are cut into.
    mesh: Of the training; answers cut weights as finely as they can along
      the tensor axis of a mesh of its own, over the same devices.

  Returns:
    Name -> what makes the program; and a note for the user, '' for none.

  Raises:
    BadInput: for a config that could not train either.
  """
  if values.get('task', PLANNED) != PLANNED:
    raise BadInput(
      f'task is {values["task"]!r}, which cannot be planned; use {PLANNED}'
    )
  sizes, note = sizes_of(values.get('start') or {})
  own = {name: v for name, v in values.items() if name != 'task'}
  task = GroundedVideoLlmTask(own, start=sizes)
  devices = list(mesh.devices.flatten())
  tensor = math.gcd(len(devices), _tensor_ways(task.model))
  apart = sharding.make_mesh(tensor=tensor, devices=devices)
  made = {
    'training': lambda: training_program(
      task,
      flatten(param_shapes(task.model)),
      sample_shapes(task.model, row_tokens=task.data_options().row_tokens),
      frozen_dtype=task.config.compute.jnp_dtype,
      batch_size=batch_size,
      accumulate=accumulate,
      mesh=mesh,
    )
  }
  if task.model.llm.head_bias:  # it can tell times
    made['grounding'] = lambda: grounding_program(
      task.model, task.config.compute, mesh=apart
    )
  return made, note


def _tensor_ways(config: GroundedVideoLlmConfig) -> int:
  """In how many parts every layer's heads and hidden units can be cut."""
  image, video = config.image_encoder.block, config.video_encoder.block
  llm = config.llm
  return math.gcd(
    *(image.n_heads, image.mlp_hidden, video.n_heads, video.mlp_hidden),
    *(config.two_stream.width, llm.n_heads, llm.n_kv_heads, llm.mlp_hidden),
  )


def grounding_program(
  config: GroundedVideoLlmConfig, compute: Compute, *, mesh: Mesh
) -> Program:
  """A video is seen and read, and questions are answered with spans.

  Weights are cut along the mesh's tensor axis, and along fsdp; what is
  computed is the same on all devices of the other axes.

  Args:
    config: Sizes.
    compute: Numerics; parameters are of its dtype.
    mesh: Devices, at hand or not.
  """
  whole = sharding.replicated(mesh)
  shapes = flatten(param_shapes(config))
  own = sharding.param_shardings(flatten(param_axes(config)), shapes, mesh)
  params = join({}, lying(of_dtype(shapes, compute.jnp_dtype), own))
  asking = AskingPrograms(GroundedVideoLlm(config, compute), Words.of(config))

  @jax.jit
  def ground(params, video, questions, middle):
    rows = asking.encode(params, video['keyframes'], video['frames'])
    kv = asking.prefill(params, rows, questions.sequence_length)
    return asking.spans(params, kv, questions, middle)

  def trace(*args):
    with laid_out(alone_layout(mesh)):
      return ground.trace(*args)

  def ids(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.int32, sharding=whole)

  video = {
    name: jax.ShapeDtypeStruct((1, *x.shape), x.dtype, sharding=whole)
    for name, x in video_shapes(config).items()
  }
  questions = Questions(
    ids=ids(N_QUESTIONS, QUESTION_TOKENS),
    length=ids(N_QUESTIONS),
    sequence_length=ids(),
  )
  return Program(
    name=f'grounding of {N_QUESTIONS} sentences in one video',
    trace=trace,
    args=(params, video, questions, ids(MIDDLE_TOKENS)),
  )
