"""HawkEye's sizes: the JSON round trip, and the released network's."""

import copy
import dataclasses
import json

import numpy as np
import pytest

from vtg_jax.convert.engine import canonical_tensors
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.systems.hawkeye import config, model, release

PRESETS = {
  'full': config.full(),
  'small': config.small(
    vocab_size=512, bert_vocab_size=320, stop_ids=((7,), (8, 9))
  ),
}
LIVE = 'llama_model.base_model.model.'


@pytest.mark.parametrize('name', PRESETS)
def test_a_config_survives_json(name):
  values = json.loads(json.dumps(PRESETS[name].to_dict()))
  assert config.HawkEyeConfig.from_dict(values) == PRESETS[name]


def test_no_adapter_is_null():
  llm = dataclasses.replace(PRESETS['full'].llm, lora=None)
  bare = dataclasses.replace(PRESETS['full'], llm=llm)
  assert bare.to_dict()['llm']['lora'] is None
  assert config.HawkEyeConfig.from_dict(bare.to_dict()) == bare


@pytest.mark.parametrize(
  ('path', 'value', 'told'),
  [
    ('n_frames', None, 'config.n_frames is None; it must be a whole'),
    ('n_frames', 10**9, 'n_frames is 1000000000; use 1 to 1024'),
    ('max_text_tokens', -1, 'max_text_tokens is -1'),
    ('llm.n_heads', 0, 'llm.n_heads is 0; use 1 up'),
    ('n_frames', 12.0, 'config.n_frames is 12.0'),
    ('n_frames', True, 'config.n_frames is True'),
    ('stop_ids', [[1], 2], 'config.stop_ids is 2; it must be a list'),
    ('encoder', 3, 'config.encoder is 3; it must be a table'),
    ('encoder.width', '64', "config.encoder.width is '64'"),
    ('encoder.depth', 3, "config.encoder has unknown 'depth'"),
    ('encoder.n_heads', 7, 'config.encoder: self.width=1024 is not divisible'),
    ('qformer.features_width', 9, 'the Q-Former reads features 9 wide'),
    ('llm.lora.rank', 'r', "config.llm.lora.rank is 'r'"),
  ],
)
def test_a_wrong_entry_is_named(path, value, told):
  values = copy.deepcopy(PRESETS['full'].to_dict())
  *parents, name = path.split('.')
  table = values
  for parent in parents:
    table = table[parent]
  table[name] = value
  with pytest.raises(BadInput) as error:
    config.HawkEyeConfig.from_dict(values)
  assert told in str(error.value)


def test_a_missing_entry_is_named():
  values = PRESETS['full'].to_dict()
  del values['llm']['rope_theta']
  with pytest.raises(BadInput, match="config.llm has missing 'rope_theta'"):
    config.HawkEyeConfig.from_dict(values)


@pytest.fixture(scope='module')
def released():
  """Key -> shape of every tensor of the full network."""
  full = PRESETS['full']
  shapes = {
    path: leaf.shape for path, leaf in flatten(model.param_shapes(full)).items()
  }
  tensors = canonical_tensors(shapes, release.table(full))
  return {key: shape for key, _, shape in tensors}


def float32_bytes(shapes):
  return sum(4 * int(np.prod(shape)) for shape in shapes)


def test_the_full_network_fills_the_released_files_to_the_byte(released):
  """Source: spec section 11, raw bytes of the two uploads of hawkeye.pth."""
  position_ids = 8 * 512
  inv_freq = 32 * 64 * 4
  own = {
    key: shape
    for key, shape in released.items()
    if not key.startswith(LIVE) or '.lora_' in key
  }
  no_encoder = [
    shape for key, shape in own.items() if not key.startswith('vision_')
  ]
  buffers = position_ids + inv_freq
  assert float32_bytes(own.values()) + buffers == 1_936_862_208
  assert float32_bytes(no_encoder) + buffers == 774_945_792


def test_the_language_model_is_a_7b_llama(released):
  base = [
    shape
    for key, shape in released.items()
    if key.startswith(LIVE) and '.lora_' not in key
  ]
  assert float32_bytes(base) == 4 * 6_738_415_616
