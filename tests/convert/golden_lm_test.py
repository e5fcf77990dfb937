"""The golden language models: every layout they come in, and back again."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.convert.small_model import save
from tests.llm.golden_lm import (
  BASE,
  NAMES,
  TABLES,
  TUNED,
  config_of,
  params_of,
  tensors_of,
)
from vtg_jax.convert.checkpoint import load_params
from vtg_jax.convert.engine import canonical_tensors
from vtg_jax.convert.from_release import convert_release
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.to_release import export_release
from vtg_jax.errors import BadInput
from vtg_jax.llm.decoder import Decoder
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.rope import LongRope

ADAPTED = re.compile(r'(.*_proj)\.weight')


def shapes_of(config):
  """Path -> shape and dtype of every parameter under `llm/`."""
  decoder = Decoder(config, Compute())

  def run(module, ids):
    embeds = module.embed_tokens(ids)
    return module.logits(module(embeds, ids).hidden)

  params = jax.eval_shape(
    lambda: decoder.init(
      jax.random.key(0), jnp.zeros((1, 2), jnp.int32), method=run
    )
  )['params']
  unboxed = jax.tree.map(
    lambda box: box.value, params, is_leaf=lambda x: hasattr(x, 'names')
  )
  return flatten({'llm': unboxed})


def convert(name, sources, out, *, tuned=True):
  expected = shapes_of(config_of(name, tuned=tuned))
  return convert_release(
    sources, TABLES[name], expected, {'system': 'small'}, {}, out
  )


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_a_wrapped_model_comes_back_as_the_same_file(tmp_path, name, dtype):
  tensors = tensors_of(name, TUNED)
  tensors = {k: x.astype(jnp.dtype(dtype)) for k, x in tensors.items()}
  source = save(tmp_path / 'tuned.safetensors', tensors)
  report = convert(name, [source], tmp_path / 'ours')
  assert not (report.ignored or report.trimmed or report.overridden)
  (back,) = export_release(tmp_path / 'ours', TABLES[name], tmp_path / 'back')
  assert back.read_bytes() == source.read_bytes()


@pytest.mark.parametrize('name', NAMES)
def test_the_parameters_are_what_the_decoder_reads(tmp_path, name):
  source = save(tmp_path / 'tuned.safetensors', tensors_of(name, TUNED))
  convert(name, [source], tmp_path / 'ours')
  ours = flatten(load_params(tmp_path / 'ours'))
  read = flatten({'llm': params_of(name)})
  assert set(ours) == set(read) == set(shapes_of(config_of(name, tuned=True)))
  for path, leaf in read.items():
    np.testing.assert_array_equal(ours[path], leaf)


@pytest.mark.parametrize('name', NAMES)
def test_a_plain_folder_comes_back_as_the_same_file(tmp_path, name):
  folder = tmp_path / 'language_model_seperated'
  folder.mkdir()
  source = save(folder / 'model.safetensors', tensors_of(name, BASE))
  convert(name, [folder], tmp_path / 'ours', tuned=False)
  (back,) = export_release(tmp_path / 'ours', TABLES[name], tmp_path / 'back')
  assert back.read_bytes() == source.read_bytes()


@pytest.mark.parametrize('name', NAMES)
def test_the_names_of_later_peft_fill_the_same_parameters(tmp_path, name):
  later = {
    ADAPTED.sub(r'\1.base_layer.weight', key): tensor
    for key, tensor in tensors_of(name, TUNED).items()
  }
  n_layers = config_of(name, tuned=True).n_layers
  n_adapted = len(config_of(name, tuned=True).projections)
  assert sum('base_layer' in key for key in later) == n_layers * n_adapted
  source = save(tmp_path / 'later.safetensors', later)
  convert(name, [source], tmp_path / 'ours')
  read = flatten({'llm': params_of(name)})
  for path, leaf in flatten(load_params(tmp_path / 'ours')).items():
    np.testing.assert_array_equal(leaf, read[path])
  (back,) = export_release(tmp_path / 'ours', TABLES[name], tmp_path / 'back')
  assert back.read_bytes() == source.read_bytes()


def test_both_names_of_one_weight_in_one_file_are_a_fault(tmp_path):
  tensors = tensors_of('phi3', TUNED)
  key = 'base_model.model.model.layers.0.mlp.down_proj'
  tensors[f'{key}.base_layer.weight'] = tensors[f'{key}.weight']
  source = save(tmp_path / 'both.safetensors', tensors)
  with pytest.raises(BadInput, match='filled twice'):
    convert('phi3', [source], tmp_path / 'ours')


@pytest.mark.parametrize(
  ('name', 'lost'),
  [
    ('phi3', 'layers.1.self_attn.qkv_proj.lora_B.default.weight'),
    ('llama3', 'layers.0.mlp.up_proj.weight'),
    ('llama3', 'lm_head.bias'),
  ],
)
def test_a_missing_tensor_is_named(tmp_path, name, lost):
  tensors = tensors_of(name, TUNED)
  (key,) = (key for key in tensors if key.endswith(lost))
  del tensors[key]
  source = save(tmp_path / 'part.safetensors', tensors)
  with pytest.raises(BadInput, match='1 parameter that no key fills') as told:
    convert(name, [source], tmp_path / 'ours')
  assert key in str(told.value)


def test_a_model_without_fused_kernels_is_no_phi(tmp_path):
  source = save(tmp_path / 'llama.safetensors', tensors_of('llama3', TUNED))
  with pytest.raises(BadInput, match='self_attn.k_proj.weight'):
    convert('phi3', [source], tmp_path / 'ours')


LAYER = 'base_model.model.model.layers.31.'
# Key -> shape in the released files; source: spec section 9.
RELEASED = {
  'phi3': {
    'base_model.model.model.embed_tokens.weight': (32366, 3072),
    'base_model.model.lm_head.weight': (32366, 3072),
    'base_model.model.lm_head.bias': (32366,),
    'base_model.model.model.norm.weight': (3072,),
    f'{LAYER}input_layernorm.weight': (3072,),
    f'{LAYER}self_attn.qkv_proj.weight': (9216, 3072),
    f'{LAYER}self_attn.qkv_proj.lora_A.default.weight': (128, 3072),
    f'{LAYER}self_attn.qkv_proj.lora_B.default.weight': (9216, 128),
    f'{LAYER}self_attn.o_proj.weight': (3072, 3072),
    f'{LAYER}mlp.gate_up_proj.weight': (16384, 3072),
    f'{LAYER}mlp.gate_up_proj.lora_B.default.weight': (16384, 128),
    f'{LAYER}mlp.down_proj.weight': (3072, 8192),
    f'{LAYER}mlp.down_proj.lora_A.default.weight': (128, 8192),
  },
  'llama3': {
    'base_model.model.model.embed_tokens.weight': (128558, 4096),
    'base_model.model.lm_head.bias': (128558,),
    f'{LAYER}post_attention_layernorm.weight': (4096,),
    f'{LAYER}self_attn.q_proj.weight': (4096, 4096),
    f'{LAYER}self_attn.k_proj.weight': (1024, 4096),
    f'{LAYER}self_attn.v_proj.lora_B.default.weight': (1024, 128),
    f'{LAYER}mlp.gate_proj.weight': (14336, 4096),
    f'{LAYER}mlp.down_proj.lora_A.default.weight': (128, 14336),
  },
}
# Of a layer: norms, and for each projection weight, lora_A and lora_B.
N_TENSORS = {
  'phi3': 32 * (2 + 3 * 4) + 4,
  'llama3': 32 * (2 + 3 * 7) + 4,
}


def full_size(name):
  config = config_of(name, tuned=True)
  sizes = {
    'phi3': dict(
      vocab_size=32064 + 302,
      width=3072,
      n_heads=32,
      n_kv_heads=32,
      head_dim=96,
      mlp_hidden=8192,
      max_positions=131072,
      long_rope=LongRope(
        short_factors=(1.0,) * 48,
        long_factors=(2.0,) * 48,
        original_positions=4096,
      ),
    ),
    'llama3': dict(
      vocab_size=128256 + 302,
      width=4096,
      n_heads=32,
      n_kv_heads=8,
      head_dim=128,
      mlp_hidden=14336,
      max_positions=8192,
    ),
  }[name]
  lora = dataclasses.replace(config.lora, rank=128, alpha=256)
  return dataclasses.replace(config, n_layers=32, lora=lora, **sizes)


@pytest.mark.parametrize('name', NAMES)
def test_the_full_size_has_the_released_keys_and_shapes(name):
  shapes = {p: leaf.shape for p, leaf in shapes_of(full_size(name)).items()}
  tensors = {
    key: shape for key, _, shape in canonical_tensors(shapes, TABLES[name])
  }
  assert len(tensors) == N_TENSORS[name]
  assert RELEASED[name].items() <= tensors.items()
