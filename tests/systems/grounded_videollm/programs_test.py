"""Programs as shapes: the paper's stages, without their weights."""

import math

import jax
import numpy as np
import pytest

from tests.systems.grounded_videollm import tiny
from tests.systems.grounded_videollm.mesh_test import batch, config
from vtg_jax import config_file, sharding
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute
from vtg_jax.planning.flops import jaxpr_flops
from vtg_jax.systems import registry
from vtg_jax.systems.grounded_videollm import programs as subject
from vtg_jax.systems.grounded_videollm.flops import visual_products
from vtg_jax.systems.grounded_videollm.shapes import sample_shapes
from vtg_jax.systems.products import forward_flops
from vtg_jax.train.options import FitOptions

RUN = {*FitOptions.__dataclass_fields__, 'system'}


def made(config, *, batch_size=8):
  values = config_file.read_config(config)
  return subject.programs(
    {name: value for name, value in values.items() if name not in RUN},
    batch_size=batch_size,
    accumulate=1,
    mesh=sharding.make_mesh(data=1, fsdp=8),
  )


def test_a_stage_is_planned_without_its_checkpoint():
  programs, note = made('grounded_videollm/stage3')
  assert "stage2/model is not here; planned with the sizes of 'phi3'" in note
  assert set(programs) == {'training', 'grounding'}
  training = programs['training']()
  state, frozen, samples = training.args
  assert {x.dtype.name for x in frozen.values()} == {'bfloat16'}
  assert {x.dtype.name for x in state.trainable.values()} == {'float32'}
  # CLIP 0.3 G, InternVideo2 1.0 G and Phi-3.5 3.6 G; 0.2 G words and as many
  # of the head train, adapters 0.2 G and projectors.
  assert 4.7e9 < _size(frozen) < 5.0e9
  assert 0.4e9 < _size(state.trainable) < 0.5e9
  for leaf in jax.tree.leaves(training.args):
    assert len(leaf.sharding.device_set) == 8
  assert samples['input_ids'].shape == (8, 5504)
  assert samples['keyframes'].shape == (8, 12, 336, 336, 3)
  assert samples['frames'].shape == (8, 96, 224, 224, 3)
  # Layers are computed again in the backward pass, the encoders are not.
  count = jaxpr_flops(training.trace(*training.args).jaxpr)
  assert count.unknown_loops == 0
  assert 1.0 < count.matmul / training.useful_flops < 1.5


def _size(params):
  return sum(int(np.prod(x.shape)) for x in params.values())


def test_stage_1_answers_nothing_about_times():
  programs, note = made('grounded_videollm/stage1:llama3')
  assert set(programs) == {'training'} and "'llama3'" in note
  with pytest.raises(BadInput, match="'cells', which cannot be planned"):
    made('grounded_videollm/small_cells')


def test_a_checkpoint_of_another_system_is_not_planned():
  with pytest.raises(BadInput, match='is a hawkeye; give a grounded_videollm'):
    subject.sizes_of({'init_from': str(registry.SHIPPED)})


def test_cut_ways_divide_every_layer():
  for preset, ways in (('phi3', 16), ('llama3', 8)):
    assert math.gcd(*subject._cut_sizes(subject.PRESETS[preset]())) == ways


def test_a_planned_batch_is_as_a_real_one():
  sizes, real = config('phi3'), batch('phi3')
  row_tokens = real['input_ids'].shape[1]
  planned = sample_shapes(sizes, row_tokens=row_tokens)
  assert planned.keys() == real.keys()
  for name, array in real.items():
    assert planned[name].dtype == array.dtype, name
    assert planned[name].shape == array.shape[1:], name


@pytest.mark.parametrize('name', ['phi3', 'llama3'])
def test_questions_are_grounded_in_one_program_over_a_mesh(name):
  sizes = tiny.config(name)
  program = subject.grounding_program(
    config(name), Compute(), mesh=sharding.make_mesh(fsdp=4, tensor=2)
  )
  traced = program.trace(*program.args)
  start, end = traced.out_info.start, traced.out_info.end
  assert start.shape == end.shape == (32, sizes.n_intervals + 1)
  # The video is seen once for all questions.
  count = jaxpr_flops(traced.jaxpr)
  assert count.matmul > forward_flops(visual_products(config(name)))
  assert count.unknown_loops == 0
