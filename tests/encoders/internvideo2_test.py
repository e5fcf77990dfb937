"""The video encoder: the golden one, its positions, other shapes, chance."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from tests import golden_vision as golden
from tests.params_of_tensors import params_of
from vtg_jax.encoders.block import BlockConfig, EncoderBlock
from vtg_jax.encoders.internvideo2 import (
  InternVideo2,
  InternVideo2Config,
  first_table,
  internvideo2_1b,
  stretch_in_time,
)
from vtg_jax.nn.compute import Compute

TINY = InternVideo2Config(
  block=BlockConfig(
    width=16,
    n_heads=2,
    mlp_hidden=12,
    norm='rms',
    norm_eps=1e-6,
    activation='gelu',
    fused_qkv=True,
    qkv_biases='',
    qk_norm=True,
    layer_scale=0.5,
  ),
  n_layers=2,
  image_size=12,
  patch_size=4,
  tubelet_size=1,
  channels=3,
  table_steps=4,
  drop_path=0.0,
)


def init(config, n_frames=None):
  size = config.image_size
  shape = (1, n_frames or config.table_steps, size, size, config.channels)
  return jax.jit(InternVideo2(config, Compute()).init)(
    jax.random.key(0), jnp.zeros(shape)
  )['params']


@pytest.fixture(scope='module')
def params():
  return nn.meta.unbox(init(TINY))


def encode(params, video, config=TINY, **compute):
  encoder = InternVideo2(config, Compute(**compute))
  return jax.jit(encoder.apply)({'params': params}, video)


def normal_video(n_frames, seed=0, n_clips=2):
  shape = (n_clips, n_frames, 12, 12, 3)
  return jax.random.normal(jax.random.key(seed), shape)


def close(got, name):
  want = golden.recorded(name)[name]
  np.testing.assert_allclose(got, want, **golden.TOLERANCE, err_msg=name)


def golden_params(n_layers):
  return params_of(
    golden.video_table(n_layers), golden.file_tensors('internvideo2.pt')
  )['video_encoder']


def test_the_golden_encoder_sees_what_the_reference_saw():
  config = golden.INTERNVIDEO2
  segments = golden.segments()
  clips = segments.reshape(-1, *segments.shape[2:])
  out = encode(golden_params(config.n_layers), clips, config)
  close(out.layers[-1, 0], 'internvideo2.x_vis_minus2_b0s0')
  close(out.class_token, 'internvideo2.x_vis_minus2_cls')


def test_all_blocks_of_the_golden_file_can_be_run():
  n_layers = golden.INTERNVIDEO2.n_layers + 1
  config = dataclasses.replace(golden.INTERNVIDEO2, n_layers=n_layers)
  out = encode(golden_params(n_layers), golden.segments()[0, :1], config)
  close(out.layers[-1].mean(1), 'internvideo2.x_vis_last_mean')


def test_the_first_table_is_the_recorded_one():
  config = golden.INTERNVIDEO2
  table = first_table(
    n_steps=golden.N_FRAMES, grid=config.grid, width=config.block.width
  )
  assert table.shape == (1 + golden.N_FRAMES * config.grid**2, 48)
  close(table[:160], 'internvideo2.sincos_init_first160')


def test_stored_tables_are_stretched_as_recorded():
  tensors = golden.file_tensors('internvideo2.pt')

  def stretched(key):
    return stretch_in_time(
      tensors[key][0],
      table_steps=golden.INTERNVIDEO2.table_steps,
      n_steps=golden.N_FRAMES,
    )

  close(stretched('pos_embed')[None], 'internvideo2.pos_embed_interp')
  close(
    stretched('clip_pos_embed').mean(0, keepdims=True),
    'internvideo2.clip_pos_embed_interp_mean',
  )


@pytest.mark.parametrize('n_steps', [1, 3, 4, 8, 9])
def test_stretching_is_the_same_in_jax(n_steps):
  table = np.random.default_rng(0).normal(size=(13, 5)).astype(np.float32)
  want = stretch_in_time(table, table_steps=4, n_steps=n_steps)
  got = stretch_in_time(jnp.asarray(table), table_steps=4, n_steps=n_steps)
  assert want.shape == (1 + 3 * n_steps, 5) and isinstance(got, jax.Array)
  np.testing.assert_allclose(got, want, atol=1e-6)
  np.testing.assert_array_equal(want[0], table[0])


def test_the_first_table_tells_time_then_column_then_row():
  table = first_table(n_steps=3, grid=4, width=32)[1:].reshape(3, 4, 4, 32)
  assert not np.ptp(table[..., :8], axis=(1, 2)).any()  # time
  assert not np.ptp(table[..., 8:20], axis=(0, 1)).any()  # column
  assert not np.ptp(table[..., 20:], axis=(0, 2)).any()  # row
  np.testing.assert_allclose(table[2, 0, 3, 8], np.sin(3), atol=1e-6)
  np.testing.assert_allclose(table[2, 0, 3, 4], np.cos(2), atol=1e-6)


@pytest.mark.parametrize('n_frames', [1, 3, 8])
def test_the_parameters_do_not_depend_on_the_number_of_frames(n_frames):
  shapes = jax.tree.map(jnp.shape, nn.meta.unbox(init(TINY, n_frames)))
  assert shapes['positions'] == (1 + 4 * 9, 16)
  want = jax.eval_shape(lambda: nn.meta.unbox(init(TINY)))
  assert shapes == jax.tree.map(jnp.shape, want)


@pytest.mark.parametrize('n_frames', [1, 4, 5])
def test_frames_and_patches_follow_the_class_token(params, n_frames):
  out = encode(params, normal_video(n_frames))
  assert out.features.shape == (2, n_frames, 9, 16)
  assert out.class_token.shape == (2, 16)
  assert out.layers.shape == (2, 2, 1 + 9 * n_frames, 16)
  last = out.layers[-1][:, 1:].reshape(out.features.shape)
  np.testing.assert_array_equal(last, out.features)


def test_black_frames_show_the_stretched_positions(params):
  black = encode(params, jnp.zeros((1, 6, 12, 12, 3))).embedded[0]
  want = stretch_in_time(
    np.asarray(params['positions']), table_steps=4, n_steps=6
  )
  want[0] += params['class_token']
  want[1:] += params['patch_embed']['bias']
  np.testing.assert_allclose(black, want, atol=1e-6)


def test_clips_do_not_see_each_other_and_frames_do(params):
  video = normal_video(2)
  both = encode(params, video).features
  one = encode(params, video[1:]).features
  np.testing.assert_allclose(both[1:], one, atol=1e-5)
  changed = encode(params, video.at[:, 1].set(0)).features
  assert not np.allclose(both[:, 0], changed[:, 0], atol=1e-5)


def test_a_tubelet_spans_its_frames():
  config = dataclasses.replace(TINY, tubelet_size=2)
  encoder = InternVideo2(config, Compute())
  out, _ = encoder.init_with_output(jax.random.key(0), normal_video(6))
  assert out.features.shape == (2, 3, 9, 16)


def test_queries_and_keys_are_normalised_over_all_heads(params):
  """So scaling all queries and keys changes nothing, scaling a head's does."""
  layers = params['layers']
  kernel = layers['qkv']['kernel']
  scaled = params | {
    'layers': layers | {'qkv': {'kernel': kernel.at[:, :, :32].multiply(7.0)}}
  }
  video = normal_video(2)
  want = encode(params, video).features
  np.testing.assert_allclose(encode(scaled, video).features, want, atol=1e-4)
  first_head = params | {
    'layers': layers | {'qkv': {'kernel': kernel.at[:, :, :8].multiply(7.0)}}
  }
  assert not np.allclose(encode(first_head, video).features, want, atol=1e-3)


