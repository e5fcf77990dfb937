"""Released files there and back, bit for bit, and what is wrong with them."""

import json
import re

import numpy as np
import pytest

from tests.convert.small_model import save
from tests.systems.grounded_videollm import golden
from vtg_jax import cli
from vtg_jax.convert.checkpoint import PARAMS, read_config
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import open_source
from vtg_jax.convert.stored_params import StoredParams
from vtg_jax.errors import BadInput
from vtg_jax.systems.grounded_videollm import release
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.model import param_shapes
from vtg_jax.systems.grounded_videollm.starting_point import (
  StartConfig,
  starting_point,
)


@pytest.fixture(params=golden.NAMES)
def name(request):
  return request.param


@pytest.fixture(params=[True, False], ids=['tuned', 'stage 1'])
def tuned(request):
  return request.param


def convert(name, files, folder, *, tuned=True):
  sizes = folder / 'sizes.json'
  sizes.write_text(json.dumps(golden.config_of(name, tuned=tuned).to_dict()))
  return release.convert(
    files,
    folder / 'ours',
    config=sizes,
    tokenizers=[golden.GOLDEN / f'tokenizer_{name}.json'],
  )


def test_every_file_comes_back_as_it_was(name, tuned, tmp_path):
  files = golden.save_release(name, tmp_path, tuned=tuned)
  convert(name, files, tmp_path, tuned=tuned)
  about = read_config(tmp_path / 'ours')
  sizes = GroundedVideoLlmConfig.from_dict(about['model'])
  assert sizes == golden.config_of(name, tuned=tuned)
  release.export(tmp_path / 'ours', tmp_path / 'theirs')
  for file in files:
    one = open_source(file)
    other = open_source(tmp_path / 'theirs' / file.name)
    assert list(other.tensors) == list(one.tensors)
    for key in one.tensors:
      assert other.read(key).tobytes() == one.read(key).tobytes(), key


def test_base_models_leave_the_video_projector_to_stage_1(name, tmp_path):
  files = golden.save_release(name, tmp_path, tuned=False)
  stage = open_source(files[-1])
  save(
    files[-1],
    {
      key: stage.read(key)
      for key in stage.tensors
      if not key.startswith('video_projecter')
    },
  )
  convert(name, files, tmp_path, tuned=False)
  kept = StoredParams(tmp_path / 'ours' / PARAMS).shapes
  assert not any('video_projector' in path for path in kept)
  start = starting_point(
    StartConfig(init_from=str(tmp_path / 'ours'), tuned=True)
  )
  params = start.params(0)
  shapes = flatten(param_shapes(start.model))
  assert {p: x.shape for p, x in params.items()} == {
    p: x.shape for p, x in shapes.items()
  }
  assert start.model.llm.vocab_size == kept['llm/embed/embedding'][0] + 22
  assert np.any(params['two_stream/video_projector/fc1/kernel'])


def vtg_convert(name, files, folder) -> int:
  """The command, told the sizes by the golden set's config.json."""
  arguments = ['convert', 'grounded_videollm', *files, '--out', folder]
  arguments += ['--config', golden.GOLDEN / 'config.json']
  arguments += ['--tokenizer', golden.GOLDEN / f'tokenizer_{name}.json']
  return cli.main([str(argument) for argument in arguments])


@pytest.mark.torch
def test_pytorch_files_come_back_with_their_tables(name, tmp_path, capsys):
  import torch

  released = golden.torch_release(name)
  files = []
  for file, state in released.items():
    files.append(tmp_path / file)
    torch.save(state, files[-1])
  assert vtg_convert(name, files, tmp_path / 'ours') == 0
  about = read_config(tmp_path / 'ours')
  assert about['model'] == json.loads(
    json.dumps(golden.config_of(name).to_dict())
  )
  back = tmp_path / 'back'
  arguments = ['export', str(tmp_path / 'ours'), '--out', str(back), '--pth']
  assert cli.main(arguments) == 0
  assert str(back / 'stage.pth') in capsys.readouterr().out
  for file, state in released.items():
    again = torch.load(back / file, weights_only=True)
    assert list(flatten(again)) == list(flatten(state))
    for key, tensor in flatten(state).items():
      mine = flatten(again)[key]
      assert mine.dtype == tensor.dtype and torch.equal(mine, tensor), key
  nested = torch.load(back / 'stage.pth', weights_only=True)
  assert list(nested['model']) == list(released['stage.pth']['model'])


@pytest.mark.parametrize(
  ('file', 'change', 'match'),
  [
    (
      3,
      lambda t: t.pop('video_projecter.up_proj.bias'),
      'no key fills .*up_p',
    ),
    (0, lambda t: t.update({'vision_model.odd': np.ones(2)}), 'not have .*odd'),
    (
      1,
      lambda t: t.update(cls_token=np.ones((1, 1, 3), 'f4')),
      r'cls_token is F32\[1, 1, 3\], not a float \[1, 1, 48\]',
    ),
    (
      1,
      lambda t: t['blocks.0.mlp.fc1.bias'].fill(np.nan),
      'NaN or infinite values are in blocks.0.mlp.fc1.bias',
    ),
  ],
)
def test_a_wrong_key_or_value_is_named_in_one_sentence(
  file, change, match, tmp_path, capsys
):
  files = golden.save_release('llama3', tmp_path)
  source = open_source(files[file])
  tensors = {key: source.read(key) for key in source.tensors}
  change(tensors)
  save(files[file], tensors)
  assert vtg_convert('llama3', files, tmp_path / 'ours') == 2
  out, err = capsys.readouterr()
  assert out == '' and err.count('\n') == 1 and re.search(match, err)
  assert not (tmp_path / 'ours').exists()


def test_words_bias_and_adapters_are_as_in_the_files(name, tmp_path):
  """Not as in the config, which may speak of another stage."""
  files = golden.save_release(name, tmp_path, tuned=False)
  sizes = golden.config_of(name, tuned=True)
  found = release._as_in_files(sizes, files)
  assert found == golden.config_of(name, tuned=False)


def test_a_language_models_config_has_the_factors(tmp_path):
  short, long = [1.0 + i / 48 for i in range(48)], [2.0 + i for i in range(48)]
  told = golden.TOLD['phi3'] | {
    'num_hidden_layers': 32,
    'rope_scaling': {'short_factor': short, 'long_factor': long},
  }
  (tmp_path / 'config.json').write_text(json.dumps(told))
  llm = release._config(tmp_path / 'config.json', []).llm
  assert llm.long_rope.short_factors == tuple(short)
  assert llm.long_rope.long_factors == tuple(long)
  positions = told['original_max_position_embeddings']
  assert llm.long_rope.original_positions == positions
  assert llm.n_layers == 32


def test_which_model_it_is_must_be_said(tmp_path):
  with pytest.raises(BadInput, match='give --config phi3 or llama3'):
    release.convert([tmp_path], tmp_path / 'ours')
  with pytest.raises(BadInput, match='nothing tells|tells which model'):
    release.convert([tmp_path], tmp_path / 'ours', config='phi4')


def test_a_missing_tokenizer_is_asked_for(tmp_path):
  files = golden.save_release('phi3', tmp_path)
  sizes = tmp_path / 'sizes.json'
  sizes.write_text(json.dumps(golden.config_of('phi3').to_dict()))
  with pytest.raises(BadInput, match='--tokenizer'):
    release.convert(files, tmp_path / 'ours', config=sizes)
