"""Rotary positions: lengths stay, only distances matter."""

import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.nn.rope import LongRope, apply_rope, rope_angles

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


def test_far_positions_are_turned_by_precise_frequencies():
  position, head_dim, theta = 100_003, 96, 10000.0
  cos, sin = rope_angles(jnp.array([[position]]), head_dim, theta)
  speed = theta ** (-np.arange(0, head_dim, 2) / head_dim)
  want = np.tile(position * speed, 2)
  np.testing.assert_allclose(cos[0, 0], np.cos(want), atol=0.012)
  np.testing.assert_allclose(sin[0, 0], np.sin(want), atol=0.012)


LONG_ROPE = LongRope(
  short_factors=(1.0, 1.0, 1.5, 2.0),
  long_factors=(1.0, 3.0, 9.0, 27.0),
  original_positions=4096,
)


def test_long_sequences_have_factors_of_their_own():
  for length, factors in (
    (1, LONG_ROPE.short_factors),
    (4096, LONG_ROPE.short_factors),
    (4097, LONG_ROPE.long_factors),
    (jnp.int32(5000), LONG_ROPE.long_factors),
  ):
    np.testing.assert_array_equal(LONG_ROPE.factors(length), factors)


def test_a_factor_slows_its_frequency():
  positions = jnp.array([[3, 6, 12]])
  factors = jnp.array([3.0, 6.0, 12.0, 1.0])
  slow, _ = rope_angles(positions, HEAD_DIM, THETA, factors=factors)
  plain, _ = rope_angles(jnp.ones((1, 3), int), HEAD_DIM, THETA)
  for t in range(3):  # position and factor are equal
    np.testing.assert_allclose(slow[0, t, t], plain[0, t, t], atol=1e-6)


def test_the_amplitude_grows_with_the_extension():
  """Source: Phi-3.5, 4096 positions extended to 131072."""
  assert LONG_ROPE.amplitude(131072) == pytest.approx(1.19024, abs=1e-5)
  assert LONG_ROPE.amplitude(4096) == LONG_ROPE.amplitude(2048) == 1.0
  positions = jnp.arange(5)[None]
  cos, sin = rope_angles(positions, HEAD_DIM, THETA, amplitude=1.5)
  np.testing.assert_allclose(cos**2 + sin**2, 1.5**2, rtol=1e-5)


@pytest.mark.parametrize(
  ('changes', 'told'),
  [
    (dict(short_factors=(1.0,)), '1 short factors, but 2 long factors'),
    (dict(original_positions=1), 'original_positions=1 is below 2'),
  ],
)
def test_factors_that_do_not_fit_are_named(changes, told):
  good = dict(
    short_factors=(1.0, 1.0), long_factors=(2.0, 2.0), original_positions=8
  )
  with pytest.raises(ValueError, match=told):
    LongRope(**(good | changes))
