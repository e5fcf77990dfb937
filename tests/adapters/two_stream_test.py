"""The adapter of two streams: the golden ones, its order, other shapes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from tests import golden_vision as golden
from tests.params_of_tensors import params_of
from vtg_jax.adapters.two_stream import (
  TwoStream,
  TwoStreamConfig,
  average_patches,
  merge_patches,
)
from vtg_jax.encoders.internvideo2 import InternVideo2
from vtg_jax.encoders.vit import Vit
from vtg_jax.nn.compute import Compute

MERGE = TwoStreamConfig(
  width=6,
  image_width=3,
  image_grid=6,
  image_side=2,
  image_reduction='merge',
  video_width=5,
  video_grid=4,
  video_side=2,
)
POOL = dataclasses.replace(MERGE, image_reduction='pool', image_side=4)
BOTH = pytest.mark.parametrize('config', [MERGE, POOL], ids=['merge', 'pool'])


def features(n_segments=2, n_frames=3, batch=2, seed=0):
  image, video = jax.random.split(jax.random.key(seed))
  return (
    jax.random.normal(image, (batch, n_segments, 36, 3)),
    jax.random.normal(video, (batch, n_segments, n_frames, 16, 5)),
  )


def init(config):
  module = TwoStream(config, Compute())
  return jax.jit(module.init)(jax.random.key(0), *features())['params']


def join(config, params, image, video):
  module = TwoStream(config, Compute())
  return jax.jit(module.apply)({'params': params}, image, video)


@pytest.fixture(scope='module')
def golden_features():
  """What both encoders make of the golden video."""
  keyframes, segments = golden.keyframes(), golden.segments()
  B, S = keyframes.shape[:2]
  image = params_of(
    golden.clip_table(), golden.file_tensors('vision_model.pth')
  )
  video = params_of(
    golden.video_table(), golden.file_tensors('internvideo2.pt')
  )

  @jax.jit
  def encode(image, video):
    seen = Vit(golden.CLIP, Compute()).apply(
      {'params': image['image_encoder']},
      jnp.asarray(keyframes.reshape(B * S, *keyframes.shape[2:])),
    )
    watched = InternVideo2(golden.INTERNVIDEO2, Compute()).apply(
      {'params': video['video_encoder']},
      jnp.asarray(segments.reshape(B * S, *segments.shape[2:])),
    )
    return seen.features, watched.features

  image, video = encode(image, video)
  return (
    image.reshape(B, S, *image.shape[1:]),
    video.reshape(B, S, *video.shape[1:]),
  )


@pytest.mark.parametrize('name', ['phi3', 'llama3'])
def test_the_golden_video_becomes_the_recorded_rows(golden_features, name):
  config = golden.TWO_STREAM[name]
  table, tensors = golden.adapter_table(name), golden.adapter_tensors(name)
  params = params_of(table, tensors)['two_stream']
  out = join(config, params, *golden_features)
  got = {f'{name}.visual_tokens': out.rows, 'video_pooled_b0': out.video[0]}
  if name == 'phi3':
    got['phi3.image_hd_newline_b0s0_first39'] = out.image[0, 0, :39]
    got['phi3.newline_projected'] = out.separator
  else:
    got['llama3.image_pooled_b0'] = out.image[0]
  for array, want in golden.recorded(*got).items():
    np.testing.assert_allclose(
      got[array], want, **golden.TOLERANCE, err_msg=array
    )


@pytest.mark.parametrize(
  ('reduction', 'side', 'rows'), [('merge', 12, 285), ('pool', 8, 193)]
)
def test_a_segment_has_as_many_rows_as_released(reduction, side, rows):
  config = TwoStreamConfig(
    width=3072,
    image_width=1024,
    image_grid=24,
    image_side=side,
    image_reduction=reduction,
    video_width=1408,
    video_grid=16,
    video_side=4,
  )
  assert config.n_segment_rows(8) == rows
  module = TwoStream(config, Compute())
  out, _ = jax.eval_shape(
    module.init_with_output,
    jax.random.key(0),
    jnp.zeros((1, 12, 576, 1024)),
    jnp.zeros((1, 12, 8, 256, 1408)),
  )
  assert out.rows.shape == (1, 12 * rows, 3072)


@BOTH
@pytest.mark.parametrize(('n_segments', 'n_frames'), [(1, 1), (3, 2)])
def test_segments_and_frames_may_be_any_number(config, n_segments, n_frames):
  params = nn.meta.unbox(init(config))
  out = join(config, params, *features(n_segments, n_frames))
  rows = config.n_segment_rows(n_frames)
  assert out.rows.shape == (2, n_segments * rows, 6)
  assert out.image.shape[2] == config.n_image_rows
  assert out.video.shape == (2, n_segments, n_frames * 4, 5)


@BOTH
def test_a_segment_is_image_then_video_then_separator(config):
  params = nn.meta.unbox(init(config))
  image, video = features()
  rows = config.n_segment_rows(3)
  before = join(config, params, image, video)
  first, second = np.split(np.asarray(before.rows), 2, axis=1)
  for segment in (first, second):
    np.testing.assert_allclose(
      segment[:, -1], before.separator[None].repeat(2, 0), atol=1e-6
    )
  after = join(config, params, image.at[:, 1].set(0), video).rows
  changed = np.any(np.abs(after - before.rows) > 1e-5, axis=(0, 2))
  newlines = np.zeros(config.n_image_rows, bool)
  if config.merges:
    newlines.reshape(config.image_side, -1)[:, -1] = True
  want = np.zeros(2 * rows, bool)
  want[rows : rows + config.n_image_rows] = ~newlines
  np.testing.assert_array_equal(changed, want)
  after = join(config, params, image, video.at[:, 0, 2].set(0)).rows
  changed = np.any(np.abs(after - before.rows) > 1e-5, axis=(0, 2))
  np.testing.assert_array_equal(
    np.flatnonzero(changed), config.n_image_rows + np.arange(8, 12)
  )


def test_samples_and_segments_stand_alone():
  params = nn.meta.unbox(init(MERGE))
  image, video = features()
  both = join(MERGE, params, image, video).rows
  alone = join(MERGE, params, image[1:, 1:], video[1:, 1:]).rows
  np.testing.assert_allclose(
    both[1:, MERGE.n_segment_rows(3) :], alone, atol=1e-5
  )


def test_each_merged_line_ends_with_the_newline():
  params = nn.meta.unbox(init(MERGE))
  image, video = features()
  out = join(MERGE, params, image, video).image.reshape(2, 2, 2, 3, 27)
  want = jnp.broadcast_to(params['newline'], (2, 2, 2, 27))
  np.testing.assert_array_equal(out[:, :, :, 2], want)
  merged = merge_patches(image.reshape(2, 2, 6, 6, 3), 2)
  np.testing.assert_array_equal(out[:, :, :, :2], merged)


def test_only_merging_projects_its_separator():
  merge, pool = (nn.meta.unbox(init(config)) for config in (MERGE, POOL))
  assert merge['separator'].shape == merge['newline'].shape == (27,)
  assert pool['separator'].shape == (6,) and 'newline' not in pool
  out = join(POOL, pool, *features())
  np.testing.assert_array_equal(out.separator, pool['separator'])
  assert join(MERGE, merge, *features()).separator.shape == (6,)


def test_merged_channels_are_the_squares_patches_row_by_row():
  x = jnp.arange(4 * 6 * 2).reshape(4, 6, 2).astype(float)
  out = merge_patches(x[:, :4], 2)
  want = [x[2, 0], x[2, 1], x[3, 0], x[3, 1]]
  np.testing.assert_array_equal(out[1, 0], jnp.concatenate(want))


@pytest.mark.torch
@pytest.mark.parametrize(
  ('grid', 'side'), [(24, 8), (16, 4), (7, 3), (5, 4), (3, 3), (6, 1)]
)
def test_averages_are_those_of_torch(grid, side):
  import torch

  x = np.random.default_rng(0).normal(size=(2, grid, grid, 3))
  x = x.astype(np.float32)
  want = torch.nn.functional.adaptive_avg_pool2d(
    torch.from_numpy(x.transpose(0, 3, 1, 2)), side
  )
  got = average_patches(jnp.asarray(x), side)
  np.testing.assert_allclose(got, want.numpy().transpose(0, 2, 3, 1), atol=1e-6)


def test_averages_of_16_bit_features_are_taken_in_float32():
  x = jax.random.normal(jax.random.key(0), (6, 6, 3)) + 100
  x = x.astype(jnp.bfloat16)
  got = average_patches(x, 2)
  want = average_patches(x.astype(jnp.float32), 2)
  assert got.dtype == jnp.bfloat16
  np.testing.assert_array_equal(got, want.astype(jnp.bfloat16))


@BOTH
def test_16_bit_activations_stay_16_bit(config):
  module = TwoStream(config, Compute(dtype='bfloat16'))
  out, _ = jax.eval_shape(
    module.init_with_output, jax.random.key(0), *features()
  )
  assert {leaf.dtype for leaf in out} == {jnp.dtype('bfloat16')}


@BOTH
def test_every_parameter_names_its_axes(config):
  for path, leaf in jax.tree_util.tree_leaves_with_path(
    init(config), is_leaf=lambda x: isinstance(x, nn.Partitioned)
  ):
    assert isinstance(leaf, nn.Partitioned), path
    assert len(leaf.names) == leaf.value.ndim, path


@BOTH
def test_gradients_are_finite_and_reach_every_parameter(config):
  params = nn.meta.unbox(init(config))
  gradients = jax.grad(
    lambda p: (join(config, p, *features()).rows ** 2).sum()
  )(params)
  for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
    assert np.isfinite(leaf).all() and np.any(leaf), path


@pytest.mark.parametrize(
  ('wrong', 'told'),
  [
    ({'image_reduction': 'mean'}, 'mean'),
    ({'image_side': 4}, 'cannot be merged'),
    ({'video_side': 5}, 'cannot be reduced to 5'),
    ({'video_side': 0}, 'cannot be reduced to 0'),
  ],
)
def test_reductions_that_cannot_be_are_refused(wrong, told):
  with pytest.raises(ValueError, match=told):
    dataclasses.replace(MERGE, **wrong)


@pytest.mark.parametrize('which', [0, 1])
def test_features_of_another_grid_are_refused(which):
  params = nn.meta.unbox(init(MERGE))
  given = list(features())
  given[which] = given[which][..., :9, :]
  with pytest.raises(ValueError, match='has 9 patches'):
    join(MERGE, params, *given)
