"""The golden HawkEye, a released layout made of it, and the full size."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.convert.small_model import save
from vtg_jax.convert.checkpoint import load_params
from vtg_jax.convert.engine import canonical_tensors
from vtg_jax.convert.from_release import convert_release
from vtg_jax.convert.hawkeye import hawkeye_table
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import open_source
from vtg_jax.convert.to_release import export_release
from vtg_jax.errors import BadInput
from vtg_jax.systems.hawkeye import config, model

GOLDEN = Path(__file__).parents[1] / 'golden' / 'hawkeye'
WEIGHTS = GOLDEN / 'weights.safetensors'
TABLE = hawkeye_table(patch=(1, 28, 28))
LIVE = 'llama_model.base_model.model.'


@pytest.fixture(scope='module')
def expected():
  told = json.loads((GOLDEN / 'config.json').read_text())
  dims = told['dims']
  vit, q, llm = dims['vit'], dims['q'], dims['llm']
  full = config.full()
  golden = dataclasses.replace(
    full,
    encoder=dataclasses.replace(
      full.encoder,
      width=vit['embed'],
      n_layers=told['vit_blocks_run'],
      n_heads=vit['heads'],
      mlp_hidden=told['vit']['mlp_ratio'] * vit['embed'],
      patch_size=vit['patch'],
    ),
    qformer=dataclasses.replace(
      full.qformer,
      width=q['hidden'],
      n_layers=q['layers'],
      n_heads=q['heads'],
      mlp_hidden=q['inter'],
      vocab_size=told['bert_vocab_with_dec'],
      max_positions=q['maxpos'],
      n_queries=q['nq'],
      n_extra_queries=q['nextra'],
      features_width=vit['embed'],
    ),
    llm=dataclasses.replace(
      full.llm,
      vocab_size=told['llm_vocab'],
      width=llm['hidden'],
      n_layers=llm['layers'],
      n_heads=llm['heads'],
      n_kv_heads=llm['heads'],
      head_dim=llm['hidden'] // llm['heads'],
      mlp_hidden=llm['inter'],
      lora=dataclasses.replace(full.llm.lora, rank=dims['lora']['r']),
    ),
  )
  return flatten(model.param_shapes(golden))


def convert(sources, expected, out):
  return convert_release(
    sources, TABLE, expected, {'system': 'hawkeye'}, {}, out
  )


def test_the_golden_weights_come_back_as_the_same_file(tmp_path, expected):
  report = convert([WEIGHTS], expected, tmp_path / 'ours')
  assert {key.rsplit('.', 1)[1] for _, key, _ in report.ignored} == {
    'position_ids',
    'inv_freq',
  }
  (written,) = export_release(tmp_path / 'ours', TABLE, tmp_path / 'back')
  assert written.read_bytes() == WEIGHTS.read_bytes()


def test_the_parameters_are_the_golden_tensors(tmp_path, expected):
  convert([WEIGHTS], expected, tmp_path / 'ours')
  params = flatten(load_params(tmp_path / 'ours'))
  source = open_source(WEIGHTS)
  np.testing.assert_array_equal(
    params['llm/layers/q_proj/lora_a'][1],
    source.read(
      f'{LIVE}model.layers.1.self_attn.q_proj.lora_A.default.weight'
    ).T,
  )
  np.testing.assert_array_equal(
    params['qformer/layer_2/cross_attention/key/kernel'],
    source.read(
      'qformer.bert.encoder.layer.2.crossattention.self.key.weight'
    ).T,
  )
  kernel = source.read('vision_encoder.encoder.patch_embed.proj.weight')
  np.testing.assert_array_equal(
    params['encoder/patch_embed/kernel'][(5 * 28 + 9) * 3 + 1],
    kernel[:, 1, 0, 5, 9],
  )


@pytest.fixture
def release(tmp_path):
  """Vicuna folder, first stages and hawkeye.pth's keys, as released."""
  groups = json.loads((GOLDEN / 'key_groups.json').read_text())
  source = open_source(WEIGHTS)
  base = {}
  for key in groups['base_llm']:
    name, tensor = key.removeprefix(LIVE), source.read(key).astype(np.float16)
    if name in ('lm_head.weight', 'model.embed_tokens.weight'):
      padding = np.full((1, tensor.shape[1]), 0.5, np.float16)
      tensor = np.concatenate([tensor, padding])
    base[name] = tensor
  merged = {k: source.read(k) for k in groups['released_merged_checkpoint']}
  first = {
    k: a * 0
    for k, a in merged.items()
    if 'lora' not in k and not k.startswith(('llama', 'extra'))
  }
  first |= {
    'vision_proj.weight': np.ones((3, 3), np.float32),
    'temp': np.ones((), np.float32),
  }
  (tmp_path / 'vicuna-7b-v0').mkdir()
  save(tmp_path / 'vicuna-7b-v0' / 'model.safetensors', base)
  return {
    'base': tmp_path / 'vicuna-7b-v0',
    'first': save(tmp_path / 'umt_l16_qformer.safetensors', first),
    'merged': save(tmp_path / 'hawkeye.safetensors', merged),
  }


