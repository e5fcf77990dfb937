import math

import jax
import numpy as np
import pytest

from tests.systems.hawkeye import tiny
from tests.systems.hawkeye.training_batches import batch
from vtg_jax import config_file, sharding
from vtg_jax.planning.flops import jaxpr_flops
from vtg_jax.systems.hawkeye import programs as subject
from vtg_jax.systems.hawkeye import prompt, tables
from vtg_jax.systems.hawkeye.config import full
from vtg_jax.systems.hawkeye.tables import NodeFrames
from vtg_jax.systems.hawkeye.training import HawkEyeTask
from vtg_jax.train.options import FitOptions

RUN = {*FitOptions.__dataclass_fields__, 'system'}


def task_values(config, *overrides):
  values = config_file.read_config(config, overrides)
  return {name: value for name, value in values.items() if name not in RUN}


def made(config, *overrides, batch_size=8, mesh=None):
  mesh = mesh or sharding.make_mesh(data=1, fsdp=8)
  programs, note = subject.programs(
    task_values(config, *overrides),
    batch_size=batch_size,
    accumulate=1,
    mesh=mesh,
  )
  return programs, note


@pytest.fixture(scope='module')
def full_size():
  programs, note = made('hawkeye/charades_sta', batch_size=64)
  return {name: make() for name, make in programs.items()}, note


def test_nothing_is_read_and_a_note_says_whose_sizes_are_taken(full_size):
  _, note = full_size
  assert 'checkpoints/hawkeye is not here' in note and "'full'" in note


def test_a_checkpoint_at_hand_settles_the_sizes(tmp_path):
  tiny.save(tmp_path / 'tiny')
  sizes, note = subject.sizes_of(
    {'init_from': str(tmp_path / 'tiny'), 'model': {'n_frames': 2}}
  )
  assert sizes.model.encoder == tiny.config().encoder
  assert sizes.model.n_frames == 2 and not note


def test_the_small_preset_needs_no_tokenizers():
  sizes, note = subject.sizes_of(
    {'preset': 'small', 'model': {'llm': {'n_layers': 1}}}
  )
  assert sizes.model.llm.n_layers == 1 and not note


def test_every_argument_says_where_it_lies(full_size):
  programs, _ = full_size
  for program in programs.values():
    for leaf in jax.tree.leaves(program.args):
      assert isinstance(leaf, jax.ShapeDtypeStruct)
      assert len(leaf.sharding.device_set) == 8


def test_frozen_weights_are_16_bit_and_what_trains_is_float32(full_size):
  state, frozen, _ = full_size[0]['training'].args
  assert {x.dtype.name for x in frozen.values()} == {'bfloat16'}
  assert {x.dtype.name for x in state.trainable.values()} == {'float32'}
  n_frozen = sum(int(np.prod(x.shape)) for x in frozen.values())
  assert 6.9e9 < n_frozen < 7.1e9


def test_the_training_step_does_more_than_is_useful_but_not_twice(full_size):
  """Rematerialisation repeats the forward pass of what is differentiated."""
  program = full_size[0]['training']
  traced = program.trace(*program.args)
  count = jaxpr_flops(traced.jaxpr)
  assert count.unknown_loops == 0
  assert 1.0 < count.matmul / program.useful_flops < 1.6


def test_the_search_plays_its_rounds_one_node_at_a_time(full_size):
  program = full_size[0]['search']
  traced = program.trace(*program.args)
  count = jaxpr_flops(traced.jaxpr, while_turns=program.while_turns)
  once = jaxpr_flops(traced.jaxpr, while_turns=(1, 1))
  assert count.unknown_loops == 0
  # Three more rounds; the prefix is computed once.
  assert 3.5 < count.matmul / once.matmul < 4.0


def test_the_search_cuts_heads_and_hidden_units(full_size):
  params = full_size[0]['search'].args[0]
  kernel = params['llm']['layers']['q_proj']['kernel']
  assert kernel.sharding.shard_shape(kernel.shape) == (32, 4096, 4096 // 8)


def test_cut_ways_divide_every_layer():
  assert math.gcd(*subject._cut_sizes(full())) == 16


def test_a_planned_batch_is_as_a_real_one():
  config = tiny.config()
  values = {
    'start': {},
    'optimiser': {'peak': 1e-3},
    'data': {
      'row_tokens': config.max_text_tokens + config.qformer.n_tokens,
      'instruction_tokens': 6,
      'augment': {},
      'loader': {},
    },
  }
  task = HawkEyeTask(values, start=subject.Sizes(config))
  planned = subject.sample_shapes(task)
  real = batch(2)
  assert planned.keys() == real.keys()
  for name, array in real.items():
    assert planned[name].dtype == array.dtype, name
    assert len(planned[name].shape) == array.ndim - 1, name


def test_planned_search_tables_are_as_real_ones():
  """But for the lengths of texts, which a tokenizer of 410 pieces doubles."""
  config, query = tiny.config(), 'a dog runs'
  shown = NodeFrames(
    frame_ids=np.arange(config.n_frames),
    times_s=[0.5] * config.n_frames,
    display_times_s=np.zeros(config.n_frames),
  )
  plan = tables.plan_search(
    config,
    prompt.GROUNDING,
    *tiny.tokenizers(),
    duration_s=20.0,
    frames_of=lambda start_s, end_s: shown,
    queries=[query],
    orders=[tables.option_orders(query, 1, 4, 0)],
    max_rounds=4,
  )
  planned = subject.search_tables(config)
  assert {*plan.text, 'frames'} == {*planned._fields}
  assert planned.frames.shape[0] == plan.frame_capacity
  texts = {'instruction_ids', 'prefix_ids', 'node_ids', 'query_ids'}
  for name, real in plan.text.items():
    one = getattr(planned, name)
    cut = -1 if name in {*texts, 'option_ids'} else None
    for x, y in zip(jax.tree.leaves(real), jax.tree.leaves(one), strict=True):
      assert x.shape[:cut] == y.shape[:cut] and x.ndim == y.ndim, name