def test_no_factor_on_the_branches_is_no_branch(params):
  layers = params['layers']
  muted = layers | {'ls1': 0 * layers['ls1'], 'ls2': 0 * layers['ls2']}
  out = encode(params | {'layers': muted}, normal_video(2))
  np.testing.assert_array_equal(out.layers[-1], out.embedded)


@pytest.mark.parametrize('remat', [False, True])
def test_stochastic_depth_drops_branches_of_whole_clips(params, remat):
  config = dataclasses.replace(TINY, n_layers=2, drop_path=0.9)
  encoder = InternVideo2(config, Compute(remat=remat))
  video = normal_video(1, n_clips=1).repeat(64, 0)

  @jax.jit
  def train(seed):
    return encoder.apply(
      {'params': params},
      video,
      deterministic=False,
      rngs={'dropout': jax.random.key(seed)},
    ).layers

  first, last = train(0)
  # The first block's rate is 0, the second's half of 0.9.
  np.testing.assert_allclose(first, first[:1].repeat(64, 0), atol=1e-5)
  kinds = np.unique(np.round(last.sum((1, 2)), 2))
  assert len(kinds) == 4  # both branches, either, none
  skipped = np.isclose(last, first, atol=1e-6).all((1, 2)).mean()
  assert 0.05 < skipped < 0.4  # 0.45 ** 2
  assert not np.array_equal(train(0)[1], train(1)[1])


