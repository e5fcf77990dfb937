"""Rotary positions: lengths stay, only distances matter."""

import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.nn.rope import apply_rope, rope_angles

HEAD_DIM, THETA = 8, 100.0


def heads(seed=0, n=3):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.normal(size=(1, n, 2, HEAD_DIM)), jnp.float32)


def rotated(x, positions, theta=THETA):
  angles = rope_angles(jnp.asarray([positions]), HEAD_DIM, theta)
  return apply_rope(x, *angles)


def test_position_zero_is_left_as_it_is():
  x = heads()
  np.testing.assert_array_equal(rotated(x, [0, 0, 0]), x)


@pytest.mark.parametrize('theta', [100.0, 10000.0, 500000.0])
def test_channel_i_turns_with_channel_i_plus_half(theta):
  x, position = np.asarray(heads(n=1), np.float64), 7
  pairs = x[..., : HEAD_DIM // 2] + 1j * x[..., HEAD_DIM // 2 :]
  speed = theta ** (-np.arange(0, HEAD_DIM, 2) / HEAD_DIM)
  turned = pairs * np.exp(1j * position * speed)
  want = np.concatenate([turned.real, turned.imag], -1)
  got = rotated(jnp.asarray(x, jnp.float32), [position], theta)
  np.testing.assert_allclose(got, want, atol=1e-5)


def test_scores_depend_on_the_distance_only():
  q, k = heads(0, 1), heads(1, 1)

  def score(q_position, k_position):
    return (rotated(q, [q_position]) * rotated(k, [k_position])).sum()

  np.testing.assert_allclose(score(5, 2), score(905, 902), atol=1e-4)
  assert abs(score(5, 2) - score(5, 3)) > 1e-2


def test_16_bit_heads_are_turned_in_float32():
  x = heads().astype(jnp.bfloat16)
  got = rotated(x, [100, 200, 300])
  assert got.dtype == jnp.bfloat16
  want = rotated(x.astype(jnp.float32), [100, 200, 300])
  np.testing.assert_array_equal(got, want.astype(jnp.bfloat16))
