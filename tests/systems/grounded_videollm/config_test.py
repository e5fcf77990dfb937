"""Sizes that shape no network are named, before anything is made of them."""

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.systems.grounded_videollm.config import (
  PRESETS,
  GroundedVideoLlmConfig,
)


@pytest.mark.parametrize(
  ('path', 'value', 'told'),
  [
    ('n_intervals', -3, 'n_intervals is -3; use 1 up'),
    ('n_intervals', 10**9, 'n_intervals is 1000000000; use 1 to'),
    ('n_frames', 96 * 1000, 'n_frames is 96000; use 1 to 4096'),
    ('n_segments', 0, 'n_segments is 0; use 1 up'),
    ('llm.n_layers', 10**9, 'llm.n_layers is 1000000000; use 1 up to 16777216'),
    ('image_encoder.block.mlp_hidden', 0, 'block.mlp_hidden is 0; use 1 up'),
    ('dialect', 'latin', "dialect='latin' is not one of"),
  ],
)
def test_a_wrong_entry_is_named(path, value, told):
  values = PRESETS['phi3']().to_dict()
  *parents, name = path.split('.')
  table = values
  for parent in parents:
    table = table[parent]
  table[name] = value
  with pytest.raises(BadInput) as error:
    GroundedVideoLlmConfig.from_dict(values)
  assert told in str(error.value)
