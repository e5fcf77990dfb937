"""CLIP's released file there and back, bit for bit."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from tests.convert.small_model import save
from tests.systems.clip.tiny import tiny, tokenizer
from vtg_jax.convert.checkpoint import load_params
from vtg_jax.convert.clip import clip_table
from vtg_jax.convert.engine import canonical_tensors
from vtg_jax.convert.param_tree import flatten
from vtg_jax.encoders.dual import clip_l14, param_shapes
from vtg_jax.errors import BadInput
from vtg_jax.systems import registry
from vtg_jax.systems.clip import frame_encoder, release


def hugging_face(config):
  """A config.json as transformers writes it."""
  text, image = config.text, config.image

  def block(part):
    return {
      'hidden_size': part.block.width,
      'num_attention_heads': part.block.n_heads,
      'intermediate_size': part.block.mlp_hidden,
      'num_hidden_layers': part.n_layers,
    }

  return {
    'model_type': 'clip',
    'projection_dim': config.features,
    # Older files say the sizes a second time, and the first entry wrongly.
    'text_config': {'hidden_size': 1},
    'text_config_dict': {
      **block(text),
      'vocab_size': text.vocab_size,
      'max_position_embeddings': text.max_tokens,
    },
    'vision_config': {
      **block(image),
      'image_size': image.image_size,
      'patch_size': image.patch_size,
    },
  }


def tensors_of(config, dtype=np.float16):
  """Random tensors under the released keys."""
  rng = np.random.default_rng(0)
  shapes = {
    path: leaf.shape for path, leaf in flatten(param_shapes(config)).items()
  }
  tensors = {
    key: np.asarray(rng.normal(size=shape), dtype)
    for key, _, shape in canonical_tensors(shapes, release.table(config))
  }
  for part, n in (('text', config.text.max_tokens), ('vision', 5)):
    tensors[f'{part}_model.embeddings.position_ids'] = np.arange(n)[None]
  return tensors


@pytest.fixture
def folder(tmp_path):
  folder = tmp_path / 'released'
  folder.mkdir()
  save(folder / 'model.safetensors', tensors_of(tiny()))
  (folder / 'config.json').write_text(json.dumps(hugging_face(tiny())))
  tokenizer().save(str(folder / 'tokenizer.json'))
  return folder


def test_the_file_comes_back_as_it_was(tmp_path, folder):
  report = registry.convert('clip', [folder], tmp_path / 'ours')
  assert sorted(key for _, key, _ in report.ignored) == [
    'text_model.embeddings.position_ids',
    'vision_model.embeddings.position_ids',
  ]
  written = registry.export(tmp_path / 'ours', tmp_path / 'back')
  assert [path.name for path in written] == ['model.safetensors']
  assert written[0].read_bytes() == (folder / 'model.safetensors').read_bytes()
  encoder = frame_encoder.load(tmp_path / 'ours')
  assert encoder.config.to_dict() == {
    **tiny().to_dict(),
    'colour_mean': clip_l14().colour_mean,
    'colour_std': clip_l14().colour_std,
  }
  (found,) = encoder.encode_queries(['a red star'])
  assert np.isfinite(found.cls_features).all()


def test_the_parameters_are_the_released_tensors(tmp_path, folder):
  registry.convert('clip', [folder], tmp_path / 'ours')
  params = flatten(load_params(tmp_path / 'ours'))
  tensors = tensors_of(tiny())
  for path, want in {
    'image_projection/kernel': tensors['visual_projection.weight'].T,
    'text_projection/kernel': tensors['text_projection.weight'].T,
    'image_norm/bias': tensors['vision_model.post_layernorm.bias'],
    'text_encoder/final_norm/scale': tensors[
      'text_model.final_layer_norm.weight'
    ],
    'logit_scale/scale': tensors['logit_scale'],
  }.items():
    np.testing.assert_array_equal(params[path], want)


@pytest.mark.parametrize(
  'key',
  [
    'vision_model.encoder.layers.1.mlp.fc1.bias',
    'text_model.encoder.layers.1.mlp.fc1.bias',
    'text_model.head.weight',
  ],
)
def test_a_file_of_another_model_is_refused(tmp_path, folder, key):
  tensors = {**tensors_of(tiny()), key: np.ones(12, np.float16)}
  save(folder / 'model.safetensors', tensors)
  with pytest.raises(BadInput, match='1 key that this model does not have'):
    registry.convert('clip', [folder], tmp_path / 'ours')


def test_what_is_missing_is_told(tmp_path, folder):
  (folder / 'tokenizer.json').unlink()
  with pytest.raises(BadInput, match=r'no tokenizer.json lies in a source'):
    registry.convert('clip', [folder], tmp_path / 'ours')
  with pytest.raises(BadInput, match='neither a file nor one of l14'):
    registry.convert('clip', [folder], tmp_path / 'ours', config='b32')
  (folder / 'config.json').write_text('{"text_config": 3}')
  with pytest.raises(BadInput, match='does not hold the sizes'):
    registry.convert('clip', [folder], tmp_path / 'ours')


def test_what_a_config_leaves_out_is_what_transformers_means_by_it():
  """Source: openai/clip-vit-base-patch32, whose sizes are the defaults."""
  config = release.config_of_hugging_face({'text_config': {}})
  assert (config.features, config.text.block.width) == (512, 512)
  assert (config.image.block.width, config.image.patch_size) == (768, 32)
  shapes = jax.tree.leaves(param_shapes(config))
  assert sum(leaf.size for leaf in shapes) == 151_277_313


def test_the_full_size_has_the_released_tensors():
  """Source: openai/clip-vit-large-patch14, model.safetensors."""
  config = clip_l14()
  shapes = {
    path: leaf.shape for path, leaf in flatten(param_shapes(config)).items()
  }
  table = clip_table(patch_size=14, n_image_layers=24)
  tensors = {key: shape for key, _, shape in canonical_tensors(shapes, table)}
  for key, shape in {
    'logit_scale': (),
    'text_projection.weight': (768, 768),
    'visual_projection.weight': (768, 1024),
    'text_model.embeddings.token_embedding.weight': (49408, 768),
    'text_model.embeddings.position_embedding.weight': (77, 768),
    'text_model.encoder.layers.11.mlp.fc1.weight': (3072, 768),
    'text_model.final_layer_norm.bias': (768,),
    'vision_model.embeddings.position_embedding.weight': (257, 1024),
    'vision_model.encoder.layers.23.layer_norm2.weight': (1024,),
    'vision_model.post_layernorm.weight': (1024,),
  }.items():
    assert tensors[key] == shape, key
  assert len(tensors) == 3 + (7 + 24 * 16) + (4 + 12 * 16)


def openai_tensors(config):
  """Those of `tensors_of` under OpenAI's names, made of Hugging Face's."""
  theirs = tensors_of(config)
  renamed = {
    'visual.class_embedding': 'vision_model.embeddings.class_embedding',
    'visual.conv1.weight': 'vision_model.embeddings.patch_embedding.weight',
    'visual.positional_embedding': (
      'vision_model.embeddings.position_embedding.weight'
    ),
    'token_embedding.weight': 'text_model.embeddings.token_embedding.weight',
    'positional_embedding': 'text_model.embeddings.position_embedding.weight',
    'logit_scale': 'logit_scale',
  }
  norms = {
    'visual.ln_pre': 'vision_model.pre_layrnorm',
    'visual.ln_post': 'vision_model.post_layernorm',
    'ln_final': 'text_model.final_layer_norm',
  }
  tensors = {
    'visual.proj': theirs['visual_projection.weight'].T.copy(),
    'text_projection': theirs['text_projection.weight'].T.copy(),
    'input_resolution': np.array(config.image.image_size),
    'context_length': np.array(config.text.max_tokens),
    'vocab_size': np.array(config.text.vocab_size),
  }
  for part, blocks, model in (
    (config.image, 'visual.transformer', 'vision_model'),
    (config.text, 'transformer', 'text_model'),
  ):
    for n in range(part.n_layers):
      new, old = f'{blocks}.resblocks.{n}.', f'{model}.encoder.layers.{n}.'
      norms |= {
        f'{new}attn.out_proj': f'{old}self_attn.out_proj',
        f'{new}mlp.c_fc': f'{old}mlp.fc1',
        f'{new}mlp.c_proj': f'{old}mlp.fc2',
        f'{new}ln_1': f'{old}layer_norm1',
        f'{new}ln_2': f'{old}layer_norm2',
      }
      for kind in ('weight', 'bias'):
        tensors[f'{new}attn.in_proj_{kind}'] = np.concatenate(
          [theirs[f'{old}self_attn.{x}_proj.{kind}'] for x in 'qkv']
        )
  for new, old in norms.items():
    renamed |= {f'{new}.{x}': f'{old}.{x}' for x in ('weight', 'bias')}
  return tensors | {new: theirs[old] for new, old in renamed.items()}


def test_openais_own_file_comes_back_and_sees_the_same(tmp_path, folder):
  names = tmp_path / 'openai.safetensors'
  save(names, openai_tensors(tiny()))
  sizes = tmp_path / 'sizes.json'
  sizes.write_text(json.dumps(hugging_face(tiny())))
  report = registry.convert(
    'clip',
    [names],
    tmp_path / 'openai',
    config=sizes,
    tokenizers=[folder / 'tokenizer.json'],
  )
  assert len(report.ignored) == 3
  (written,) = registry.export(tmp_path / 'openai', tmp_path / 'back')
  assert written.read_bytes() == names.read_bytes()
  registry.convert('clip', [folder], tmp_path / 'ours')
  frames = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
  theirs, ours = (
    frame_encoder.load(tmp_path / name) for name in ('openai', 'ours')
  )
  np.testing.assert_allclose(
    theirs.encode_frames(frames), ours.encode_frames(frames), rtol=2e-5
  )
  (one,), (other,) = (
    encoder.encode_queries(['a red star']) for encoder in (theirs, ours)
  )
  np.testing.assert_allclose(one.cls_features, other.cls_features, rtol=2e-5)


def test_openais_tensors_tell_the_sizes(tmp_path, folder):
  wide = dataclasses.replace(tiny().image.block, width=64, n_heads=1)
  config = dataclasses.replace(
    tiny(),
    image=dataclasses.replace(tiny().image, block=wide),
    text=dataclasses.replace(tiny().text, block=wide),
  )
  tensors = openai_tensors(config)
  save(tmp_path / 'openai.safetensors', tensors)
  options = {'tokenizers': [folder / 'tokenizer.json']}
  registry.convert(
    'clip', [tmp_path / 'openai.safetensors'], tmp_path / 'ours', **options
  )
  found = frame_encoder.load(tmp_path / 'ours').config
  assert found.image.block.fused_qkv and found.text.block.fused_qkv
  for part in ('image', 'text'):
    one, other = getattr(found, part), getattr(config, part)
    block = dataclasses.replace(one.block, fused_qkv=False)
    assert dataclasses.replace(one, block=block) == other
  assert found.features == config.features
  del tensors['positional_embedding']
  save(tmp_path / 'cut.safetensors', tensors)
  with pytest.raises(BadInput, match='cannot be told from its tensors'):
    registry.convert(
      'clip', [tmp_path / 'cut.safetensors'], tmp_path / 'no', **options
    )


@pytest.mark.torch
def test_a_program_is_not_run(tmp_path, folder):
  torch = pytest.importorskip('torch', reason='torch is an extra')
  script = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
  script.save(str(tmp_path / 'ViT.pt'))
  with pytest.raises(BadInput, match='is a TorchScript program, which is not'):
    registry.convert('clip', [tmp_path / 'ViT.pt'], tmp_path / 'ours')


@pytest.mark.torch
def test_an_exported_file_loads_in_transformers(tmp_path, folder):
  """And one that transformers saved is converted and comes back."""
  from transformers import CLIPModel

  model = CLIPModel.from_pretrained(str(folder))
  model.save_pretrained(str(tmp_path / 'saved'))
  tokenizer().save(str(tmp_path / 'saved' / 'tokenizer.json'))
  registry.convert('clip', [tmp_path / 'saved'], tmp_path / 'ours')
  (file,) = registry.export(tmp_path / 'ours', tmp_path / 'back')
  saved = tmp_path / 'saved' / 'model.safetensors'
  assert file.read_bytes() == saved.read_bytes()
