import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from vtg_jax.nn.dropout import Dropout, keep_mask

KEY = jax.random.key(7)


@settings(max_examples=20, deadline=None)
@given(rate=st.floats(0.02, 0.98), seed=st.integers(0, 2**31))
def test_the_share_that_is_dropped_is_the_rate(rate, seed):
  keep = keep_mask(jax.random.key(seed), rate, (64, 1024))
  sigma = (rate * (1 - rate) / keep.size) ** 0.5
  assert abs(1 - keep.mean() - rate) < 6 * sigma


def test_nothing_is_dropped_at_rate_zero_and_almost_all_at_one():
  assert keep_mask(KEY, 0.0, (999,)).all()
  assert not keep_mask(KEY, 1.0, (999,)).any()


@pytest.mark.parametrize('shift', [1, 2, 31, 32, 256, 1023, 1024, 4096])
def test_neighbours_do_not_share_their_fate(shift):
  bits = np.asarray(keep_mask(KEY, 0.5, (2**17,))) * 2.0 - 1
  correlation = (bits[shift:] * bits[:-shift]).mean()
  assert abs(correlation) < 6 / len(bits) ** 0.5


def test_masks_of_different_keys_have_nothing_in_common():
  """Not even moved along: the most alike of all shifts is chance."""
  n = 2**14
  a, b = (
    np.asarray(keep_mask(k, 0.5, (n,))) * 2.0 - 1 for k in jax.random.split(KEY)
  )
  alike = np.fft.ifft(np.fft.fft(a) * np.conj(np.fft.fft(b))).real / n
  assert np.abs(alike).max() < 7 / n**0.5


def test_rows_and_columns_are_as_even_as_chance():
  keep = np.asarray(keep_mask(KEY, 0.1, (512, 768)))
  for axis in (0, 1):
    shares = 1 - keep.mean(axis)
    expected = (0.1 * 0.9 / keep.shape[axis]) ** 0.5
    assert 0.85 < shares.std() / expected < 1.15


def test_the_mask_does_not_depend_on_how_the_array_is_cut():
  mesh = jax.make_mesh(
    (4, 2), ('data', 'tensor'), axis_types=(AxisType.Auto,) * 2
  )
  cut = NamedSharding(mesh, P('data', None, 'tensor'))
  draw = jax.jit(lambda key: keep_mask(key, 0.3, (8, 5, 6)), out_shardings=cut)
  np.testing.assert_array_equal(draw(KEY), keep_mask(KEY, 0.3, (8, 5, 6)))


def apply(x, rate=0.25, **options):
  layer = Dropout(rate, **options)
  return layer.apply({}, x, deterministic=False, rngs={'dropout': KEY})


def test_what_is_left_is_scaled_up():
  x = jnp.arange(1.0, 4001).reshape(40, 100)
  y = apply(x)
  kept = y != 0
  np.testing.assert_allclose(y, jnp.where(kept, x / 0.75, 0), rtol=1e-6)
  assert apply(x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_values_along_broadcast_axes_share_their_fate():
  y = apply(jnp.ones((64, 3, 5)), broadcast_dims=(1, 2))
  per_sample = y.reshape(64, -1)
  assert (per_sample == per_sample[:, :1]).all()
  assert 0 < (per_sample[:, 0] == 0).mean() < 1


def test_it_does_nothing_outside_training_or_at_rate_zero():
  x = jnp.ones((3, 4))
  layer = Dropout(0.5)
  assert layer.apply({}, x, deterministic=True) is x
  assert Dropout(0.0).apply({}, x, deterministic=False) is x


def test_a_second_draw_of_one_key_is_the_same():
  """Rematerialised layers must drop what the forward pass dropped."""
  x = jnp.ones((50, 50))
  np.testing.assert_array_equal(apply(x), jax.jit(apply)(x))
