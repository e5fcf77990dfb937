"""Grounded-VideoLLM's encoders and adapter, there and back, bit for bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from tests import golden_vision as golden
from tests.convert.small_model import save
from vtg_jax.adapters.two_stream import TwoStream
from vtg_jax.convert.checkpoint import load_params
from vtg_jax.convert.clip_vit import clip_vit_table
from vtg_jax.convert.engine import canonical_tensors
from vtg_jax.convert.from_release import convert_release
from vtg_jax.convert.internvideo2 import internvideo2_table
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.to_release import export_release
from vtg_jax.encoders.internvideo2 import InternVideo2, internvideo2_1b
from vtg_jax.encoders.vit import Vit, clip_vit_l14
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute

NAMES = ('phi3', 'llama3')


def shapes_of(module, *inputs):
  """Path -> shape and dtype of a module's parameters."""
  variables = jax.eval_shape(
    module.init, jax.random.key(0), *(jnp.zeros(shape) for shape in inputs)
  )
  return flatten(nn.meta.unbox(variables)['params'])


def vision_shapes(clip, video):
  """Parameters of both encoders under their roots."""
  parts = {
    'image_encoder': shapes_of(
      Vit(clip, Compute()), (1, clip.image_size, clip.image_size, 3)
    ),
    'video_encoder': shapes_of(
      InternVideo2(video, Compute()),
      (1, 1, video.image_size, video.image_size, 3),
    ),
  }
  return {
    f'{root}/{path}': leaf
    for root, part in parts.items()
    for path, leaf in part.items()
  }


def table_of(name):
  return golden.clip_table() + golden.video_table() + golden.adapter_table(name)


def expected_of(name):
  config = golden.TWO_STREAM[name]
  adapter = shapes_of(
    TwoStream(config, Compute()),
    (1, 1, config.image_grid**2, config.image_width),
    (1, 1, 1, config.video_grid**2, config.video_width),
  )
  return vision_shapes(golden.CLIP, golden.INTERNVIDEO2) | {
    f'two_stream/{path}': leaf for path, leaf in adapter.items()
  }


def release(name, folder):
  """The golden weights as the files they stand for."""
  sections = ['vision_model.pth', 'internvideo2.pt']
  sections += [f'{name}/{file}' for file in golden.TWO_STREAM_FILES[name]]
  files = []
  for n, section in enumerate(sections):
    tensors = golden.file_tensors(section)
    if 'ckpt' in section:  # a checkpoint tells its modules apart
      tensors = {f'video_projecter.{k}': a for k, a in tensors.items()}
    files.append(save(folder / f'file{n}.safetensors', tensors))
  return files


def convert(name, sources, out):
  return convert_release(
    sources, table_of(name), expected_of(name), {'system': name}, {}, out
  )


@pytest.mark.parametrize('name', NAMES)
def test_every_file_comes_back_as_it_was(tmp_path, name):
  files = release(name, tmp_path)
  report = convert(name, files, tmp_path / 'ours')
  # What is not applied is kept aside; nothing else is.
  assert {key.split('.')[0] for _, key, _ in report.ignored} == {
    'vision_model',
    'blocks',
    'img_pos_embed',
    'clip_img_pos_embed',
    'clip_pos_embed',
    'clip_projector',
    'clip_decoder',
    'final_clip_decoder',
  }
  layers = {k for _, k, _ in report.ignored if k.startswith(('vision', 'bl'))}
  assert len(layers) == 16 + 2 + 13
  assert all('.2.' in key or 'post_layernorm' in key for key in layers)
  written = export_release(tmp_path / 'ours', table_of(name), tmp_path / 'back')
  assert [path.name for path in written] == [path.name for path in files]
  for ours, theirs in zip(written, files, strict=True):
    assert ours.read_bytes() == theirs.read_bytes()


