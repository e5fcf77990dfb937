"""The Q-Former: what may look at what, and when chance plays a part."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vtg_jax.adapters.qformer import QFormer, QFormerAttention, QFormerConfig
from vtg_jax.nn.compute import Compute

TINY = QFormerConfig(
  width=8,
  n_layers=3,
  n_heads=2,
  mlp_hidden=16,
  vocab_size=11,
  max_positions=6,
  n_queries=2,
  n_extra_queries=3,
  cross_attention_every=2,
  features_width=10,
  norm_eps=1e-12,
  dropout=0.0,
  drop_path=0.0,
)
FEATURES = jax.random.normal(jax.random.key(7), (2, 4, 10))
IDS = jnp.array([[2, 5, 6, 3], [2, 7, 8, 3]])
MASK = jnp.ones((2, 4), bool)


def make(config):
  init = jax.jit(QFormer(config, Compute()).init)
  return nn.meta.unbox(init(jax.random.key(0), FEATURES, IDS, MASK))['params']


@pytest.fixture(scope='module')
def params():
  """Biases and tables as large as trained ones, so that they are seen."""
  leaves, tree = jax.tree.flatten(make(TINY))
  keys = jax.random.split(jax.random.key(1), len(leaves))
  leaves = [
    x + 0.3 * jax.random.normal(key, x.shape)
    for x, key in zip(leaves, keys, strict=True)
  ]
  return jax.tree.unflatten(tree, leaves)


@jax.jit
def read(params, features, ids, mask):
  return QFormer(TINY, Compute()).apply({'params': params}, features, ids, mask)


def test_queries_come_before_text(params):
  out = read(params, FEATURES, IDS, MASK)
  assert TINY.n_tokens == 5
  assert out.queries.shape == (2, 5, 8)
  assert out.embedded.shape == (2, 9, 8)
  assert len(out.layers) == 3
  np.testing.assert_array_equal(out.queries, out.layers[-1][:, :5])


def test_text_positions_start_at_zero_and_queries_have_none(params):
  embedded = read(params, FEATURES, IDS, MASK).embedded
  words = params['word_embeddings']['embedding'][IDS]
  places = params['position_embeddings']['embedding'][:4]
  queries = jnp.concatenate(
    [params['query_tokens'], params['extra_query_tokens']]
  )
  rows = jnp.concatenate(
    [jnp.broadcast_to(queries, (2, 5, 8)), words + places], axis=1
  )
  mean = rows.mean(-1, keepdims=True)
  deviation = rows.std(-1, keepdims=True)
  norm = params['embed_norm']
  want = (rows - mean) / deviation * norm['scale'] + norm['bias']
  np.testing.assert_allclose(embedded, want, atol=1e-4)


def test_padding_of_the_text_changes_nothing(params):
  longer = jnp.array([[2, 5, 6, 3, 0, 9], [2, 7, 8, 3, 4, 1]])
  mask = jnp.arange(6) < jnp.array([[4], [4]])
  want = read(params, FEATURES, IDS, MASK).queries
  got = read(params, FEATURES, longer, mask).queries
  np.testing.assert_allclose(got, want, atol=1e-5)


def test_a_sample_does_not_feel_the_length_of_another(params):
  ids = jnp.array([[2, 5, 3, 0], [2, 7, 8, 3]])
  mask = jnp.array([[1, 1, 1, 0], [1, 1, 1, 1]], bool)
  alone = read(params, FEATURES[:1], ids[:1, :3], MASK[:1, :3]).queries
  both = read(params, FEATURES, ids, mask).queries
  np.testing.assert_allclose(both[:1], alone, atol=1e-5)


def test_queries_read_the_instruction_and_the_video(params):
  want = read(params, FEATURES, IDS, MASK).queries
  other_text = read(params, FEATURES, IDS.at[:, 1].set(9), MASK).queries
  other_video = read(params, FEATURES[::-1], IDS, MASK).queries
  assert not np.allclose(want, other_text, atol=1e-3)
  assert not np.allclose(want, other_video, atol=1e-3)


def test_the_order_of_the_video_rows_does_not_matter(params):
  want = read(params, FEATURES, IDS, MASK).queries
  got = read(params, FEATURES[:, ::-1], IDS, MASK).queries
  np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize(('every', 'layers'), [(1, 0b111), (2, 0b101)])
def test_only_every_so_many_layers_look_at_the_video(every, layers):
  config = dataclasses.replace(TINY, cross_attention_every=every)
  shapes = jax.eval_shape(lambda: make(config))
  for index in range(3):
    looks = 'cross_attention' in shapes[f'layer_{index}']
    assert looks == bool(layers >> index & 1)


def test_text_rows_skip_the_video_and_use_their_own_ffn(params):
  before = read(params, FEATURES, IDS, MASK).layers[0]
  other = read(params, 2 * FEATURES, IDS, MASK).layers[0]
  np.testing.assert_array_equal(before[:, 5:], other[:, 5:])
  assert not np.allclose(before[:, :5], other[:, :5])
  layer = params['layer_0']
  muted = layer | {'text_ffn': jax.tree.map(jnp.zeros_like, layer['text_ffn'])}
  silent = read(params | {'layer_0': muted}, FEATURES, IDS, MASK).layers[0]
  np.testing.assert_array_equal(silent[:, :5], before[:, :5])
  assert not np.any(silent[:, 5:])


@pytest.mark.parametrize('rates', [{'dropout': 0.5}, {'drop_path': 0.5}])
def test_chance_plays_a_part_only_while_training(params, rates):
  module = QFormer(dataclasses.replace(TINY, **rates), Compute())

  @jax.jit
  def train(seed):
    return module.apply(
      {'params': params},
      FEATURES,
      IDS,
      MASK,
      deterministic=False,
      rngs={'dropout': jax.random.key(seed)},
    ).queries

  evaluated = module.apply({'params': params}, FEATURES, IDS, MASK).queries
  plain = read(params, FEATURES, IDS, MASK).queries
  np.testing.assert_allclose(evaluated, plain, atol=1e-5)
  draws = [train(seed) for seed in range(3)]
  np.testing.assert_array_equal(draws[0], train(0))
  assert any(not np.array_equal(draws[0], other) for other in draws[1:])


def test_attention_probabilities_are_dropped_like_hidden_states(params):
  config = dataclasses.replace(TINY, dropout=0.5)
  module = QFormerAttention(config, Compute(), drop_path=0.0)
  x = jax.random.normal(jax.random.key(3), (2, 5, 8))

  @functools.partial(jax.jit, static_argnames='deterministic')
  def attended(seed, *, deterministic):
    """What comes out of the heads, before hidden states are dropped."""
    _, seen = module.apply(
      {'params': params['layer_0']['cross_attention']},
      x,
      FEATURES,
      None,
      deterministic=deterministic,
      rngs={'dropout': jax.random.key(seed)},
      capture_intermediates=lambda m, _: m.name == 'output',
      mutable='intermediates',
    )
    return seen['intermediates']['output']['__call__'][0]

  plain = attended(0, deterministic=True)
  draws = np.stack([attended(i, deterministic=False) for i in range(300)])
  assert np.any(draws[0] != plain) and np.any(draws[0] != draws[1])
  errors = np.abs(draws.mean(0) - plain) / (draws.std(0) / len(draws) ** 0.5)
  assert errors.max() < 5


def test_drop_path_grows_from_zero_and_drops_whole_samples(params):
  config = dataclasses.replace(TINY, drop_path=0.999)
  out = QFormer(config, Compute()).apply(
    {'params': params},
    FEATURES,
    IDS,
    MASK,
    deterministic=False,
    rngs={'dropout': jax.random.key(0)},
  )
  plain = read(params, FEATURES, IDS, MASK)
  np.testing.assert_allclose(out.layers[0], plain.layers[0], atol=1e-5)
  # All branches of the last layer are off: its three norms are what is left.
  x = out.layers[1]
  layer = params['layer_2']
  for name in ('self_attention', 'cross_attention', 'query_ffn'):
    norm = layer[name]['norm']
    x = (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)
    x = x * norm['scale'] + norm['bias']
  np.testing.assert_allclose(out.queries, x[:, :5], atol=1e-3)


def test_text_longer_than_the_position_table_is_refused(params):
  ids = jnp.zeros((2, 7), jnp.int32)
  with pytest.raises(ValueError, match='7 text tokens exceed the 6'):
    read(params, FEATURES, ids, jnp.ones((2, 7), bool))


def test_without_text_there_is_nothing_that_only_text_passes(params):
  silent = dataclasses.replace(
    TINY, vocab_size=0, max_positions=0, n_extra_queries=0
  )
  module = QFormer(silent, Compute())
  init = jax.eval_shape(module.init, jax.random.key(0), FEATURES)
  own = nn.meta.unbox(init)['params']
  assert set(params) - set(own) == {
    'word_embeddings', 'position_embeddings', 'extra_query_tokens'
  }  # fmt: skip
  assert set(params['layer_0']) - set(own['layer_0']) == {'text_ffn'}
  out = jax.eval_shape(module.apply, {'params': own}, FEATURES)
  assert out.rows.shape == out.queries.shape == (2, 2, 8)
  with pytest.raises(ValueError, match='no text can be read'):
    jax.eval_shape(module.apply, {'params': own}, FEATURES, IDS, MASK)
  with pytest.raises(ValueError, match='a text is needed'):
    read(params, FEATURES, None, None)
  with pytest.raises(ValueError, match='text needs both'):
    dataclasses.replace(TINY, vocab_size=0)


def test_features_that_are_masked_are_not_seen(params):
  @jax.jit
  def seen(features, mask):
    module = QFormer(TINY, Compute())
    return module.apply(
      {'params': params}, features, IDS, MASK, features_mask=mask
    ).rows

  mask = jnp.array([[True] * 4, [True, True, False, False]])
  alone = read(params, FEATURES[:, :2], IDS, MASK).rows
  rows = seen(FEATURES, mask)
  np.testing.assert_allclose(rows[1], alone[1], atol=1e-5)
  whole = read(params, FEATURES, IDS, MASK).rows
  np.testing.assert_allclose(rows[0], whole[0], atol=1e-5)


def test_a_width_that_heads_do_not_divide_is_refused():
  with pytest.raises(ValueError, match='not divisible'):
    dataclasses.replace(TINY, n_heads=3)


def test_gradients_are_finite_and_reach_every_parameter(params):
  gradients = jax.grad(
    lambda p: sum(
      (layer**2 * jnp.arange(8)).sum()
      for layer in read(p, FEATURES, IDS, MASK).layers
    )
  )(params)
  for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
    assert np.isfinite(leaf).all(), path
    assert np.any(leaf), path
