"""The norms' statistics are those of float64."""

import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.nn.norm import layer_norm, rms_norm


def offset_rows():
  """Rows with a mean a thousand times their deviation."""
  rng = np.random.default_rng(0)
  return (1000 + rng.normal(size=(3, 16))).astype(np.float32)


def test_layer_norm_survives_a_large_mean():
  x = offset_rows()
  wide = x.astype(np.float64)
  deviation = wide - wide.mean(-1, keepdims=True)
  want = deviation / np.sqrt((deviation**2).mean(-1, keepdims=True) + 1e-6)
  got, params = layer_norm(1e-6, jnp.float32).init_with_output(
    jax.random.key(0), x
  )
  np.testing.assert_allclose(got, want, atol=1e-3)
  assert params['params']['scale'].names == ('norm',)
  assert params['params']['bias'].names == ('norm',)


def test_rms_norm_divides_by_the_root_of_the_mean_square():
  x = offset_rows()
  want = x / np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True))
  got, params = rms_norm(epsilon=1e-6).init_with_output(jax.random.key(0), x)
  np.testing.assert_allclose(got, want, rtol=1e-6)
  assert params['params']['scale'].names == ('norm',)


def test_statistics_are_float32_under_16_bit_activations():
  x = jnp.asarray(offset_rows(), jnp.bfloat16)
  for norm in (
    layer_norm(1e-6, jnp.bfloat16),
    rms_norm(epsilon=1e-6, dtype=jnp.bfloat16),
  ):
    got, _ = norm.init_with_output(jax.random.key(0), x)
    want, _ = norm.clone(dtype=jnp.float32).init_with_output(
      jax.random.key(0), x.astype(jnp.float32)
    )
    assert got.dtype == jnp.bfloat16
    np.testing.assert_array_equal(got, want.astype(jnp.bfloat16))
