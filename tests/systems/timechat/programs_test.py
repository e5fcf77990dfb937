"""Programs as shapes: the trainings of full size, without their weights."""

import jax
import numpy as np
import pytest

from tests.systems.timechat.training_test import OWN, first_batch
from vtg_jax import config_file, sharding
from vtg_jax.errors import BadInput
from vtg_jax.planning.flops import jaxpr_flops
from vtg_jax.systems import registry
from vtg_jax.systems.timechat import programs as subject
from vtg_jax.systems.timechat.shapes import sample_shapes
from vtg_jax.systems.timechat.tasks import task as task_of


def made(config, *, batch_size=8):
  values = config_file.read_config(config)
  return subject.programs(
    {name: x for name, x in values.items() if name not in OWN | {'system'}},
    batch_size=batch_size,
    accumulate=1,
    mesh=sharding.make_mesh(data=1, fsdp=8),
  )


def test_stage_1_is_planned_without_its_checkpoint():
  programs, note = made('timechat/seq2time_stage1')
  assert (
    "timechat_start is not here; planned with the sizes of 'start'"
  ) in note
  training = programs['training']()
  state, frozen, samples = training.args
  assert {x.dtype.name for x in frozen.values()} == {'bfloat16'}
  assert {x.dtype.name for x in state.trainable.values()} == {'float32'}
  # EVA has 1.0 G and LLaMA-2 6.7 G; the Q-Formers 0.2 G and adapters 34 M.
  assert 7.6e9 < _size(frozen) < 7.9e9
  assert 0.23e9 < _size(state.trainable) < 0.26e9
  assert state.trainable['llm/new_head'].shape == (10, 4096)
  assert samples['input_ids'].shape == (8, 2048)
  assert samples['frames'].shape == (8, 96, 224, 224, 3)
  for leaf in jax.tree.leaves(training.args):
    assert len(leaf.sharding.device_set) == 8
  # The language model is computed again in the backward pass.
  count = jaxpr_flops(training.trace(*training.args).jaxpr)
  assert count.unknown_loops == 0
  assert 1.0 < count.matmul / training.useful_flops < 1.5


def _size(params):
  return sum(int(np.prod(x.shape)) for x in params.values())


@pytest.mark.parametrize('way', ['seq2time_stage2', 'instruction_tuning'])
def test_questions_are_answered_in_one_program_over_a_mesh(way):
  programs, _ = made(f'timechat/{way}:quicktest')
  program = programs['grounding']()
  traced = program.trace(*program.args)
  if way == 'seq2time_stage2':
    starts, ends = traced.out_info
    assert starts.shape == ends.shape == (32, 1000)
  else:
    assert traced.out_info.ids.shape == (32, 24)
  count = jaxpr_flops(traced.jaxpr, while_turns=program.while_turns)
  assert count.matmul > 0 and count.unknown_loops == 0


def test_a_checkpoint_of_another_system_is_not_planned():
  with pytest.raises(BadInput, match='is a hawkeye; give a timechat'):
    subject.sizes_of({'init_from': str(registry.SHIPPED)})


def test_a_planned_batch_is_as_a_real_one():
  values = config_file.read_config('timechat/seq2time_stage2:quicktest')
  task = task_of({k: v for k, v in values.items() if k not in OWN | {'system'}})
  options, real = task.data_options(), first_batch(task)
  planned = sample_shapes(
    task.model,
    row_tokens=options.row_tokens,
    time_tokens=options.time_tokens,
  )
  assert planned.keys() == real.keys()
  for name, array in real.items():
    assert planned[name].dtype == array.dtype, name
    assert planned[name].shape == array.shape[1:], name
