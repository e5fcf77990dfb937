"""The image encoder: the golden CLIP, torch's CLIP, other shapes, refusals."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from tests import golden_vision as golden
from tests.params_of_tensors import params_of
from vtg_jax.convert.clip_vit import clip_vit_table
from vtg_jax.convert.eva_vit import eva_vit_table
from vtg_jax.encoders.block import BlockConfig
from vtg_jax.encoders.vit import Vit, VitConfig, clip_vit_l14, eva_vit_g14
from vtg_jax.nn.compute import Compute

TINY = VitConfig(
  block=BlockConfig(
    width=8,
    n_heads=2,
    mlp_hidden=12,
    norm='layer',
    norm_eps=1e-5,
    activation='quick_gelu',
    fused_qkv=False,
    qkv_biases='qkv',
    qk_norm=False,
    layer_scale=None,
  ),
  n_layers=2,
  image_size=12,
  patch_size=4,
  channels=3,
  patch_bias=False,
  first_norm=True,
)


def init(config):
  shape = (1, config.image_size, config.image_size, config.channels)
  return jax.jit(Vit(config, Compute()).init)(
    jax.random.key(0), jnp.zeros(shape)
  )['params']


@pytest.fixture(scope='module')
def params():
  return nn.meta.unbox(init(TINY))


def encode(params, images, config=TINY, **compute):
  encoder = Vit(config, Compute(**compute))
  return jax.jit(encoder.apply)({'params': params}, images)


def normal_images(n, seed=0):
  return jax.random.normal(jax.random.key(seed), (n, 12, 12, 3))


def test_the_golden_clip_sees_what_the_reference_saw():
  table = golden.clip_table()
  tensors = golden.file_tensors('vision_model.pth')
  params = params_of(table, tensors)['image_encoder']
  keyframes = golden.keyframes()
  images = keyframes.reshape(-1, *keyframes.shape[2:])
  out = encode(params, images, golden.CLIP)
  got = {
    'clip.features_penultimate_b0s0': out.features[0],
    'clip.cls_penultimate': out.class_token,
    'clip.after_pre_layrnorm_b0s0_first32': out.embedded[0, :32],
    'clip.hidden_layer1_b0s0_first32': out.layers[0, 0, :32],
  }
  for name, want in golden.recorded(*got).items():
    np.testing.assert_allclose(
      got[name], want, **golden.TOLERANCE, err_msg=name
    )


@pytest.mark.torch
@pytest.mark.parametrize(
  ('grid', 'patch', 'n_layers', 'heads'), [(3, 2, 4, 4), (5, 4, 2, 1)]
)
def test_every_hidden_state_is_that_of_transformers(
  grid, patch, n_layers, heads
):
  import torch
  from transformers import CLIPVisionConfig, CLIPVisionModel

  torch.manual_seed(0)
  config = CLIPVisionConfig(
    hidden_size=16,
    intermediate_size=40,
    num_hidden_layers=n_layers,
    num_attention_heads=heads,
    image_size=grid * patch,
    patch_size=patch,
  )
  model = CLIPVisionModel(config).eval()
  for tensor in model.parameters():  # biases and norms as trained ones are
    torch.nn.init.normal_(tensor, std=0.3)
  pixels = torch.randn(2, 3, grid * patch, grid * patch)
  with torch.no_grad():
    want = model(pixels, output_hidden_states=True).hidden_states
  tensors = {
    key.removeprefix('vision_model.'): tensor.numpy()
    for key, tensor in model.state_dict().items()
  }
  table = clip_vit_table(patch_size=patch, n_layers=n_layers)
  ours = VitConfig(
    block=dataclasses.replace(
      TINY.block, width=16, n_heads=heads, mlp_hidden=40
    ),
    n_layers=n_layers,
    image_size=grid * patch,
    patch_size=patch,
    channels=3,
    patch_bias=False,
    first_norm=True,
  )
  out = encode(
    params_of(table, tensors)['image_encoder'],
    pixels.numpy().transpose(0, 2, 3, 1),
    ours,
  )
  states = [out.embedded, *out.layers]
  for got, wanted in zip(states, want, strict=True):
    np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-4, atol=1e-4)


def test_patches_follow_the_class_token(params):
  out = encode(params, normal_images(3))
  assert out.features.shape == (3, 9, 8)
  assert out.embedded.shape == (3, 10, 8)
  assert out.layers.shape == (2, 3, 10, 8)
  np.testing.assert_array_equal(out.layers[-1][:, 1:], out.features)
  np.testing.assert_array_equal(out.layers[-1][:, 0], out.class_token)


def test_images_do_not_see_each_other(params):
  images = normal_images(2)
  both = encode(params, images).features
  one = encode(params, images[1:]).features
  np.testing.assert_allclose(both[1:], one, atol=1e-5)


def test_the_class_token_sees_every_patch(params):
  images = normal_images(1)
  changed = images.at[:, 8:, 8:].set(0)
  before, after = encode(params, images), encode(params, changed)
  np.testing.assert_array_equal(before.embedded[:, :9], after.embedded[:, :9])
  assert not np.allclose(before.class_token, after.class_token, atol=1e-5)


def test_parts_that_a_configuration_leaves_out_have_no_parameters():
  bare = init(
    dataclasses.replace(
      TINY,
      block=dataclasses.replace(TINY.block, fused_qkv=True, qkv_biases='qv'),
      patch_bias=True,
      first_norm=False,
    )
  )
  full = init(TINY)
  assert 'first_norm' in full and 'first_norm' not in bare
  assert 'bias' in bare['patch_embed'] and 'bias' not in full['patch_embed']
  assert set(bare['layers']['qkv']) == {'kernel', 'q_bias', 'v_bias'}
  assert set(full['layers']['k_proj']) == {'kernel', 'bias'}
  assert 'qkv' not in full['layers']


def test_every_parameter_names_its_axes():
  for path, leaf in jax.tree_util.tree_leaves_with_path(
    init(TINY), is_leaf=lambda x: isinstance(x, nn.Partitioned)
  ):
    assert isinstance(leaf, nn.Partitioned), path
    assert len(leaf.names) == leaf.value.ndim, path
    assert (leaf.names[0] == 'layers') == ('layers' in str(path)), path


def test_16_bit_activations_stay_16_bit(params):
  compute = Compute(dtype='bfloat16')
  out = jax.eval_shape(
    Vit(TINY, compute).apply, {'params': params}, normal_images(1)
  )
  assert {leaf.dtype for leaf in out} == {jnp.dtype('bfloat16')}


@pytest.mark.parametrize(
  'shape', [(1, 12, 8, 3), (1, 16, 16, 3), (1, 12, 12, 1)]
)
def test_images_of_another_size_are_refused(params, shape):
  with pytest.raises(ValueError, match='the encoder takes 12x12x3'):
    encode(params, jnp.zeros(shape))


@pytest.mark.parametrize(
  ('wrong', 'told'),
  [
    ({'n_heads': 3}, 'not divisible'),
    ({'norm': 'batch'}, 'batch'),
    ({'activation': 'relu'}, 'relu'),
    ({'qkv_biases': 'qo'}, 'qo'),
  ],
)
def test_blocks_that_cannot_be_are_refused(wrong, told):
  with pytest.raises(ValueError, match=told):
    dataclasses.replace(TINY.block, **wrong)


def test_patches_that_do_not_tile_the_image_are_refused():
  with pytest.raises(ValueError, match='not divisible'):
    dataclasses.replace(TINY, patch_size=5)


def test_gradients_are_finite_with_and_without_remat(params):
  images = normal_images(2)

  def gradient(**compute):
    def loss(params):
      return (encode(params, images, **compute).layers ** 2).sum()

    return jax.grad(loss)(params)

  plain, recomputed = gradient(), gradient(remat=True)
  for a, b in zip(*map(jax.tree.leaves, (plain, recomputed)), strict=True):
    assert np.isfinite(a).all() and np.any(a)
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_clip_l14_has_the_released_sizes():
  config = clip_vit_l14(image_size=336, n_layers=23)
  shapes = jax.eval_shape(lambda: nn.meta.unbox(init(config)))
  assert shapes['positions'].shape == (577, 1024)
  assert shapes['patch_embed']['kernel'].shape == (588, 1024)
  # Known size of the whole tower, less its last layer and norm.
  layer = 12 * 1024**2 + 13 * 1024
  n_values = sum(leaf.size for leaf in jax.tree.leaves(shapes))
  assert n_values == 303_507_456 - layer - 2 * 1024


def test_eva_g14_has_the_released_sizes():
  config = eva_vit_g14(image_size=224, n_layers=39)
  shapes = jax.eval_shape(lambda: nn.meta.unbox(init(config)))
  assert config.block.mlp_hidden == 6144
  assert shapes['positions'].shape == (257, 1408)
  assert shapes['layers']['qkv']['kernel'].shape == (39, 1408, 4224)
  assert set(shapes['layers']['qkv']) == {'kernel', 'q_bias', 'v_bias'}
  assert 'first_norm' not in shapes
  # The known 985 million of the tower that BLIP-2 uses.
  n_values = sum(leaf.size for leaf in jax.tree.leaves(shapes))
  assert n_values == 985_894_528


@pytest.mark.torch
def test_every_state_of_eva_is_that_of_transformers():
  """Blip2VisionModel is EVA-CLIP with a norm behind it."""
  import torch
  from transformers import Blip2VisionConfig, Blip2VisionModel

  torch.manual_seed(0)
  block = dataclasses.replace(
    eva_vit_g14(image_size=224, n_layers=39).block,
    width=16,
    n_heads=4,
    mlp_hidden=int(16 * 4.3637),
  )
  ours = dataclasses.replace(
    TINY, block=block, n_layers=3, patch_bias=True, first_norm=False
  )
  model = Blip2VisionModel(
    Blip2VisionConfig(
      hidden_size=16,
      intermediate_size=block.mlp_hidden,
      num_hidden_layers=3,
      num_attention_heads=4,
      image_size=12,
      patch_size=4,
      hidden_act='gelu',
      layer_norm_eps=1e-6,
      qkv_bias=True,
    )
  ).eval()
  for tensor in model.parameters():
    torch.nn.init.normal_(tensor, std=0.3)
  tensors = {}
  for key, tensor in model.state_dict().items():
    if key.endswith('qkv.bias'):
      tensor[16:32] = 0  # in place: EVA's keys have no bias
    tensors[_eva_key(key)] = tensor.numpy()
  for i in range(3):
    q, _, v = np.split(tensors.pop(f'blocks.{i}.attn.qkv.bias'), 3)
    tensors[f'blocks.{i}.attn.q_bias'] = q
    tensors[f'blocks.{i}.attn.v_bias'] = v
  pixels = torch.randn(2, 3, 12, 12)
  with torch.no_grad():
    want = model(pixels, output_hidden_states=True).hidden_states
  table = eva_vit_table(patch_size=4, n_layers=3)
  params = params_of(table, tensors)['encoder']
  out = encode(params, pixels.numpy().transpose(0, 2, 3, 1), ours)
  for got, wanted in zip([out.embedded, *out.layers], want, strict=True):
    np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-4, atol=1e-4)
  np.testing.assert_array_equal(out.tokens, out.layers[-1])


def _eva_key(key: str) -> str:
  """The name in EVA's own file of a tensor of Blip2VisionModel."""
  for theirs, eva in (
    ('embeddings.class_embedding', 'cls_token'),
    ('embeddings.position_embedding', 'pos_embed'),
    ('embeddings.patch_embedding', 'patch_embed.proj'),
    ('encoder.layers', 'blocks'),
    ('self_attn.projection', 'attn.proj'),
    ('self_attn', 'attn'),
    ('layer_norm', 'norm'),
    ('post_layernorm', 'norm'),
  ):
    key = key.replace(theirs, eva)
  return key