def test_the_released_layout_fills_the_same_parameters(
  tmp_path, expected, release
):
  report = convert(list(release.values()), expected, tmp_path / 'ours')
  convert([WEIGHTS], expected, tmp_path / 'whole')
  ours = flatten(load_params(tmp_path / 'ours'))
  for path, whole in flatten(load_params(tmp_path / 'whole')).items():
    np.testing.assert_array_equal(ours[path], whole.astype(ours[path].dtype))
  assert ours['llm/layers/q_proj/kernel'].dtype == np.float16
  assert ours['llm/layers/q_proj/lora_a'].dtype == np.float32
  assert all('umt' in source for source, _, _ in report.overridden)
  assert report.overridden and len(report.trimmed) == 2
  export_release(tmp_path / 'ours', TABLE, tmp_path / 'back')
  for name in ('vicuna-7b-v0/model.safetensors', 'hawkeye.safetensors'):
    back = (tmp_path / 'back' / name).read_bytes()
    assert back == (tmp_path / name).read_bytes()


def test_an_earlier_upload_without_encoder_needs_the_first_stage(
  tmp_path, expected, release
):
  merged = open_source(release['merged'])
  part = {
    key: merged.read(key)
    for key in merged.tensors
    if not key.startswith('vision')
  }
  path = save(tmp_path / 'early.safetensors', part)
  with pytest.raises(
    BadInput, match='43 parameters that no key fills .encoder'
  ):
    convert([release['base'], path], expected, tmp_path / 'ours')
  convert(
    [release['base'], release['first'], path], expected, tmp_path / 'ours'
  )


@pytest.mark.parametrize(
  'lost',
  [
    'llama_proj.bias',
    f'{LIVE}model.layers.1.self_attn.v_proj.lora_B.default.weight',
  ],
)
def test_a_missing_projection_or_lora_tensor_is_named(
  tmp_path, expected, release, lost
):
  merged = open_source(release['merged'])
  part = {key: merged.read(key) for key in merged.tensors if key != lost}
  path = save(tmp_path / 'part.safetensors', part)
  with pytest.raises(BadInput) as error:
    convert([release['base'], path], expected, tmp_path / 'ours')
  assert '1 parameter that no key fills' in str(error.value)
  assert lost in str(error.value)


def test_the_full_size_has_as_many_tensors_as_the_release():
  """Source: spec section 11, counts read off the released files' sizes."""
  shapes = {
    path: leaf.shape
    for path, leaf in flatten(model.param_shapes(config.full())).items()
  }
  table = hawkeye_table(patch=(1, 16, 16))
  tensors = {key: shape for key, _, shape in canonical_tensors(shapes, table)}
  vision = {k: s for k, s in tensors.items() if k.startswith('vision_')}
  base = {k for k in tensors if k.startswith(LIVE) and '.lora_' not in k}
  assert len(vision) == 303
  assert len(tensors) - len(vision) - len(base) == 460
  released = sum(
    4 * int(np.prod(shape)) for k, shape in tensors.items() if k not in base
  )
  assert abs(released - 1_936_862_208) < 50_000  # the rest are buffers
