"""ReVisionLLM's programs as shapes, to compile for other machines."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from vtg_jax.convert import checkpoint
from vtg_jax.systems.programs import Program, Sizes, training_program
from vtg_jax.systems.revisionllm.config import (
  PRESETS,
  ReVisionLlmConfig,
  small,
)
from vtg_jax.systems.revisionllm.model import param_shapes
from vtg_jax.systems.revisionllm.starting_point import SMALL_WIDTH
from vtg_jax.systems.revisionllm.training import ReVisionLlmTask
from vtg_jax.systems.starting_point import merged
from vtg_jax.train.freeze import flatten

# What stands in for a checkpoint that is not at hand.
RELEASED = 'mad'
_SMALL_WORDS = 768


def sizes_of(start: Mapping[str, Any]) -> tuple[Sizes, str]:
  """The sizes a config's `start` leads to, without its weights.

  Args:
    start: Entries of `StartConfig`.

  Returns:
    The sizes, and a note where the checkpoint is not at hand and the
    released model's sizes stand in for it; else ''.
  """
  folder, note = start.get('init_from'), ''
  if folder is not None and Path(folder).is_dir():
    sizes = checkpoint.read_config(folder)['model']
  else:
    preset = start.get('preset') or RELEASED
    sizes = PRESETS.get(preset, _small)().to_dict()
    if folder is not None:
      note = f"{folder} is not here; planned with the sizes of '{preset}'"
  changed = merged(sizes, start.get('model') or {})
  return Sizes(ReVisionLlmConfig.from_dict(changed)), note


def _small() -> ReVisionLlmConfig:
  return small(vocab_size=_SMALL_WORDS, features_width=SMALL_WIDTH)


def programs(
  values: Mapping[str, Any],
  *,
  batch_size: int,
  accumulate: int,
  mesh: Mesh,
) -> tuple[dict[str, Callable[[], Program]], str]:
  """What to plan for a training config: the step of each of its levels.

  Args:
    values: Of the task; see `tasks.task`.
    batch_size: Samples of a training step, over all devices.
    accumulate: Micro-batches they are cut into.
    mesh: Of the training.

  Returns:
    Name -> what makes the program; and a note for the user, '' for none.

  Raises:
    BadInput: for a config that could not train either.
  """
  sizes, note = sizes_of(values.get('start') or {})
  whole = ReVisionLlmTask(values, start=sizes)
  made = {}
  for name in whole.config.levels:
    task = ReVisionLlmTask({**values, 'levels': [name]}, start=sizes)
    made[f'training of {name}'] = functools.partial(
      training_program,
      task,
      flatten(param_shapes(task.model)),
      sample_shapes(task, name),
      frozen_dtype=task.config.compute.jnp_dtype,
      batch_size=batch_size,
      accumulate=accumulate,
      mesh=mesh,
    )
  return made, note


def sample_shapes(
  task: ReVisionLlmTask, level: str
) -> dict[str, jax.ShapeDtypeStruct]:
  """What one training sample of a level is made of."""
  model, options = task.model, task.data_options()
  own = model.level(level)
  row = (task.row_tokens(own),)
  window = (model.n_frames, model.features_width)
  n_windows = own.n_windows or 1
  shapes = {
    'features': (
      window if n_windows == 1 else (n_windows, *window),
      jnp.float32,
    ),
    'input_ids': (row, jnp.int32),
    'places': (row, jnp.int32),
    'labels': (row, jnp.int32),
    'attention_mask': (row, jnp.bool_),
  }
  if not own.is_dense:
    words = options.query_words
    shapes['text'] = (words, model.features_width), jnp.float32
    shapes['text_mask'] = (words,), jnp.bool_
  return {name: jax.ShapeDtypeStruct(*x) for name, x in shapes.items()}
