"""Training steps as shapes: what a sample is made of, and a trace of it."""

import jax
import numpy as np

from tests.systems.revisionllm.training_test import (
  OWN,
  first_batches,
  make_task,
)
from vtg_jax import config_file, sharding
from vtg_jax.planning.flops import jaxpr_flops
from vtg_jax.systems.revisionllm.programs import programs, sample_shapes


def test_samples_have_the_shapes_that_are_planned():
  task = make_task('vidchapters_unified')
  for level, batch in zip(
    task.config.levels, first_batches(task, number=2), strict=True
  ):
    planned = sample_shapes(task, level)
    assert planned.keys() == batch.keys()
    for name, x in batch.items():
      assert planned[name].shape == x.shape[1:], name
      assert planned[name].dtype == x.dtype, name


def test_every_level_has_a_step_of_full_size():
  values = config_file.read_config('revisionllm/vidchapters_unified')
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  mesh = sharding.make_mesh(devices=jax.devices()[:1])
  made, note = programs(rest, batch_size=2, accumulate=1, mesh=mesh)
  assert "planned with the sizes of 'mad'" in note
  assert list(made) == ['training of long_100', 'training of dense']
  program = made['training of dense']()
  state, frozen, batch = program.args
  n_lora = sum(np.prod(x.shape) for x in state.trainable.values())
  assert n_lora == 159_907_840  # the paper's adapter
  assert batch['features'].shape == (2, 250, 768)
  assert batch['input_ids'].shape == (2, 512)
  assert 'llm/lm_head/kernel' in frozen
  counted = jaxpr_flops(program.trace(*program.args).jaxpr).matmul
  # What is computed again to save memory is of no use, and counted there.
  assert 1 <= counted / program.useful_flops < 1.6