def test_stochastic_depth_keeps_the_mean_of_a_branch(params):
  config = dataclasses.replace(TINY, n_layers=2, drop_path=0.8)
  video = normal_video(1, n_clips=1).repeat(4000, 0)
  first, last = jax.jit(
    lambda: (
      InternVideo2(config, Compute())
      .apply(
        {'params': params},
        video,
        deterministic=False,
        rngs={'dropout': jax.random.key(0)},
      )
      .layers
    )
  )()
  layer = jax.tree.map(lambda leaf: leaf[1], params['layers'])
  muted = layer | {'ls2': 0 * layer['ls2']}
  attended, _ = EncoderBlock(TINY.block, Compute()).apply(
    {'params': muted}, first[:1]
  )
  added = (last - first).reshape(4000, -1)
  drawn = np.isclose(last, first, atol=1e-6).all((1, 2)).mean()
  assert abs(drawn - 0.16) < 0.03
  # A sample that keeps its attention adds it divided by 0.6.
  want = np.ravel((attended - first[:1]) / 0.6)
  assert np.isclose(added, want, atol=1e-4).all(1).mean() > 0.15


def test_nothing_is_dropped_unless_asked(params):
  video = normal_video(2)
  config = dataclasses.replace(TINY, drop_path=0.5)
  want = encode(params, video).features
  np.testing.assert_array_equal(encode(params, video, config).features, want)
  trained = InternVideo2(TINY, Compute()).apply(
    {'params': params}, video, deterministic=False
  )
  np.testing.assert_allclose(trained.features, want, atol=1e-5)


@pytest.mark.parametrize('deterministic', [False, True])
def test_16_bit_activations_stay_16_bit(params, deterministic):
  config = dataclasses.replace(TINY, drop_path=0.5)
  out = jax.eval_shape(
    lambda: InternVideo2(config, Compute(dtype='bfloat16')).apply(
      {'params': params},
      normal_video(3),
      deterministic=deterministic,
      rngs={'dropout': jax.random.key(0)},
    )
  )
  assert {leaf.dtype for leaf in out} == {jnp.dtype('bfloat16')}


def test_every_parameter_names_its_axes():
  for path, leaf in jax.tree_util.tree_leaves_with_path(
    init(TINY), is_leaf=lambda x: isinstance(x, nn.Partitioned)
  ):
    assert isinstance(leaf, nn.Partitioned), path
    assert len(leaf.names) == leaf.value.ndim, path
    assert (leaf.names[0] == 'layers') == ('layers' in str(path)), path


@pytest.mark.parametrize(
  'shape', [(1, 2, 12, 8, 3), (1, 2, 16, 16, 3), (1, 2, 12, 12, 1)]
)
def test_frames_of_another_size_are_refused(params, shape):
  with pytest.raises(ValueError, match='the encoder takes 12x12x3'):
    encode(params, jnp.zeros(shape))


@pytest.mark.parametrize(
  ('wrong', 'told'),
  [
    ({'patch_size': 5}, 'not divisible'),
    ({'drop_path': 1.0}, 'drop_path'),
    ({'block': dataclasses.replace(TINY.block, width=24)}, 'by 16'),
  ],
)
def test_sizes_that_cannot_be_are_refused(wrong, told):
  with pytest.raises(ValueError, match=told):
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


def test_the_released_encoder_has_the_released_sizes():
  shapes = jax.eval_shape(lambda: nn.meta.unbox(init(internvideo2_1b())))
  assert shapes['positions'].shape == (1025, 1408)
  assert shapes['patch_embed']['kernel'].shape == (588, 1408)
  layers = shapes['layers']
  assert layers['qkv']['kernel'].shape == (39, 1408, 4224)
  assert set(layers['qkv']) == {'kernel'}
  assert layers['fc1']['kernel'].shape == (39, 1408, 6144)
  assert layers['q_norm']['scale'].shape == (39, 1408)
  assert layers['ls2'].shape == (39, 1408)
