"""Released files of every stage become checkpoints."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from vtg_jax.convert.checkpoint import load_params
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.systems import registry
from vtg_jax.systems.hawkeye import config, release

GOLDEN = Path(__file__).parents[2] / 'golden' / 'hawkeye'
LIVE = 'llama_model.base_model.model.'
TOKENIZERS = [GOLDEN / 'llama_tokenizer.model', GOLDEN / 'bert_vocab.txt']


@pytest.fixture(scope='module')
def stages(tmp_path_factory):
  """Vicuna folder, the UMT file and the stage-2 file, as released."""
  folder = tmp_path_factory.mktemp('stages')
  weights = load_file(GOLDEN / 'weights.safetensors')
  vicuna, umt, second = {}, {}, {}
  for key, tensor in weights.items():
    text_part = 'word_emb' in key or 'position_emb' in key
    text_part |= '.intermediate.' in key or '.output.' in key.split('layer')[-1]
    if 'lora' in key:
      continue
    if key.startswith(LIVE):
      if 'inv_freq' not in key:
        vicuna[key.removeprefix(LIVE)] = tensor
      continue
    if not key.startswith(('llama_proj', 'extra_query')):
      umt[key] = tensor
    if not text_part:
      second[key] = tensor
  umt['itm_head.weight'] = np.ones((2, 2), np.float32)
  (folder / 'vicuna').mkdir()
  save_file(vicuna, folder / 'vicuna' / 'model.safetensors')
  save_file(umt, folder / 'umt_l16_qformer.safetensors')
  save_file(second, folder / 'videochat2_7b_stage2.safetensors')
  return [
    folder / 'vicuna',
    folder / 'umt_l16_qformer.safetensors',
    folder / 'videochat2_7b_stage2.safetensors',
  ]


@pytest.fixture(scope='module')
def sizes():
  description = json.loads((GOLDEN / 'config.json').read_text())
  return release.config_of_golden(description)


def convert(stages, sizes, folder):
  file = folder / 'sizes.json'
  file.write_text(json.dumps(sizes.to_dict()))
  registry.convert(
    'hawkeye', stages, folder / 'ours', config=file, tokenizers=TOKENIZERS
  )
  return folder / 'ours'


def test_the_files_before_instruction_tuning_have_no_lora(
  stages, sizes, tmp_path
):
  sizes = dataclasses.replace(
    sizes, llm=dataclasses.replace(sizes.llm, lora=None)
  )
  params = flatten(load_params(convert(stages, sizes, tmp_path)))
  assert set(params) == set(release.expected_params(sizes))
  assert not any('lora' in path for path in params)


def test_without_lora_they_are_no_hawkeye(stages, sizes, tmp_path):
  with pytest.raises(BadInput, match='lora_a'):
    convert(stages, sizes, tmp_path)
  assert not (tmp_path / 'ours').exists()


def test_presets_differ_by_lora_alone():
  full, stage2 = config.full(), config.stage2()
  assert full.llm.lora is not None and stage2.llm.lora is None
  assert dataclasses.replace(full, llm=stage2.llm) == stage2


def test_an_unknown_preset_is_bad_input(stages, tmp_path):
  with pytest.raises(BadInput, match='full, stage2'):
    registry.convert('hawkeye', stages, tmp_path / 'ours', config='fulll')