def test_the_parameters_are_the_golden_tensors(tmp_path):
  convert('phi3', release('phi3', tmp_path), tmp_path / 'ours')
  params = flatten(load_params(tmp_path / 'ours'))
  clip = golden.file_tensors('vision_model.pth')
  video = golden.file_tensors('internvideo2.pt')
  adapter = golden.adapter_tensors('phi3')
  layer = 'vision_model.encoder.layers.1.'
  for path, want in {
    'image_encoder/layers/q_proj/kernel': clip[
      f'{layer}self_attn.q_proj.weight'
    ].T,
    'image_encoder/layers/norm2/bias': clip[f'{layer}layer_norm2.bias'],
    'video_encoder/layers/qkv/kernel': video['blocks.1.attn.qkv.weight'].T,
    'video_encoder/layers/ls2': video['blocks.1.ls2.gamma'],
  }.items():
    np.testing.assert_array_equal(params[path][1], want)
  # As many time steps as the file has, whatever the model is shown.
  np.testing.assert_array_equal(
    params['video_encoder/positions'], video['pos_embed'][0]
  )
  np.testing.assert_array_equal(
    params['two_stream/newline'], adapter['sub_GN'][0, 0, 0]
  )
  kernel = clip['vision_model.embeddings.patch_embedding.weight']
  np.testing.assert_array_equal(
    params['image_encoder/patch_embed/kernel'][(1 * 2 + 0) * 3 + 2],
    kernel[:, 2, 1, 0],
  )


def test_projector_keys_may_name_their_module(tmp_path):
  prefix = 'multi_modal_projector.'
  table = golden.adapter_table('llama3')
  for key in golden.file_tensors(f'llama3/{prefix}pth'):
    assert table.slot(prefix + key).path == table.slot(key).path
  assert table.slot(f'video_projecter.{key}') is None


@pytest.mark.parametrize(
  ('number', 'key'),
  [
    (0, 'vision_model.encoder.layers.3.mlp.fc1.bias'),
    (1, 'blocks.3.norm1.weight'),
    (1, 'pos_embedding'),
  ],
)
def test_a_file_of_a_deeper_model_is_refused(tmp_path, number, key):
  files = release('phi3', tmp_path)
  extra = save(tmp_path / 'extra.safetensors', {key: np.ones(48, np.float32)})
  files.insert(number, extra)
  with pytest.raises(BadInput, match='1 key that this model does not have'):
    convert('phi3', files, tmp_path / 'ours')


def test_the_full_size_has_the_released_tensors():
  """Source: spec section 9."""
  clip, video = clip_vit_l14(image_size=336, n_layers=23), internvideo2_1b()
  shapes = {
    path: leaf.shape for path, leaf in vision_shapes(clip, video).items()
  }
  table = clip_vit_table(patch_size=14, n_layers=23).under('vision_model.')
  table += internvideo2_table(patch=(1, 14, 14), n_layers=39)
  tensors = {key: shape for key, _, shape in canonical_tensors(shapes, table)}
  layer, block = 'vision_model.encoder.layers.22.', 'blocks.38.'
  for key, shape in {
    'vision_model.embeddings.class_embedding': (1024,),
    'vision_model.embeddings.patch_embedding.weight': (1024, 3, 14, 14),
    'vision_model.embeddings.position_embedding.weight': (577, 1024),
    'vision_model.pre_layrnorm.weight': (1024,),
    f'{layer}self_attn.out_proj.weight': (1024, 1024),
    f'{layer}mlp.fc1.weight': (4096, 1024),
    f'{layer}mlp.fc1.bias': (4096,),
    'cls_token': (1, 1, 1408),
    'pos_embed': (1, 1025, 1408),
    'patch_embed.proj.weight': (1408, 3, 1, 14, 14),
    f'{block}attn.qkv.weight': (4224, 1408),
    f'{block}attn.q_norm.weight': (1408,),
    f'{block}attn.proj.bias': (1408,),
    f'{block}mlp.fc1.weight': (6144, 1408),
    f'{block}ls1.gamma': (1408,),
  }.items():
    assert tensors[key] == shape, key
  assert len(tensors) == 5 + 23 * 16 + 4 + 39 * 13
