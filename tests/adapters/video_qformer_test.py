"""The video Q-Former: its windows, and what may look at what."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from tests.adapters.qformer_test import TINY as IMAGE
from vtg_jax.adapters.qformer import QFormer
from vtg_jax.adapters.video_qformer import (
  VideoQFormer,
  VideoQFormerConfig,
  windows_of,
)
from vtg_jax.nn.compute import Compute

TINY = VideoQFormerConfig(
  qformer=dataclasses.replace(
    IMAGE,
    n_layers=2,
    vocab_size=0,
    max_positions=0,
    n_queries=2,
    n_extra_queries=0,
    cross_attention_every=1,
    features_width=8,
  ),
  n_frames=6,
  window=3,
  stride=2,
)
ROWS = jax.random.normal(jax.random.key(7), (2, 5, 4, 8))


@pytest.fixture(scope='module')
def params():
  init = jax.jit(VideoQFormer(TINY, Compute()).init)
  params = nn.meta.unbox(init(jax.random.key(0), ROWS))['params']
  return jax.tree.map(
    lambda x: x + 0.3 * jax.random.normal(jax.random.key(x.size), x.shape),
    params,
  )


def watch(params, rows, shown=None, config=TINY):
  module = VideoQFormer(config, Compute())
  return jax.jit(module.apply)({'params': params}, rows, shown)


@hypothesis.given(
  n_frames=st.integers(1, 40),
  window=st.integers(1, 12),
  stride=st.integers(1, 12),
)
def test_windows_are_those_of_the_reference(n_frames, window, stride):
  config = dataclasses.replace(TINY, window=window, stride=stride)
  frames, there = windows_of(config, n_frames)
  want = [
    list(range(start, min(start + window, n_frames)))
    for start in range(0, n_frames, stride)
  ]
  got = [row[on].tolist() for row, on in zip(frames, there, strict=True)]
  assert got == want
  assert config.n_tokens(n_frames) == 2 * len(want)


def test_without_a_stride_there_is_one_window():
  config = dataclasses.replace(TINY, stride=0)
  frames, there = windows_of(config, 5)
  assert frames.tolist() == [[0, 1, 2, 3, 4]] and there.all()
  assert config.n_tokens(5) == 2


def test_each_window_is_read_alone(params):
  out = watch(params, ROWS)
  assert out.queries.shape == (2, 6, 8)
  places = params['frame_positions'][:5, None]
  np.testing.assert_allclose(out.positioned, ROWS + places, atol=1e-6)
  reader = jax.jit(QFormer(TINY.qformer, Compute()).apply)
  for w, (first, last) in enumerate([(0, 3), (2, 5), (4, 5)]):
    window = out.positioned[:, first:last].reshape(2, -1, 8)
    alone = reader({'params': params['qformer']}, window)
    got = out.queries[:, 2 * w : 2 * w + 2]
    np.testing.assert_allclose(got, alone.queries, atol=1e-5)


def test_a_short_video_beside_a_long_one_is_what_it_is_alone(params):
  shown = jnp.arange(5)[:, None] < jnp.full((2, 1, 4), 3)  # 3 frames of 5
  beside = watch(params, ROWS, shown).queries
  alone = watch(params, ROWS[:, :3]).queries
  np.testing.assert_allclose(beside[:, :4], alone, atol=1e-5)
  assert TINY.n_tokens(3) == 4


def test_rows_that_are_not_shown_are_not_seen(params):
  shown = jnp.ones((2, 5, 4), bool).at[:, :, 3].set(False)
  changed = ROWS.at[:, :, 3].add(1.0)
  before, after = (
    watch(params, rows, shown).queries for rows in (ROWS, changed)
  )
  np.testing.assert_array_equal(before, after)
  assert not np.allclose(before, watch(params, ROWS).queries, atol=1e-4)


def test_more_frames_than_positions_are_refused(params):
  with pytest.raises(ValueError, match='7 frames exceed the 6 positions'):
    watch(params, jnp.zeros((1, 7, 1, 8)))


@pytest.mark.parametrize(
  ('wrong', 'told'),
  [
    ({'window': 0}, 'window=0'),
    ({'stride': -1}, 'stride=-1'),
    ({'qformer': IMAGE}, 'reads no text'),
  ],
)
def test_what_cannot_be_is_refused(wrong, told):
  with pytest.raises(ValueError, match=told):
    dataclasses.replace(TINY, **wrong)


def test_gradients_are_finite_and_reach_every_parameter(params):
  def loss(params):
    return (watch(params, ROWS).queries ** 2 * jnp.arange(8)).sum()

  for path, leaf in jax.tree_util.tree_leaves_with_path(jax.grad(loss)(params)):
    assert np.isfinite(leaf).all(), path
    assert np.any(leaf), path
