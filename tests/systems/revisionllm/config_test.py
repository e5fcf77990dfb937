"""Sizes: there and back through JSON, and what does not go together."""

import dataclasses
import json

import pytest

from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.systems.revisionllm.config import (
  PRESETS,
  LevelConfig,
  ReVisionLlmConfig,
  small,
)
from vtg_jax.systems.revisionllm.model import param_shapes

SMALL = small(vocab_size=50, features_width=8)


@pytest.mark.parametrize('preset', [*PRESETS.values(), lambda: SMALL])
def test_sizes_come_back_from_json(preset):
  written = json.loads(json.dumps(preset().to_dict()))
  assert ReVisionLlmConfig.from_dict(written) == preset()
  written['zebra'] = 1
  with pytest.raises(BadInput, match="unknown 'zebra'"):
    ReVisionLlmConfig.from_dict(written)


def test_released_sizes_are_those_of_the_spec():
  shapes = flatten(param_shapes(PRESETS['mad']()))
  n = {
    part: sum(x.size for path, x in shapes.items() if path.startswith(part))
    for part in ('loras/dense/', 'loras/long_33/', 'clip_encoder/', 'llm/')
  }
  assert n['loras/dense/'] == n['loras/long_33/'] == 159_907_840
  assert n['clip_encoder/'] == 25_207_296
  assert n['llm/'] == 6_738_415_616  # one base, whatever the adapters
  assert shapes['dense_projector/kernel'].shape == (768, 4096)


def test_levels_may_share_an_adapter_and_may_wear_none():
  config = PRESETS['unified']()
  assert config.loras == ('unified',)
  bare = dataclasses.replace(
    SMALL, levels=(LevelConfig(name='dense', lora=None, n_windows=None),)
  )
  assert bare.loras == () and not bare.has_sparse_levels
  assert 'loras' not in param_shapes(bare)
  with pytest.raises(KeyError, match="no level is called 'zebra'; use one of"):
    bare.level('zebra')


@pytest.mark.parametrize(
  ('change', 'said'),
  [
    (dict(clip_encoder=None), 'need a clip_encoder'),
    (dict(features_width=12), 'is not self.features_width=12'),
    (dict(n_frames=0), 'n_frames is 0'),
    (dict(fps=0.0), 'must be above 0'),
    (dict(levels=()), 'levels are called'),
    (
      dict(llm=dataclasses.replace(SMALL.llm, lora=None)),
      'have no llm.lora',
    ),
  ],
)
def test_what_does_not_go_together_is_refused(change, said):
  with pytest.raises(ValueError, match=said):
    dataclasses.replace(SMALL, **change)
