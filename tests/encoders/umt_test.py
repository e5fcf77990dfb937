"""The video encoder: its position table, its two paths, its refusals."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vtg_jax.encoders.umt import Umt, UmtConfig, position_table
from vtg_jax.nn.compute import Compute

GOLDEN = Path(__file__).parents[1] / 'golden' / 'hawkeye'
TINY = UmtConfig(
  width=8,
  n_layers=2,
  n_heads=2,
  mlp_hidden=16,
  image_size=12,
  patch_size=4,
  tubelet_size=1,
  channels=3,
  norm_eps=1e-6,
)


def sized(width, grid, image_size=224):
  return dataclasses.replace(
    TINY,
    width=width,
    image_size=image_size,
    patch_size=image_size // grid,
    n_heads=1,
  )


def recorded(file):
  with np.load(GOLDEN / file) as arrays:
    return dict(arrays)


@pytest.mark.parametrize(
  ('name', 'config', 'frames', 'every'),
  [
    # The name says 197, the eight rows recorded are every 331st.
    ('full_12f_rows_every_197', sized(1024, 14), 12, 331),
    ('full_4f_rows_every_261', sized(1024, 14), 4, 261),
    ('full_img_rows_every_65', sized(1024, 14), 1, 65),
    ('d32_2f_224_rows_every_37', sized(32, 14), 2, 37),
    ('d32_5f_224_rows_every_37', sized(32, 14), 5, 37),
    ('d32_8f_224_rows_every_37', sized(32, 14), 8, 37),
    ('d32_20f_224_rows_every_37', sized(32, 14), 20, 37),
    ('d16_12f_20x20_rows_every_29', sized(16, 20, 320), 12, 29),
    ('d16_4f_10x10_rows_every_29', sized(16, 10, 160), 4, 29),
    ('d16_8f_28x28_rows_every_29', sized(16, 28, 448), 8, 29),
  ],
)
def test_the_position_table_is_the_recorded_one(name, config, frames, every):
  want = recorded('posembed_preproc.npz')[name]
  table = position_table(config, frames)
  assert table.shape == (frames * config.grid**2, config.width)
  np.testing.assert_allclose(table[::every], want, atol=2e-5)


def test_the_mean_of_the_full_table_is_the_recorded_one():
  want = recorded('posembed_preproc.npz')['full_12f_col_mean']
  got = position_table(sized(1024, 14), 12).mean(0, dtype=np.float64)
  np.testing.assert_allclose(got, want, atol=1e-5)


def test_other_image_sizes_stretch_a_14_x_14_table():
  outputs = recorded('outputs.npz')
  config = sized(40, 3, 84)
  np.testing.assert_allclose(
    position_table(config, 6), outputs['alt_vit_pos_embed'][0], atol=2e-5
  )
  np.testing.assert_allclose(
    position_table(config, 1), outputs['alt_vit_img_pos_embed'][0], atol=2e-5
  )


def test_one_frame_has_the_unstretched_table():
  config = sized(40, 8)
  image = position_table(config, 1)
  np.testing.assert_array_equal(image, position_table(config, 4)[:64])
  assert not np.array_equal(image, position_table(config, 2)[:64])


def test_784_positions_on_another_grid_are_refused():
  with pytest.raises(ValueError, match='784 positions .* another number'):
    position_table(sized(8, 7, 112), 16)
  with pytest.raises(ValueError, match='1 steps of 28x28'):
    config = dataclasses.replace(sized(8, 28, 448), tubelet_size=2)
    position_table(config, 2)
  position_table(sized(8, 14, 448), 4)  # its own grid: nothing to stretch
  position_table(sized(8, 7, 112), 15)


@pytest.fixture(scope='module')
def params():
  video = jnp.zeros((1, 2, 12, 12, 3))
  init = jax.jit(Umt(TINY, Compute()).init)
  return nn.meta.unbox(init(jax.random.key(0), video))['params']


def encode(params, video, config=TINY, **compute):
  encoder = Umt(config, Compute(**compute))
  return jax.jit(encoder.apply)({'params': params}, video)


def normal_video(frames, seed=0):
  shape = (2, frames, 12, 12, 3)
  return jax.random.normal(jax.random.key(seed), shape)


def test_features_come_by_frame_and_patch(params):
  out = encode(params, normal_video(3))
  assert out.features.shape == (2, 3, 9, 8)
  assert out.embedded.shape == (2, 27, 8)
  assert out.layers.shape == (2, 2, 27, 8)
  last = out.layers[-1].reshape(out.features.shape)
  np.testing.assert_array_equal(last, out.features)


def test_one_frame_takes_the_image_path(params):
  video = normal_video(1)
  out = encode(params, video)
  assert out.features.shape == (2, 1, 9, 8)
  black = encode(params, 0 * video).embedded
  want = position_table(TINY, 1) + params['patch_embed']['bias']
  np.testing.assert_allclose(black[0], want, atol=1e-6)


def test_samples_do_not_see_each_other(params):
  video = normal_video(2)
  both = encode(params, video).features
  one = encode(params, video[1:]).features
  np.testing.assert_allclose(both[1:], one, atol=1e-5)


def test_all_frames_see_each_other(params):
  video = normal_video(2)
  changed = video.at[:, 1].set(0)
  first = encode(params, video).features[:, 0]
  assert not np.allclose(first, encode(params, changed).features[:, 0])


def test_a_tubelet_spans_its_frames():
  config = dataclasses.replace(TINY, tubelet_size=2)
  encoder = Umt(config, Compute())
  out, variables = encoder.init_with_output(jax.random.key(0), normal_video(4))
  assert out.features.shape == (2, 2, 9, 8)
  kernel = variables['params']['patch_embed']['kernel'].value
  assert kernel.shape == (2 * 4 * 4 * 3, 8)


@pytest.mark.parametrize(
  'shape', [(1, 2, 12, 8, 3), (1, 2, 16, 16, 3), (1, 2, 12, 12, 1)]
)
def test_frames_of_another_size_are_refused(params, shape):
  with pytest.raises(ValueError, match='the encoder takes 12x12x3'):
    encode(params, jnp.zeros(shape))


@pytest.mark.parametrize('wrong', [{'n_heads': 3}, {'patch_size': 5}])
def test_sizes_that_do_not_divide_are_refused(wrong):
  with pytest.raises(ValueError, match='not divisible'):
    dataclasses.replace(TINY, **wrong)


def test_gradients_are_finite_with_and_without_remat(params):
  video = normal_video(2)

  def gradient(**compute):
    def loss(params):
      return (encode(params, video, **compute).features ** 2).sum()

    return jax.grad(loss)(params)

  plain, recomputed = gradient(), gradient(remat=True)
  for a, b in zip(*map(jax.tree.leaves, (plain, recomputed)), strict=True):
    assert np.isfinite(a).all() and np.any(a)
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
