"""Levels over one base, and rows of each kind of batch.

What the network computes is replayed with the golden set.
"""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from vtg_jax.convert.param_tree import flatten
from vtg_jax.nn.compute import Compute
from vtg_jax.sharding import RULES
from vtg_jax.systems.revisionllm import model
from vtg_jax.systems.revisionllm.config import small

CONFIG = small(vocab_size=50, features_width=8, n_frames=3)


@pytest.fixture(scope='module')
def params():
  """Their shapes: what is the same array is the same object here."""
  return model.param_shapes(CONFIG)


def test_a_level_wears_its_adapter_over_the_one_base(params):
  for level in CONFIG.levels:
    network, worn = model.at_level(CONFIG, Compute(), params, level.name)
    assert network.has_lora and 'loras' not in worn
    ours = flatten(worn['llm'])
    base, own = flatten(params['llm']), flatten(params['loras'][level.lora])
    assert ours.keys() == base.keys() | own.keys()
    assert all(ours[path] is base[path] for path in base)
    assert all(ours[path] is own[path] for path in own)


def test_a_level_without_an_adapter_is_the_bare_model(params):
  levels = [dataclasses.replace(level, lora=None) for level in CONFIG.levels]
  config = dataclasses.replace(CONFIG, levels=tuple(levels))
  network, worn = model.at_level(config, Compute(), params, 'dense')
  assert not network.has_lora
  assert not any('lora' in path for path in flatten(worn))


def test_every_parameter_has_axes_that_the_mesh_knows(params):
  axes = flatten(model.param_axes(CONFIG))
  shapes = flatten(params)
  assert axes.keys() == shapes.keys()
  for path, names in axes.items():
    assert len(names) == shapes[path].ndim, path
    assert set(names) <= {*RULES, None}, path


def test_each_kind_of_batch_has_rows_of_its_own_level(params):
  B, R, F, D, T = 2, 4, CONFIG.n_frames, CONFIG.features_width, 7
  words = {'text': (B, 3, D), 'text_mask': (B, 3)}
  rows = {name: (B, T) for name in ('input_ids', 'places', 'attention_mask')}
  dtypes = {'text': 'f4', 'features': 'f4', 'text_mask': '?'}
  dtypes |= {'attention_mask': '?'}
  network = model.ReVisionLlm(CONFIG, Compute())
  worn = model.worn(params, 'dense')
  for batch in (
    {**rows, 'features': (B, F, D)},
    {**rows, 'features': (B, F, D), **words},
    {**rows, 'features': (B, R, F, D), **words},
  ):
    shaped = {
      name: jax.ShapeDtypeStruct(shape, jnp.dtype(dtypes.get(name, 'i4')))
      for name, shape in batch.items()
    }
    states = jax.eval_shape(
      lambda worn, batch: network.apply(
        {'params': worn},
        batch,
        deterministic=True,
        method='training_states',
      ),
      worn,
      shaped,
    )
    assert states.shape == (B, T, CONFIG.llm.width)
