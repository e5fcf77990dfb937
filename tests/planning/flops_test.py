import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import PartitionSpec as P

from vtg_jax.planning.flops import Flops, count_flops


def array(*shape):
  return jax.ShapeDtypeStruct(shape, jnp.float32)


@settings(max_examples=20, deadline=None)
@given(*[st.integers(1, 7)] * 4)
def test_a_batched_product_is_two_per_multiply_add(b, m, k, n):
  count = count_flops(jnp.matmul, array(b, m, k), array(b, k, n))
  assert count == Flops(matmul=2 * b * m * k * n)


def test_a_product_of_many_axes_counts_by_its_equation():
  count = count_flops(
    functools.partial(jnp.einsum, 'bkgth,bksh->bkgts'),
    array(2, 3, 5, 7, 11),
    array(2, 3, 13, 11),
  )
  assert count.matmul == 2 * 2 * 3 * 5 * 7 * 13 * 11


@pytest.mark.parametrize('groups', [1, 2])
def test_a_convolution_counts_its_window(groups):
  def conv(x, kernel):
    return jax.lax.conv_general_dilated(
      x,
      kernel,
      (2, 2),
      'VALID',
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
      feature_group_count=groups,
    )

  count = count_flops(conv, array(5, 9, 9, 4), array(3, 3, 4 // groups, 6))
  assert count.matmul == 2 * 5 * 4 * 4 * 6 * 9 * 4 // groups


def test_elementwise_work_is_one_an_element():
  count = count_flops(lambda x: jnp.exp(x) * 2 + x, array(3, 5))
  assert count == Flops(other=3 * 15)


def test_a_reduction_is_one_an_element_of_its_input():
  assert count_flops(jnp.sum, array(4, 6)).other == 24


def test_moving_data_is_no_work():
  def move(x):
    return jnp.concatenate([x.T.reshape(-1), x[0]])

  assert count_flops(move, array(3, 3)).total == 0


def test_the_body_of_a_scan_counts_once_a_turn():
  def stack(x, kernels):
    return jax.lax.scan(lambda x, w: (x @ w, None), x, kernels)[0]

  count = count_flops(stack, array(3, 8), array(5, 8, 8))
  assert count == Flops(matmul=5 * 2 * 3 * 8 * 8)


def test_scans_within_scans_multiply():
  def inner(x, w):
    return jax.lax.scan(lambda x, _: (x @ w, None), x, None, length=3)[0], None

  def outer(x, kernels):
    return jax.lax.scan(inner, x, kernels)[0]

  count = count_flops(outer, array(2, 4), array(5, 4, 4))
  assert count.matmul == 15 * 2 * 2 * 4 * 4


def while_matmul(x, n):
  return jax.lax.fori_loop(0, n, lambda i, x: x @ x, x)


def test_a_while_loop_takes_the_turns_it_is_told():
  n = jax.ShapeDtypeStruct((), jnp.int32)
  told = count_flops(while_matmul, array(4, 4), n, while_turns=[7])
  assert told.matmul == 7 * 2 * 4**3 and told.unknown_loops == 0


def test_a_while_loop_of_unknown_turns_counts_once_and_is_named():
  n = jax.ShapeDtypeStruct((), jnp.int32)
  count = count_flops(while_matmul, array(4, 4), n)
  assert count.matmul == 2 * 4**3 and count.unknown_loops == 1


def test_turns_are_told_by_depth():
  def nested(x, n):
    def outer(i, x):
      return while_matmul(x, n)

    return while_matmul(jax.lax.fori_loop(0, n, outer, x), n)

  n = jax.ShapeDtypeStruct((), jnp.int32)
  count = count_flops(nested, array(2, 2), n, while_turns=[3, 5])
  assert count.matmul == (3 * 5 + 3) * 2 * 2**3 and count.unknown_loops == 0
  count = count_flops(nested, array(2, 2), n, while_turns=[3])
  assert count.matmul == (3 + 3) * 2 * 2**3 and count.unknown_loops == 1


def test_the_dearest_branch_of_a_cond_counts():
  def branching(which, x):
    return jax.lax.switch(
      which, [lambda x: x, lambda x: x @ x @ x, lambda x: x @ x], x
    )

  count = count_flops(
    branching, jax.ShapeDtypeStruct((), jnp.int32), array(4, 4)
  )
  assert count.matmul == 2 * 2 * 4**3


def test_a_jitted_function_counts_as_the_plain_one():
  count = count_flops(jax.jit(lambda x: jax.jit(jnp.matmul)(x, x)), array(4, 4))
  assert count.matmul == 2 * 4**3


def test_results_nobody_uses_are_free():
  def wasteful(x):
    unused = x @ x @ x
    del unused
    return x @ x

  assert count_flops(wasteful, array(4, 4)).matmul == 2 * 4**3


def loss(kernels, x):
  def layer(x, w):
    return jnp.tanh(x @ w), None

  return jax.lax.scan(layer, x, kernels)[0].sum()


def rematerialised_loss(kernels, x):
  def layer(x, w):
    return jnp.tanh(x @ w), None

  return jax.lax.scan(jax.checkpoint(layer), x, kernels)[0].sum()


def test_a_gradient_costs_two_more_products_a_layer():
  count = count_flops(jax.grad(loss, (0, 1)), array(5, 4, 4), array(3, 4))
  assert count.matmul == 3 * 5 * 2 * 3 * 4 * 4


def test_frozen_kernels_cost_twice_their_forward():
  count = count_flops(jax.grad(loss, 1), array(5, 4, 4), array(3, 4))
  assert count.matmul == 2 * 5 * 2 * 3 * 4 * 4


def test_rematerialisation_costs_the_forward_again():
  count = count_flops(
    jax.grad(rematerialised_loss, (0, 1)), array(5, 4, 4), array(3, 4)
  )
  assert count.matmul == 4 * 5 * 2 * 3 * 4 * 4


def test_a_custom_gradient_is_counted_as_it_was_written():
  @jax.custom_vjp
  def square(x):
    return x @ x

  square.defvjp(lambda x: (x @ x, x), lambda x, g: (g @ x @ x @ x,))
  assert count_flops(square, array(4, 4)).matmul == 2 * 4**3
  grad = jax.grad(lambda x: square(x).sum())
  assert count_flops(grad, array(4, 4)).matmul == 3 * 2 * 4**3


def test_a_sharded_function_counts_over_all_its_shards():
  mesh = jax.make_mesh(
    (4, 2), ('data', 'tensor'), axis_types=(jax.sharding.AxisType.Auto,) * 2
  )
  local = jax.shard_map(
    jnp.matmul, mesh=mesh, in_specs=(P('data'), P(None, 'tensor')),
    out_specs=P('data', 'tensor'),
  )  # fmt: skip
  count = count_flops(local, array(8, 4), array(4, 6))
  assert count.matmul == 2 * 8 * 4 * 6


def test_the_count_agrees_with_xla_where_nothing_loops():
  def attention(q, k, v):
    return jax.nn.softmax(q @ k.T) @ v

  shapes = array(32, 16), array(24, 16), array(24, 16)
  compiled = jax.jit(attention).lower(*shapes).compile()
  matmul = count_flops(attention, *shapes).matmul
  np.testing.assert_allclose(
    matmul, compiled.cost_analysis()['flops'], rtol=0.15
  )
