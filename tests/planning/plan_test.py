import dataclasses

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from vtg_jax import sharding
from vtg_jax.nn.compute import platform
from vtg_jax.planning import plan as subject
from vtg_jax.planning.plan import Memory, plan_program
from vtg_jax.planning.topology import CHIPS, Topology, parse_topology
from vtg_jax.systems.programs import Program

HERE = Topology(name='here', chip=CHIPS['v5e'], shape=(8,), platform='cpu')
LAYERS, WIDTH, ROWS = 3, 64, 32


def stack_program(devices, **changes) -> Program:
  """A gradient step of some layers, weights and rows cut over all devices."""
  mesh = sharding.make_mesh(fsdp=len(devices), devices=devices)

  def step(kernels, x):
    def layer(x, w):
      return jnp.tanh(x @ w), None

    def loss(kernels):
      return jax.lax.scan(layer, x, kernels)[0].sum()

    return kernels - jax.grad(loss)(kernels)

  def shape(*sizes, spec):
    lies = NamedSharding(mesh, spec)
    return jax.ShapeDtypeStruct(sizes, jnp.float32, sharding=lies)

  kernels = shape(LAYERS, WIDTH, WIDTH, spec=P(None, 'fsdp'))
  rows = shape(ROWS, WIDTH, spec=P(('data', 'fsdp')))
  jitted = jax.jit(step, donate_argnums=0, out_shardings=kernels.sharding)
  fields = dict(name='step', trace=jitted.trace, args=(kernels, rows))
  return Program(**{**fields, **changes})


def test_a_program_is_compiled_and_counted_for_the_devices_it_names():
  plan = plan_program(stack_program(jax.devices()), HERE)
  product = 2 * ROWS * WIDTH**2
  assert plan.flops.matmul == 3 * LAYERS * product
  kernels = LAYERS * WIDTH**2 * 4
  assert plan.memory.arguments == (kernels + ROWS * WIDTH * 4) // 8
  assert plan.memory.aliased == kernels // 8
  # Every layer's kernel comes together at least once, and its gradient is
  # summed over the rows of all devices.
  found = plan.collectives
  assert found.unknown_loops == 0
  assert sum(t.n_bytes for t in found.by_kind.values()) >= 2 * kernels


def test_it_is_traced_for_the_platform_of_the_devices():
  seen = []

  def function(x):
    seen.append(platform())
    return x

  trace = jax.jit(function).trace
  plan_program(Program('x', trace, (jnp.ones(3),)), HERE)
  assert seen == ['cpu']


def test_what_fits_is_what_is_held_at_once():
  memory = Memory(arguments=10, outputs=4, aliased=3, temporaries=5, code=1)
  assert memory.needed == 17
  plan = plan_program(stack_program(jax.devices()), HERE)
  chip = HERE.chip
  for spare, fits in ((0, True), (-1, False)):
    tight = dataclasses.replace(chip, memory_bytes=plan.memory.needed + spare)
    topology = dataclasses.replace(HERE, chip=tight)
    assert dataclasses.replace(plan, topology=topology).fits is fits


def test_a_program_too_large_is_told_in_the_compilers_words():
  class TooLarge:
    def trace(self, *_):
      return self

    def lower(self, **_):
      return self

    def compile(self):
      raise jax.errors.JaxRuntimeError(
        'RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of '
        'memory in memory space hbm. Used 20.55G of 15.75G hbm. Exceeded hbm '
        'capacity by 4.80G.\n\nTotal hbm usage >= 20.80G:\n'
      )

    jaxpr = jax.make_jaxpr(lambda x: x)(1.0)

  plan = plan_program(Program('large', TooLarge().trace, ()), HERE)
  assert not plan.fits and plan.memory is None
  assert plan.refusal == 'Used 20.55G of 15.75G hbm'
  assert plan.to_json()['needed_bytes'] is None


def test_another_fault_of_the_compiler_is_raised():
  class Broken:
    jaxpr = jax.make_jaxpr(lambda x: x)(1.0)

    def lower(self, **_):
      return self

    def compile(self):
      raise jax.errors.JaxRuntimeError('INTERNAL: something else')

  with pytest.raises(jax.errors.JaxRuntimeError, match='something else'):
    plan_program(Program('broken', lambda: Broken(), ()), HERE)


def test_the_least_time_is_products_over_all_chips_peaks():
  plan = plan_program(stack_program(jax.devices()), HERE)
  assert plan.least_s == plan.flops.matmul / (8 * 197e12)


@pytest.mark.tpu_aot
def test_a_step_is_planned_for_a_slice_that_is_not_there():
  topology = parse_topology('v5e:2x2')
  plan = plan_program(stack_program(topology.devices()), topology)
  kernels = LAYERS * WIDTH**2 * 4
  assert plan.fits and plan.memory.code > 0
  assert plan.memory.aliased >= kernels // 4
  assert plan.collectives.unknown_loops == 0
  gathered = plan.collectives.by_kind['all-gather'].n_bytes
  assert gathered >= kernels
  assert plan.to_json()['fits'] is True


def test_a_refusal_without_sizes_is_its_first_line():
  assert subject._refusal('RESOURCE_EXHAUSTED: no\nmore') == (
    'RESOURCE_EXHAUSTED: no'
  )
