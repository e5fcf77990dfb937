"""CLIP's two encoders compute what transformers' compute."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from tests.params_of_tensors import params_of
from vtg_jax.convert.clip import clip_table
from vtg_jax.encoders.dual import (
  DualEncoder,
  DualEncoderConfig,
  clip_l14,
  init_params,
  param_shapes,
  small,
)
from vtg_jax.nn.compute import Compute

WHOLE = clip_l14()
TINY = DualEncoderConfig(
  image=dataclasses.replace(
    WHOLE.image,
    block=dataclasses.replace(
      WHOLE.image.block, width=16, n_heads=2, mlp_hidden=24
    ),
    n_layers=2,
    image_size=12,
    patch_size=4,
  ),
  text=dataclasses.replace(
    WHOLE.text,
    block=dataclasses.replace(
      WHOLE.text.block, width=12, n_heads=3, mlp_hidden=20
    ),
    n_layers=2,
    vocab_size=30,
    max_tokens=9,
  ),
  features=10,
  colour_mean=WHOLE.colour_mean,
  colour_std=WHOLE.colour_std,
)
MODEL = DualEncoder(TINY, Compute())
# Start 28, end 29; what follows the end token is padding.
IDS = np.array([[28, 3, 4, 5, 29, 29, 29], [28, 7, 8, 9, 1, 2, 29]], np.int32)
MASK = np.array([[1, 1, 1, 1, 1, 0, 0], [1] * 7], bool)


@pytest.fixture(scope='module')
def params():
  return init_params(TINY, jax.random.key(0), Compute())


def pixels(n, seed=0):
  shape = (n, 12, 12, 3)
  return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@functools.cache
def program(method):
  """One program for all tests; each shape is compiled once."""
  return jax.jit(functools.partial(MODEL.apply, method=method))


def apply(params, *inputs, method=None):
  return program(method)({'params': params}, *inputs)


@pytest.mark.torch
def test_both_encoders_are_those_of_transformers():
  import torch
  from transformers import CLIPConfig, CLIPModel

  torch.manual_seed(0)
  text, image = TINY.text, TINY.image
  model = CLIPModel(
    CLIPConfig(
      projection_dim=TINY.features,
      text_config={
        'hidden_size': text.block.width,
        'intermediate_size': text.block.mlp_hidden,
        'num_attention_heads': text.block.n_heads,
        'num_hidden_layers': text.n_layers,
        'vocab_size': text.vocab_size,
        'max_position_embeddings': text.max_tokens,
        'bos_token_id': 28,
        'eos_token_id': 29,
      },
      vision_config={
        'hidden_size': image.block.width,
        'intermediate_size': image.block.mlp_hidden,
        'num_attention_heads': image.block.n_heads,
        'num_hidden_layers': image.n_layers,
        'image_size': image.image_size,
        'patch_size': image.patch_size,
      },
    )
  ).eval()
  for tensor in model.parameters():  # biases and norms as trained ones are
    torch.nn.init.normal_(tensor, std=0.3)
  frames = pixels(3)
  normal = (frames / 255 - TINY.colour_mean) / TINY.colour_std
  asked = {
    'input_ids': torch.tensor(IDS).long(),
    'attention_mask': torch.tensor(MASK).long(),
  }
  shown = torch.tensor(normal).float().permute(0, 3, 1, 2)
  with torch.no_grad():
    read = model.text_model(**asked)
    words = model.text_projection(read.pooler_output)
    seen = model.vision_model(pixel_values=shown)
    vision = model.visual_projection(seen.pooler_output)
    want = model(**asked, pixel_values=shown).logits_per_image
  table = clip_table(patch_size=image.patch_size, n_image_layers=image.n_layers)
  params = params_of(
    table, {key: tensor.numpy() for key, tensor in model.state_dict().items()}
  )
  close = {'rtol': 1e-4, 'atol': 1e-4}
  got = apply(params, frames, method='encode_frames')
  np.testing.assert_allclose(got, vision.numpy(), **close)
  text_features = apply(params, IDS, MASK, method='encode_text')
  np.testing.assert_allclose(text_features.cls_features, words.numpy(), **close)
  states = read.last_hidden_state.numpy()
  for row, length in enumerate(MASK.sum(1)):
    mask = text_features.token_mask[row]
    assert mask.sum() == length - 2
    np.testing.assert_allclose(
      text_features.token_features[row][mask],
      states[row, 1 : length - 1],
      **close,
    )
  scores = apply(params, frames, IDS, MASK)
  np.testing.assert_allclose(scores, want.numpy(), **close)


def test_features_have_their_shapes(params):
  assert apply(params, pixels(3), method='encode_frames').shape == (3, 10)
  out = apply(params, IDS, MASK, method='encode_text')
  assert out.token_features.shape == (2, 5, 12)
  assert out.cls_features.shape == (2, 10)
  assert apply(params, pixels(2), IDS, MASK).shape == (2, 2)


def test_padding_changes_nothing_and_is_zero(params):
  out = apply(params, IDS, MASK, method='encode_text')
  other = np.where(MASK, IDS, 0)
  same = apply(params, other, MASK, method='encode_text')
  for one, two in zip(out, same, strict=True):
    np.testing.assert_array_equal(one, two)
  assert not np.any(out.token_features[0, 3:])
  np.testing.assert_array_equal(out.token_mask[0], [1, 1, 1, 0, 0])


def test_words_do_not_see_what_comes_after_them(params):
  changed = IDS.copy()
  changed[:, 3] = 11
  before = apply(params, IDS, MASK, method='encode_text')
  after = apply(params, changed, MASK, method='encode_text')
  np.testing.assert_allclose(
    before.token_features[:, :2], after.token_features[:, :2], atol=1e-6
  )
  assert not np.allclose(before.cls_features, after.cls_features, atol=1e-4)


def test_scores_are_scaled_cosines(params):
  scores = apply(params, pixels(2), IDS, MASK)
  assert np.abs(scores).max() <= np.exp(params['logit_scale']) * (1 + 1e-6)
  longer = jax.tree.map(lambda x: x, params)
  kernel = longer['image_projection']['kernel']
  longer['image_projection']['kernel'] = 5 * kernel
  np.testing.assert_allclose(
    scores, apply(longer, pixels(2), IDS, MASK), rtol=1e-4, atol=1e-4
  )


def test_gradients_are_finite_and_reach_every_parameter(params):
  shown = tuple(map(jnp.asarray, (pixels(2), IDS, MASK)))

  def loss(params):
    scores = MODEL.apply({'params': params}, *shown)
    return -jax.nn.log_softmax(scores)[jnp.arange(2), jnp.arange(2)].sum()

  for path, leaf in jax.tree_util.tree_leaves_with_path(
    jax.jit(jax.grad(loss))(params)
  ):
    assert np.isfinite(leaf).all(), path
    # A bias of keys moves all scores of a row alike.
    assert np.any(leaf) or 'k_proj' in str(path), path


def test_16_bit_activations_stay_16_bit(params):
  model = DualEncoder(TINY, Compute(dtype='bfloat16'))
  encode = functools.partial(model.apply, method='encode_text')
  out = jax.eval_shape(encode, {'params': params}, IDS, MASK)
  assert out.cls_features.dtype == out.token_features.dtype == jnp.bfloat16


def test_texts_beyond_the_last_position_are_refused(params):
  ids = np.ones((1, 10), np.int32)
  with pytest.raises(ValueError, match='have 10 tokens, the encoder reads 9'):
    apply(params, ids, ids > 0, method='encode_text')


def test_colours_must_be_those_of_frames():
  with pytest.raises(ValueError, match='colour_std has 1 colours'):
    dataclasses.replace(TINY, colour_std=(1.0,))


def test_the_presets_have_their_sizes():
  def n_values(config):
    return sum(leaf.size for leaf in jax.tree.leaves(param_shapes(config)))

  # Known size of CLIP ViT-L/14.
  assert n_values(clip_l14()) == 427_616_513
  assert n_values(small(vocab_size=512)) < 10**6


def test_every_parameter_names_its_axes():
  boxed = jax.eval_shape(MODEL.init, jax.random.key(0), pixels(1), IDS, MASK)
  for path, leaf in jax.tree_util.tree_leaves_with_path(
    boxed, is_leaf=lambda x: isinstance(x, nn.Partitioned)
  ):
    assert isinstance(leaf, nn.Partitioned), path
    assert len(leaf.names) == leaf.value.ndim, path
