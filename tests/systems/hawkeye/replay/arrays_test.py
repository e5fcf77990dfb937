"""The replay passes what is right, tells what is wrong, fits any size."""

import numpy as np
import pytest

from tests.systems.hawkeye.replay import golden_folder
from tests.systems.hawkeye.replay.golden_folder import GOLDEN, load
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import open_source
from vtg_jax.errors import BadInput
from vtg_jax.systems import registry
from vtg_jax.systems.hawkeye import release
from vtg_jax.systems.hawkeye.replay.golden_set import GoldenSet

LORA = 'llama_model.base_model.model.model.layers.2.self_attn.v_proj.lora_B'
VARIANTS = {
  'shallow and narrow': dict(
    vit=dict(embed=12, depth=2, heads=3, img=64, patch=16, frames=3),
    alt=dict(img=32, frames=2),
    q=dict(hidden=16, layers=3, heads=2, inter=20, nq=3, nextra=1),
    llm=dict(hidden=24, layers=3, heads=2, inter=28),
    lora=dict(r=3, alpha=9),
  ),
  'deep': dict(
    vit=dict(embed=20, depth=7, heads=5, img=224, patch=56, frames=1),
    alt=dict(img=112, frames=4),
    q=dict(hidden=24, layers=5, heads=6, inter=12, nq=1, nextra=9, maxpos=150),
    llm=dict(hidden=40, layers=4, heads=5, inter=16, maxpos=500),
    lora=dict(r=1, alpha=1),
  ),
}


def results(folder):
  comparisons, arrays = registry.replay(folder)
  return {c.name: c for c in comparisons}, arrays


def test_what_cannot_be_replayed_is_named_and_the_rest_goes_on(tmp_path):
  outputs, inputs = load('outputs.npz'), load('inputs.npz')
  del inputs['alt_video']
  inputs['gen_seg1_ids'] = inputs['gen_seg1_ids'][::-1]
  told = golden_folder.without_figures(golden_folder.description())
  folder = golden_folder.write(
    tmp_path / 'golden',
    told,
    inputs,
    outputs={
      'vit_out': outputs['vit_out'],
      'alt_vit_out': outputs['alt_vit_out'],
      'vit_pos_embed': outputs['vit_pos_embed'][:, 1:],
      'vit_block9': outputs['vit_block1'],
      'brightness': np.zeros(3, np.float32),
    },
  )
  told_of, arrays = results(folder)
  assert told_of['vit_out'].passed
  assert 'alt_video' in told_of['alt_vit_out'].note
  assert 'wanted (1, 319, 40)' in told_of['vit_pos_embed'].note
  assert 'no rule makes' in told_of['brightness'].note
  assert not told_of['tokenise gen_seg1_ids'].passed
  failed = {name for name, c in told_of.items() if not c.passed}
  assert failed == {
    'alt_vit_out',
    'vit_pos_embed',
    'vit_block9',
    'brightness',
    'tokenise gen_seg1_ids',
  }
  assert set(arrays) == {'vit_out', 'vit_pos_embed'}


def test_a_changed_weight_is_seen_where_it_counts(tmp_path):
  source = open_source(GOLDEN / 'weights.safetensors')
  weights = {key: source.read(key) for key in source.tensors}
  key = 'vision_encoder.encoder.blocks.1.mlp.fc1.bias'
  weights[key] = weights[key] + np.float32(0.01)
  outputs = load('outputs.npz')
  names = ('vit_pos_embed', 'vit_block0', 'vit_block1', 'vit_out')
  folder = golden_folder.write(
    tmp_path / 'golden',
    golden_folder.without_figures(golden_folder.description()),
    load('inputs.npz'),
    weights,
    {name: outputs[name] for name in names},
  )
  told_of, _ = results(folder)
  assert [told_of[name].passed for name in names] == [True, True, False, False]


@pytest.mark.parametrize('name', ['inputs.npz', 'outputs.npz'])
def test_a_damaged_file_is_told_in_one_sentence(tmp_path, name):
  folder = golden_folder.write(
    tmp_path / 'golden',
    golden_folder.without_figures(golden_folder.description()),
    {},
    outputs={},
  )
  whole = (GOLDEN / name).read_bytes()
  for damaged in (b'', whole[:-200], whole[:5000] + b'x' * 50 + whole[5050:]):
    (folder / name).write_bytes(damaged)
    with pytest.raises(BadInput, match=f'{name} cannot be read .*; copy it'):
      registry.replay(folder)


def test_missing_weights_are_named(tmp_path):
  source = open_source(GOLDEN / 'weights.safetensors')
  weights = {key: source.read(key) for key in source.tensors}
  del weights['llama_proj.bias']
  folder = golden_folder.write(
    tmp_path / 'golden', golden_folder.description(), {}, weights
  )
  with pytest.raises(BadInput, match='projector/bias from llama_proj.bias'):
    registry.replay(folder)


@pytest.mark.parametrize('name', ['inputs.npz', 'weights.safetensors'])
def test_a_missing_file_is_told_in_one_sentence(tmp_path, name):
  folder = golden_folder.write(
    tmp_path / 'golden', golden_folder.description(), {}
  )
  (folder / name).unlink()
  with pytest.raises((BadInput, OSError), match=name):
    registry.replay(folder)


@pytest.mark.parametrize('variant', VARIANTS)
def test_weights_of_any_size_survive_the_released_layout(tmp_path, variant):
  told, inputs = golden_folder.resized(**VARIANTS[variant])
  config = release.config_of_golden(told)
  params = golden_folder.random_params(config)
  weights = golden_folder.released_tensors(config, params)
  folder = golden_folder.write(tmp_path / 'golden', told, inputs, weights)
  back = flatten(GoldenSet(folder).params)
  wanted = flatten(params)
  assert back.keys() == wanted.keys()
  for path, leaf in wanted.items():
    np.testing.assert_array_equal(back[path], leaf)


def test_a_folder_of_another_size_without_outputs_yields_every_array(tmp_path):
  told, inputs = golden_folder.resized(**VARIANTS['shallow and narrow'])
  told['grad_norms'] = {
    'query_tokens': 1.0,
    'llama_proj.weight': 1.0,
    f'{LORA}.default.weight': 1.0,
  }
  config = release.config_of_golden(told)
  weights = golden_folder.released_tensors(
    config, golden_folder.random_params(config)
  )
  folder = golden_folder.write(tmp_path / 'golden', told, inputs, weights)
  told_of, arrays = results(folder)
  failed = {name for name, c in told_of.items() if not c.passed}
  assert failed <= {f'grad_norms.{key}' for key in told['grad_norms']}
  shapes = {name: array.shape for name, array in arrays.items()}
  for name, array in arrays.items():
    assert np.isfinite(array).all(), name
  # Everything the recorded set has, but for what its greater depth adds.
  usual = {n for n in load('outputs.npz') if not n.startswith('train_grad')}
  usual -= {'vit_block1', 'qformer_hidden_4'}
  assert usual <= set(shapes)
  assert shapes['vit_out'] == (1, 3, 16, 12)
  assert shapes['alt_vit_out'] == (1, 2, 4, 12)
  assert shapes['qformer_hidden_3'][-1] == 16
  assert shapes['llama_proj_out'] == (2, 4, 24)
  assert shapes['train_grad::llama_proj.weight'] == (24, 16)
  assert shapes[f'train_grad::{LORA}.default.weight'] == (24, 3)
