"""The encoder of windows: against torch, what it looks at, what it leaves out.

Its recorded arrays are replayed with the rest of the golden set.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.adapters.hierarchy import (
  SELECTIONS,
  ClipEncoder,
  ClipEncoderConfig,
  position_code,
  selection_of,
  token_rows,
)
from vtg_jax.convert.revisionllm import clip_encoder_table
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.replay.golden_weights import released_tensors

CONFIG = ClipEncoderConfig(
  width=12,
  n_heads=3,
  n_text_layers=2,
  n_layers=2,
  mlp_hidden=10,
  norm_eps=1e-5,
  dropout=0.1,
)
B, F, T, H = 2, 5, 4, 7
VIDEO, TEXT = (
  jax.random.normal(jax.random.key(i), (B, n, CONFIG.width))
  for i, n in enumerate((F, T))
)
MASK = jnp.arange(T) < jnp.array([[T], [2]])


def encoder(config=CONFIG, **compute):
  return ClipEncoder(config, H, Compute(**compute))


@functools.cache
def compiled(module, **options):
  return jax.jit(
    lambda params, rngs, *args: module.apply(
      {'params': params}, *args, select='all', rngs=rngs, **options
    )
  )


def apply(
  params,
  video=VIDEO,
  text=TEXT,
  mask=MASK,
  *,
  module=None,
  rngs=None,
  **options,
):
  """All states and rows; one compilation for each set of options."""
  run = compiled(module or encoder(), **options)
  return run(params, rngs, video, text, mask)


@pytest.fixture(scope='module')
def params():
  """Parameters that differ everywhere."""
  shapes = jax.eval_shape(encoder().init, jax.random.key(0), VIDEO, TEXT, MASK)
  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda x: jnp.asarray(rng.normal(0.3, 0.4, x.shape), jnp.float32),
    nn.meta.unbox(shapes)['params'],
  )


@pytest.fixture(scope='module')
def out(params):
  return apply(params)


def test_selections_are_parts_of_all(params, out):
  assert out.rows.shape == (B, 1 + F, H)
  variables = {'params': params}
  for select, part in (('cls', out.rows[:, :1]), ('temporal', out.rows[:, 1:])):
    shaped = jax.eval_shape(
      lambda select=select: encoder().apply(
        variables, VIDEO, TEXT, MASK, select=select
      )
    )
    assert shaped.rows.shape == part.shape
  with pytest.raises(ValueError, match="select='zebra'"):
    encoder().apply(variables, VIDEO, TEXT, MASK, select='zebra')


@pytest.mark.parametrize('n_layers', [1, 2])
def test_the_row_of_a_window_alone_is_the_same(params, n_layers):
  config = dataclasses.replace(CONFIG, n_layers=n_layers)
  layers = jax.tree.map(lambda x: x[:n_layers], params['self_layers'])
  own = {**params, 'self_layers': layers}
  rows = jax.jit(functools.partial(token_rows, encoder(config)))(
    own, VIDEO, TEXT, MASK
  )
  out = compiled(encoder(config))(own, None, VIDEO, TEXT, MASK)
  np.testing.assert_allclose(rows, out.rows[:, 0], atol=1e-5)


@pytest.mark.parametrize(
  ('feature', 'hierarchical', 'step', 'selected'),
  [
    ('cls', False, 0, 'cls'),
    ('temporal', False, 1, 'temporal'),
    ('temporal', True, 0, 'cls'),
    ('True', False, 0, 'all'),
    ('alternate', True, 2, 'cls'),
    ('alternate', True, 3, 'temporal'),
  ],
)
def test_released_settings_select(feature, hierarchical, step, selected):
  got = selection_of(feature, hierarchical=hierarchical, step=step)
  assert got == selected and got in SELECTIONS


def test_padding_of_the_query_changes_nothing(params, out):
  other = jnp.where(MASK[..., None], TEXT, 9.0)
  rows = apply(params, text=other).rows
  np.testing.assert_allclose(rows, out.rows, atol=1e-5)


def test_the_query_and_the_order_of_frames_matter(params, out):
  for change in (
    dict(text=TEXT[::-1]),
    dict(video=VIDEO[:, ::-1]),
    dict(use_text=False),
  ):
    rows = apply(params, **change).rows
    assert np.abs(rows[:, 0] - out.rows[:, 0]).max() > 1e-3


def test_recomputed_layers_have_finite_gradients(params):
  @jax.jit
  @jax.grad
  def slopes(params):
    module = encoder(remat=True)
    return (module.apply({'params': params}, VIDEO, TEXT, MASK).rows ** 2).sum()

  found = slopes(params)
  for path, slope in jax.tree.leaves_with_path(found):
    assert np.isfinite(slope).all(), path
  moved = jax.tree.leaves(found['text_layers']) + [found['global_token']]
  assert all(np.abs(slope).max() > 0 for slope in moved)


def test_dropout_is_on_only_while_training(params, out):
  rngs = {'dropout': jax.random.key(1)}
  drawn = apply(params, deterministic=False, rngs=rngs).rows
  assert np.abs(drawn - out.rows).max() > 1e-3


def test_the_position_code_of_16_bits_is_a_switch(params):
  one, other = (
    apply(
      params,
      module=encoder(
        dataclasses.replace(CONFIG, position_code=code), dtype='bfloat16'
      ),
    )
    for code in ('float32', 'activations')
  )
  assert (one.states != other.states).any()
  with pytest.raises(ValueError, match='position_code'):
    dataclasses.replace(CONFIG, position_code='float64')


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(1, 40).map(lambda n: 2 * n))
def test_the_position_code_is_the_formula(n_frames, width):
  t = np.arange(1, n_frames + 1)[:, None] / (n_frames + 1e-6) * 2 * np.pi
  channel = np.arange(width)
  angle = t / 10000 ** (2 * (channel // 2) / width)
  want = np.where(channel % 2 == 0, np.sin(angle), np.cos(angle))
  got = position_code(n_frames, width)
  assert got.dtype == np.float32
  np.testing.assert_allclose(got, want, atol=1e-5)
  rough = position_code(n_frames, width, 'bfloat16')
  assert rough.dtype == ml_dtypes.bfloat16
  np.testing.assert_allclose(rough.astype(np.float32), want, atol=0.1)


def test_released_sizes_have_as_many_parameters_as_the_spec_says():
  released = dataclasses.replace(CONFIG, width=768, n_heads=8, mlp_hidden=2048)
  shapes = jax.eval_shape(
    ClipEncoder(released, 4096, Compute()).init,
    jax.random.key(0),
    jnp.zeros((1, 2, 768)),
    jnp.zeros((1, 2, 768)),
    jnp.ones((1, 2), bool),
  )
  assert sum(x.size for x in jax.tree.leaves(shapes)) == 25_207_296


@pytest.mark.torch
def test_the_layers_are_those_of_torch(params, out):
  import torch

  tensors = {
    key: torch.tensor(value)
    for key, value in released_tensors(
      params, clip_encoder_table(target='')
    ).items()
  }

  def attend(prefix, q, k, v, ignored=None):
    attention = torch.nn.MultiheadAttention(
      CONFIG.width, CONFIG.n_heads, batch_first=True
    )
    own = f'{prefix}.self_attn.'
    attention.load_state_dict(
      {k[len(own) :]: x for k, x in tensors.items() if k.startswith(own)}
    )
    return attention(q, k, v, key_padding_mask=ignored)[0]

  def linear(name, x):
    return x @ tensors[f'{name}.weight'].T + tensors[f'{name}.bias']

  def norm(name, x):
    return torch.nn.functional.layer_norm(
      x,
      (CONFIG.width,),
      tensors[f'{name}.weight'],
      tensors[f'{name}.bias'],
    )

  def ffn(layer, x):
    return linear(f'{layer}.linear2', linear(f'{layer}.linear1', x).relu())

  with torch.no_grad():
    video, text = (
      torch.tensor(np.asarray(VIDEO)),
      torch.tensor(np.asarray(TEXT)),
    )
    position = torch.tensor(position_code(F, CONFIG.width))
    ignored = ~torch.tensor(np.asarray(MASK))
    for n in range(CONFIG.n_text_layers):
      layer = f't2v_encoder.layers.{n}'
      video = video + attend(layer, video + position, text, text, ignored)
      video = video + ffn(layer, norm(f'{layer}.norm1', video))
      video = norm(f'{layer}.norm2', video)
    token, place = (
      tensors[name].expand(B, 1, -1)
      for name in ('global_rep_token', 'global_rep_pos')
    )
    x = torch.cat([token, video], 1)
    position = torch.cat([place, position.expand(B, -1, -1)], 1)
    for n in range(CONFIG.n_layers):
      layer = f'encoder.layers.{n}'
      x = norm(
        f'{layer}.norm1', x + attend(layer, x + position, x + position, x)
      )
      x = norm(f'{layer}.norm2', x + ffn(layer, x))
  np.testing.assert_allclose(out.read, video, atol=2e-5)
  np.testing.assert_allclose(out.states, x, atol=2e-5)
