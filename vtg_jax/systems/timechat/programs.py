"""TimeChat's programs as shapes, to compile for other machines."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from vtg_jax import sharding
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.config_json import from_json
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
from vtg_jax.systems.timechat.asker import PLACE_DIGITS
from vtg_jax.systems.timechat.asking import AskingPrograms, Questions, Sampling
from vtg_jax.systems.timechat.config import (
  PRESETS,
  SYSTEM,
  TimeChatConfig,
  small,
)
from vtg_jax.systems.timechat.model import TimeChat, param_axes, param_shapes
from vtg_jax.systems.timechat.shapes import (
  ANSWER_TOKENS,
  MESSAGE_TOKENS,
  QUESTION_TOKENS,
  Words,
  sample_shapes,
  video_shapes,
)
from vtg_jax.systems.timechat.starting_point import StartConfig, changed
from vtg_jax.systems.timechat.time_formats import SECONDS
from vtg_jax.systems.timechat.training import TimeChatTask
from vtg_jax.train.freeze import flatten

# Questions that are answered together.
N_QUESTIONS = 32
# What stands in for a checkpoint that is not at hand.
RELEASED = 'start'
_SMALL_WORDS, _SMALL_BERT_WORDS = 1024, 320


def sizes_of(start: Mapping[str, Any]) -> tuple[Sizes, str]:
  """The sizes a config's `start` leads to, without its weights.

  Args:
    start: Entries of `StartConfig`.

  Returns:
    The sizes, and a note where the checkpoint is not at hand and the
    released model's sizes stand in for it; else ''.
  """
  config = from_json(StartConfig, start, 'start')
  preset = config.preset or RELEASED
  sizes, note = sizes_at_hand(
    start, SYSTEM, preset, lambda: PRESETS.get(preset, _small)().to_dict()
  )
  return Sizes(changed(sizes, config, SECONDS)), note


def _small() -> TimeChatConfig:
  return small(vocab_size=_SMALL_WORDS, bert_vocab_size=_SMALL_BERT_WORDS)


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
  task, note = planned_task(values, TimeChatTask, sizes_of)
  options = task.data_options()
  apart = mesh_of_tensors(mesh, *_cut_sizes(task.model))
  return {
    'training': lambda: training_program(
      task,
      flatten(param_shapes(task.model)),
      sample_shapes(
        task.model,
        row_tokens=options.row_tokens,
        time_tokens=options.time_tokens,
      ),
      frozen_dtype=task.config.compute.jnp_dtype,
      batch_size=batch_size,
      accumulate=accumulate,
      mesh=mesh,
    ),
    'grounding': lambda: grounding_program(
      task.model, task.config.compute, mesh=apart
    ),
  }, note


def _cut_sizes(config: TimeChatConfig) -> tuple[int, ...]:
  """What is cut of every layer: its heads and hidden units."""
  encoder, qformer, llm = config.encoder.block, config.qformer, config.llm
  return (
    *(encoder.n_heads, encoder.mlp_hidden, qformer.width, qformer.mlp_hidden),
    *(llm.n_heads, llm.n_kv_heads, llm.mlp_hidden),
  )


def grounding_program(
  config: TimeChatConfig, compute: Compute, *, mesh: Mesh
) -> Program:
  """A video is seen and read, and questions are answered with spans.

  Where places are told digit by digit, the probability of every one as the
  start and as the end; plain numbers are written.

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
  asking = AskingPrograms(TimeChat(config, compute), Words.of(config))
  n_video = np.int32(config.video_qformer.n_tokens(config.n_frames))
  scored = config.places == 'codes'

  @jax.jit
  def ground(params, video, message_ids, questions):
    tokens = asking.encode(params, *video)
    known = asking.prefill(
      params, tokens, n_video, message_ids, np.int32(MESSAGE_TOKENS)
    )
    if not scored:
      drawn = Sampling(np.int32(0), np.float32(1))
      return asking.write(
        params,
        known,
        questions,
        drawn,
        max_tokens=ANSWER_TOKENS,
        words=None,
        n_candidates=0,
      )
    n_digits = PLACE_DIGITS
    rows = known, questions.ids, questions.length
    starts = asking.places(params, *rows, n_digits=n_digits)
    # Ends are asked for behind the best start, which is in the same rows.
    likely = starts.argmax(1).astype(jnp.int32)
    ids = questions.ids.at[:, -1].set(likely)
    ends = asking.places(
      params, known, ids, questions.length, n_digits=n_digits
    )
    return starts, ends

  def ids(*shape, dtype=jnp.int32):
    return jax.ShapeDtypeStruct(shape, dtype)

  video = tuple(
    jax.ShapeDtypeStruct((1, *x.shape), x.dtype)
    for x in video_shapes(config).values()
  )
  questions = Questions(
    ids=ids(N_QUESTIONS, QUESTION_TOKENS),
    length=ids(N_QUESTIONS),
    limit=ids(N_QUESTIONS),
    active=ids(N_QUESTIONS, dtype=jnp.bool_),
  )
  args = (video, ids(MESSAGE_TOKENS), questions)
  return Program(
    name=f'grounding of {N_QUESTIONS} sentences in one video',
    trace=traced_alone(ground, mesh),
    args=(params, *lying(args, jax.tree.map(lambda _: whole, args))),
    while_turns=() if scored else (ANSWER_TOKENS,),
  )
