"""Grounded-VideoLLM's programs as shapes, to compile for other machines."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from vtg_jax import sharding
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm.asking import AskingPrograms, Questions
from vtg_jax.systems.grounded_videollm.config import (
  PRESETS,
  SYSTEM,
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
  mesh_of_tensors,
  params_alone,
  planned_task,
  sizes_at_hand,
  traced_alone,
  training_program,
)
from vtg_jax.train.freeze import flatten

# Questions that are answered together.
N_QUESTIONS = 32
_SMALL_WORDS = 1024


def sizes_of(start: Mapping[str, Any]) -> tuple[Sizes, str]:
  """The sizes a config's `start` leads to, without its weights.

  Args:
    start: Entries of `StartConfig`.

  Returns:
    The sizes, and a note where the checkpoint is not at hand and the
    released model's sizes stand in for it; else ''.
  """
  changes = start.get('model') or {}
  preset = start.get('preset') or changes.get('dialect', 'phi3')

  def made() -> dict:
    sizes = PRESETS.get(preset, _small)()
    if start.get('init_from') is not None:  # it may be of the base models
      sizes = before_stage2(sizes)
    return sizes.to_dict()

  sizes, note = sizes_at_hand(start, SYSTEM, preset, made)
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
  task, note = planned_task(values, GroundedVideoLlmTask, sizes_of)
  apart = mesh_of_tensors(mesh, *_cut_sizes(task.model))
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


def _cut_sizes(config: GroundedVideoLlmConfig) -> tuple[int, ...]:
  """What is cut of every layer: its heads and hidden units."""
  image, video = config.image_encoder.block, config.video_encoder.block
  llm = config.llm
  return (
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
  params = params_alone(
    param_shapes(config), param_axes(config), compute.jnp_dtype, mesh
  )
  asking = AskingPrograms(GroundedVideoLlm(config, compute), Words.of(config))

  @jax.jit
  def ground(params, video, questions, middle):
    rows = asking.encode(params, video['keyframes'], video['frames'])
    kv = asking.prefill(params, rows, questions.sequence_length)
    return asking.spans(params, kv, questions, middle)

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
    trace=traced_alone(ground, mesh),
    args=(params, video, questions, ids(MIDDLE_TOKENS)),
  )
