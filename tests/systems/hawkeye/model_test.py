"""HawkEye's stages joined: pixels, training rows, fresh parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from input_pipeline.pixels import CLIP_MEAN, CLIP_STD
from tests.systems.hawkeye import tiny
from vtg_jax.convert.param_tree import flatten
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.hawkeye.model import HawkEye, init_params, param_shapes

MODEL = HawkEye(tiny.config(), Compute())
N_VIDEO = 5
IDS = jnp.array([[2, 5, 6, 3], [2, 7, 3, 0]])
MASK = IDS > 0


def apply(method, *args, **options):
  run = jax.jit(
    lambda p, *a: MODEL.apply({'params': p}, *a, method=method, **options)
  )
  return run(tiny.params(), *args)


@pytest.fixture(scope='module')
def frames():
  shape = (2, 3, 32, 32, 3)
  return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope='module')
def tokens(frames):
  return apply('see', frames, IDS, MASK)


def test_raw_frames_are_normalised_with_clips_statistics(frames, tokens):
  pixels = ((frames / 255 - CLIP_MEAN) / CLIP_STD).astype(np.float32)
  features, _ = apply('encode_video', pixels)
  assert features.shape == (2, 3 * 4, 16)
  got, _ = apply('video_tokens', features, IDS, MASK)
  assert got.shape == (2, N_VIDEO, 32)
  np.testing.assert_allclose(got, tokens, atol=1e-4)


def test_features_are_normalised_between_encoder_and_qformer(frames):
  norm = tiny.params()['vision_norm']
  features, _ = apply('encode_video', frames.astype(np.float32))
  plain = (features - norm['bias']) / norm['scale']
  np.testing.assert_allclose(plain.mean(-1), 0, atol=1e-3)
  np.testing.assert_allclose(plain.std(-1), 1, atol=1e-3)


def test_a_training_row_begins_with_ones_and_holds_the_video(tokens):
  ids = jnp.arange(1, 21).reshape(2, 10)
  rows = apply('training_inputs', ids, tokens, jnp.array([2, 4]))
  words = apply('embed_tokens', ids)
  assert (rows[:, 0] == 1).all()
  np.testing.assert_array_equal(rows[0, 2:7], tokens[0])
  np.testing.assert_array_equal(rows[1, 4:9], tokens[1])
  np.testing.assert_array_equal(rows[0, 7:], words[0, 7:])
  np.testing.assert_array_equal(rows[1, 1:4], words[1, 1:4])


def test_a_training_row_can_begin_as_inference_does(tokens):
  ids = jnp.arange(1, 21).reshape(2, 10)
  starts = jnp.array([2, 4])
  rows = apply('training_inputs', ids, tokens, starts, first_slot='bos')
  words = apply('embed_tokens', ids)
  np.testing.assert_array_equal(rows[:, 0], words[:, 0])
  paper = apply('training_inputs', ids, tokens, starts)
  np.testing.assert_array_equal(rows[:, 1:], paper[:, 1:])


def test_padding_of_a_training_row_changes_nothing():
  embeds = jax.random.normal(jax.random.key(0), (2, 8, 32))
  mask = jnp.arange(8) < jnp.array([[8], [5]])
  both = apply('score_rows', embeds, mask)
  assert both.shape == (2, 8, 410) and both.dtype == jnp.float32
  alone = apply('score_rows', embeds[1:, :5], mask[1:, :5])
  np.testing.assert_allclose(both[1:, :5], alone, atol=1e-4)


def test_training_reaches_every_parameter_with_finite_gradients(frames):
  ids = jnp.arange(1, 21).reshape(2, 10)
  inputs = jnp.asarray(frames / 255), IDS, MASK, ids
  on = jnp.ones((2, 10), bool)

  def loss(params):
    logits = MODEL.apply({'params': params}, *inputs, on, jnp.array([2, 4]))
    return jax.nn.logsumexp(logits[..., :200], -1).sum()

  gradients = flatten(jax.jit(jax.grad(loss))(tiny.params()))
  last = f'qformer/layer_{tiny.config().qformer.n_layers - 1}/text_ffn'
  for path, leaf in gradients.items():
    assert np.isfinite(leaf).all(), path
    # Text rows of the last layer are not read.
    assert np.any(leaf) or path.startswith(last), path


def test_parameters_are_one_plain_dict_of_float32_arrays():
  shapes = flatten(param_shapes(tiny.config()))
  assert all(isinstance(x, jax.ShapeDtypeStruct) for x in shapes.values())
  assert {x.dtype for x in shapes.values()} == {jnp.dtype('float32')}
  made = jax.eval_shape(
    lambda rng: init_params(
      tiny.config(), rng, Compute(param_dtype='bfloat16')
    ),
    jax.random.key(0),
  )
  assert {x.dtype for x in flatten(made).values()} >= {jnp.dtype('bfloat16')}


def test_every_kernel_axis_has_a_logical_name(frames):
  boxed = jax.eval_shape(
    MODEL.init,
    jax.random.key(0),
    jnp.zeros((1, 1, 32, 32, 3)),
    IDS[:1],
    MASK[:1],
    jnp.zeros((1, 7), jnp.int32),
    jnp.ones((1, 7), bool),
    jnp.ones((1,), jnp.int32),
  )['params']
  for path, box in jax.tree_util.tree_leaves_with_path(
    boxed, is_leaf=lambda x: isinstance(x, nn.Partitioned)
  ):
    name = jax.tree_util.keystr(path)
    if isinstance(box, nn.Partitioned):
      assert len(box.names) == box.value.ndim, name
    else:
      raise AssertionError(f'{name} has no logical axes')
