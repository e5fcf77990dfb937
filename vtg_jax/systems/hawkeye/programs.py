"""HawkEye's programs as shapes: what to compile for a machine not at hand."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from vtg_jax import sharding
from vtg_jax.moments import coarse
from vtg_jax.nn.compute import Compute
from vtg_jax.recursion.coarse_to_fine import Moves, start_search
from vtg_jax.recursion.interval_tree import max_nodes
from vtg_jax.systems.hawkeye.config import PRESETS, SYSTEM, HawkEyeConfig, small
from vtg_jax.systems.hawkeye.model import HawkEye, param_axes, param_shapes
from vtg_jax.systems.hawkeye.search import SearchPrograms, SearchTables
from vtg_jax.systems.hawkeye.tables import FRAME_BUCKET, ROUNDS_BUCKET
from vtg_jax.systems.hawkeye.training import HawkEyeTask
from vtg_jax.systems.programs import (
  Program,
  Sizes,
  lying,
  mesh_of_tensors,
  params_alone,
  planned_task,
  sizes_at_hand,
  traced_alone,
  training_program,
)
from vtg_jax.systems.training.starting_point import merged
from vtg_jax.train.freeze import flatten

# A prompt of Vicuna's tokenizer about 12 frames and a query of a dozen words,
# in tokens, rounded up to the buckets of `tables`.
PREFIX_TOKENS, NODE_TOKENS, QUERY_TOKENS = 40, 128, 160
INSTRUCTION_TOKENS, OPTION_TOKENS = 24, 12


_SMALL = functools.partial(
  small, vocab_size=512, bert_vocab_size=320, stop_ids=((2,),)
)


def sizes_of(start: Mapping[str, Any]) -> tuple[Sizes, str]:
  """The sizes a config's `start` leads to, without its weights.

  Args:
    start: Entries of `StartConfig`.

  Returns:
    The sizes, and a note where the checkpoint is not at hand and the
    released model's sizes stand in for it; else ''.
  """
  preset = start.get('preset') or 'full'
  sizes, note = sizes_at_hand(
    start,
    SYSTEM,
    preset,
    # The tokenizers, which settle the small one's words, are not asked for.
    lambda: PRESETS.get(preset, _SMALL)().to_dict(),
  )
  changed = merged(sizes, start.get('model') or {})
  return Sizes(HawkEyeConfig.from_dict(changed)), note


def programs(
  values: Mapping[str, Any],
  *,
  batch_size: int,
  accumulate: int,
  mesh: Mesh,
) -> tuple[dict[str, Callable[[], Program]], str]:
  """What to plan for a training config: its step, and the search after it.

  Args:
    values: Of the task; see `tasks.task`.
    batch_size: Samples of a training step, over all devices.
    accumulate: Micro-batches they are cut into.
    mesh: Of the training; the search cuts weights as finely as it can along
      the tensor axis of a mesh of its own, over the same devices.

  Returns:
    Name -> what makes the program; and a note for the user, '' for none.

  Raises:
    BadInput: for a config that could not train either.
  """
  task, note = planned_task(values, HawkEyeTask, sizes_of)
  apart = mesh_of_tensors(mesh, *_cut_sizes(task.model))
  return {
    'training': lambda: training_program(
      task,
      flatten(param_shapes(task.model)),
      sample_shapes(task),
      frozen_dtype=task.config.compute.jnp_dtype,
      batch_size=batch_size,
      accumulate=accumulate,
      mesh=mesh,
    ),
    'search': lambda: search_program(
      task.model, task.config.compute, mesh=apart
    ),
  }, note


def _cut_sizes(config: HawkEyeConfig) -> tuple[int, ...]:
  """What is cut of every layer: its heads and hidden units."""
  encoder, qformer, llm = config.encoder, config.qformer, config.llm
  return (
    *(encoder.n_heads, encoder.mlp_hidden, qformer.width, qformer.mlp_hidden),
    *(llm.n_heads, llm.n_kv_heads, llm.mlp_hidden, llm.vocab_size),
  )


def sample_shapes(task: HawkEyeTask) -> dict[str, jax.ShapeDtypeStruct]:
  """What one training sample is made of."""
  options = task.data_options()
  size = task.model.encoder.image_size
  row, text = (options.row_tokens,), (options.instruction_tokens,)
  shapes = {
    'frames': ((options.n_frames, size, size, 3), jnp.uint8),
    'input_ids': (row, jnp.int32),
    'attention_mask': (row, jnp.bool_),
    'labels': (row, jnp.int32),
    'video_start': ((), jnp.int32),
    'text_ids': (text, jnp.int32),
    'text_mask': (text, jnp.bool_),
    'objective': ((), jnp.int32),
  }
  return {name: jax.ShapeDtypeStruct(*x) for name, x in shapes.items()}


def search_program(
  config: HawkEyeConfig, compute: Compute, *, mesh: Mesh
) -> Program:
  """All rounds of one query's search, as one program.

  Weights are cut along the mesh's tensor axis, and along fsdp; what is
  computed is the same on all devices of the other axes.

  Args:
    config: Sizes.
    compute: Numerics; parameters are of its dtype.
    mesh: Devices, at hand or not.
  """
  whole = sharding.replicated(mesh)
  tables = search_tables(config)
  state = jax.eval_shape(
    lambda: start_search(
      jnp.ones(1, bool),
      width=1,
      n_rounds=ROUNDS_BUCKET,
      n_choices=len(coarse.CATEGORIES),
    )
  )
  programs = SearchPrograms(
    HawkEye(config, compute),
    rows_per_step=8,
    max_new_tokens=1,
    eos_id=config.pad_id,
  )

  args = (
    params_alone(
      param_shapes(config), param_axes(config), compute.jnp_dtype, mesh
    ),
    *lying((tables, state), jax.tree.map(lambda _: whole, (tables, state))),
    jax.ShapeDtypeStruct((), jnp.int32, sharding=whole),
  )
  return Program(
    name='search of 4 rounds, one query',
    trace=traced_alone(programs.search, mesh),
    args=args,
    # One query stands on one node in each round, and asks about it once.
    while_turns=(ROUNDS_BUCKET, 1),
  )


def search_tables(config: HawkEyeConfig) -> SearchTables:
  """Shapes of the tables of one query about one video."""
  n_nodes = max_nodes(ROUNDS_BUCKET, len(coarse.CATEGORIES) - 1)
  n_choices, size = len(coarse.CATEGORIES), config.encoder.image_size

  def ids(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.int32)

  return SearchTables(
    frames=jax.ShapeDtypeStruct((FRAME_BUCKET, size, size, 3), jnp.uint8),
    frame_ids=ids(n_nodes, config.n_frames),
    moves=Moves(ids(n_nodes, n_choices), ids(n_nodes, n_choices)),
    depth=ids(n_nodes),
    instruction_ids=ids(INSTRUCTION_TOKENS),
    prefix_ids=ids(PREFIX_TOKENS),
    node_ids=ids(n_nodes, NODE_TOKENS),
    node_len=ids(n_nodes),
    query_ids=ids(1, 1, n_nodes, QUERY_TOKENS),
    query_len=ids(1, 1, n_nodes),
    order=ids(1, 1, ROUNDS_BUCKET, n_choices),
    option_ids=ids(n_choices, n_choices, OPTION_TOKENS),
    option_len=ids(n_choices, n_choices),
  )
