"""Released files there and back, bit for bit, and what is wrong with them."""

import dataclasses
import json

import numpy as np
import pytest

from tests.convert.small_model import save
from tests.systems.timechat import golden
from tests.systems.timechat.golden import GOLDEN, LLM, TOKENIZERS, TOLD
from vtg_jax.convert.checkpoint import load_params, read_config
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import open_source
from vtg_jax.errors import BadInput
from vtg_jax.llm.decoder_config import NewWords
from vtg_jax.systems import registry
from vtg_jax.systems.timechat import config, release
from vtg_jax.systems.timechat.config import TimeChatConfig

KEYS = json.loads((GOLDEN / 'keys.json').read_text())
POSITIONS = 'video_frame_position_embedding.weight'
TUNED = 'timechat_7b.safetensors'


def parts() -> dict[str, dict[str, np.ndarray]]:
  """The tensors of each released file, and what else such files hold."""
  whole = golden.weights()

  def under(*prefixes):
    return {k: v for k, v in whole.items() if k.startswith(prefixes)}

  llama = {
    key.removeprefix(LLM): value
    for key, value in under(LLM).items()
    if 'lora' not in key
  }
  eva = {
    key.removeprefix('visual_encoder.'): value
    for key, value in under('visual_encoder.').items()
  }
  last = {
    key.replace('blocks.2.', 'blocks.3.'): value * 2
    for key, value in eva.items()
    if key.startswith('blocks.2.')
  }
  ones = np.ones((2, 2), np.float32)
  return {
    'llama/model.safetensors': llama,
    'eva_vit_g.safetensors': eva | last | {'norm.weight': ones},
    'instruct_blip.safetensors': under('query_tokens', 'ln_vision', 'Qformer')
    | {'Qformer.cls.predictions.bias': ones, 'llm_proj.weight': ones},
    'video_llama.safetensors': under('video_', 'llama_proj')
    | {POSITIONS: whole[POSITIONS][:5] * 2, 'audio_query_tokens': ones},
    TUNED: {key: whole[key] for key in KEYS['in_released_checkpoint']},
  }


def written(folder, **changes):
  """Sources in loading order, with the tensors of some files changed."""
  (folder / 'llama').mkdir(parents=True)
  for name, tensors in parts().items():
    if change := changes.get(name.split('.')[0].split('/')[0]):
      change(tensors)
    save(folder / name, tensors, {'format': 'pt'})
  names = [name.removesuffix('/model.safetensors') for name in parts()]
  return [folder / name for name in names]


def convert(sources, out, sizes=GOLDEN / 'config.json', **options):
  tokenizers = [GOLDEN / 'llama_tokenizer.model', GOLDEN / 'bert_vocab.txt']
  return registry.convert(
    'timechat', sources, out, config=sizes, tokenizers=tokenizers, **options
  )


def same_bytes(file, given):
  assert file.read_bytes() == given.read_bytes(), file.name


def test_every_file_of_a_release_becomes_one_checkpoint(tmp_path):
  sources = written(tmp_path / 'given')
  report = convert(sources, tmp_path / 'ours')
  sizes = TimeChatConfig.from_dict(read_config(tmp_path / 'ours')['model'])
  assert sizes == release.config_of_golden(TOLD)
  reasons = {key: why for _, key, why in report.ignored}
  assert reasons[POSITIONS] == 'of fewer frames'
  assert 'blocks.3.attn.q_bias' in reasons
  ours = flatten(load_params(tmp_path / 'ours'))
  whole = golden.weights()
  positions = ours['video_qformer/frame_positions']
  np.testing.assert_array_equal(positions, whole[POSITIONS])
  lora = ours['llm/layers/o_proj/lora_b'][1].T
  key = f'{LLM}model.layers.1.self_attn.o_proj.lora_B.default.weight'
  np.testing.assert_array_equal(lora, whole[key])
  registry.export(tmp_path / 'ours', tmp_path / 'back')
  for name in ('llama/model', 'eva_vit_g', 'timechat_7b'):
    name = f'{name}.safetensors'
    same_bytes(tmp_path / 'back' / name, tmp_path / 'given' / name)


def test_what_training_starts_from_comes_back_whole(tmp_path):
  """No file replaces another; frame positions are those of Video-LLaMA."""
  sources = written(tmp_path / 'given')[:-1]
  sizes = release.config_of_golden(TOLD)
  sizes = dataclasses.replace(
    sizes, llm=dataclasses.replace(sizes.llm, lora=None)
  )
  file = tmp_path / 'sizes.json'
  file.write_text(json.dumps(sizes.to_dict()))
  convert(sources, tmp_path / 'ours', file)
  found = read_config(tmp_path / 'ours')['model']
  assert found['video_qformer']['n_frames'] == found['n_frames'] == 5
  for file in registry.export(tmp_path / 'ours', tmp_path / 'back'):
    same_bytes(file, tmp_path / 'given' / file.relative_to(tmp_path / 'back'))


@pytest.mark.torch
def test_a_pytorch_file_of_a_run_is_read_and_written(tmp_path):
  import torch

  *sources, tuned = written(tmp_path / 'given')
  state = {
    key: torch.from_numpy(value.copy()) for key, value in parts()[TUNED].items()
  }
  ends = {'optimizer': {'step': 3}, 'config': {'run': {}}, 'epoch': 2}
  file = tuned.with_suffix('.pth')
  torch.save({'model': state, **ends}, file)
  convert([*sources, file], tmp_path / 'ours')
  registry.export(tmp_path / 'ours', tmp_path / 'back', as_pth=True)
  back = torch.load(tmp_path / 'back' / file.name, weights_only=True)['model']
  assert list(back) == list(state)
  assert all(torch.equal(back[key], state[key]) for key in state)


def test_digits_of_seq2time_have_rows_of_their_own(tmp_path):
  sizes = release.config_of_golden(TOLD)
  rows = np.ones((10, sizes.llm.width), np.float32)
  names = ('rpt_embed.weight', 'rpt_head.weight')
  file = save(tmp_path / 'seq2time.safetensors', dict.fromkeys(names, rows))
  grown = release.as_in_files(sizes, [open_source(file)])
  # The placeholder of the video stands between the table and them.
  assert grown.llm.new_words == NewWords(first=201, count=10)
  assert grown.llm.n_words == 211
  assert grown.places == 'codes' and sizes.places == 'plain'
  assert TimeChatConfig.from_dict(grown.to_dict()) == grown
  shapes, table = release.expected_params(grown), release.table(grown)
  for name, path in zip(names, ('llm/new_embed', 'llm/new_head'), strict=True):
    assert table.slot(name).path == path
    assert shapes[path].shape == rows.shape
  plain = release.expected_params(sizes)
  assert shapes.keys() - plain.keys() == {'llm/new_embed', 'llm/new_head'}
  assert grown.qformer_time_format == 'relative_text'
  # The Q-Former may have them as well.
  own = np.ones((sizes.qformer.vocab_size + 10, sizes.qformer.width))
  words = 'Qformer.bert.embeddings.word_embeddings.weight'
  both = save(tmp_path / 'words.safetensors', {words: own.astype(np.float32)})
  both = release.as_in_files(sizes, [open_source(file), open_source(both)])
  assert both.qformer_time_format == 'relative_tokens'
  assert both.qformer.vocab_size == len(own)


def dropping(key):
  return lambda tensors: tensors.pop(key)


def widening(key):
  return lambda tensors: tensors.update({key: np.repeat(tensors[key], 2, 0)})


def flattening(key):
  return lambda tensors: tensors.update({key: tensors[key][0]})


@pytest.mark.parametrize(
  ('changes', 'said'),
  [
    (
      {'instruct_blip': dropping('ln_vision.bias')},
      r'1 parameter that no key fills \(vision_norm/bias from ln_vision.bias',
    ),
    (
      {'timechat_7b': widening('llama_proj.bias')},
      r'1 tensor of the wrong shape .*llama_proj.bias is F32\[128\]',
    ),
    (
      {'eva_vit_g': lambda t: t.update(zebra=np.ones(1, 'f4'))},
      r'1 key that this model does not have \(zebra\)',
    ),
    (
      {'timechat_7b': flattening('query_tokens')},
      r'query_tokens is F32\[4, 32\], not a float \[1, 4, 32\]',
    ),
  ],
)
def test_what_does_not_fit_is_told_by_name(changes, said, tmp_path):
  sources = written(tmp_path / 'given', **changes)
  with pytest.raises(BadInput, match=said):
    convert(sources, tmp_path / 'ours')
  assert not (tmp_path / 'ours').exists()


def test_without_its_tokenizers_nothing_is_converted(tmp_path):
  sources = written(tmp_path / 'given')
  with pytest.raises(BadInput, match='no vocab.txt lies in a source folder'):
    registry.convert(
      'timechat',
      sources,
      tmp_path / 'ours',
      config='full',
      tokenizers=[GOLDEN / TOKENIZERS[0]],
    )
  with pytest.raises(BadInput, match='full, start'):
    convert(sources, tmp_path / 'ours', 'fulll')


def test_the_full_size_is_that_of_the_released_files():
  full = release.expected_params(config.full())
  shapes = {path: leaf.shape for path, leaf in full.items()}
  assert shapes['encoder/positions'] == (257, 1408)
  assert shapes['encoder/layers/fc1/kernel'] == (39, 1408, 6144)
  assert shapes['qformer/word_embeddings/embedding'] == (30523, 768)
  assert shapes['qformer/layer_10/cross_attention/key/kernel'] == (1408, 768)
  assert 'qformer/layer_11/cross_attention/key/kernel' not in shapes
  assert shapes['video_qformer/frame_positions'] == (96, 768)
  assert not any('video_qformer' in p and 'text_ffn' in p for p in shapes)
  assert shapes['projector/kernel'] == (768, 4096)
  assert shapes['llm/layers/k_proj/lora_a'] == (32, 4096, 32)
  assert 'llm/layers/down_proj/lora_a' not in shapes
  start = release.expected_params(config.start())
  assert shapes.keys() - start.keys() == {p for p in shapes if 'lora' in p}
