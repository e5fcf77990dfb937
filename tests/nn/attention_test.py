"""Attention against plain numpy, however keys and queries are cut up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.nn import attention
from vtg_jax.nn.attention import CHUNK, ProbabilityDropout, Segment, attend
from vtg_jax.nn.compute import traced_for

B, T, S, N, K, H = 2, 5, 7, 4, 2, 6
SCALE = H**-0.5


def normal(rng, *shape):
  return rng.normal(size=shape).astype(np.float32)


def inputs(seed=0, n_queries=T):
  rng = np.random.default_rng(seed)
  q, k, v = normal(rng, B, n_queries, N, H), *normal(rng, 2, B, S, K, H)
  mask = rng.random((B, n_queries, S)) < 0.6
  mask[..., 0] = True  # nobody is blind
  return q, k, v, mask


def by_definition(q, k, v, mask, scale=SCALE):
  """softmax(scale q k) v with each key head repeated for its group."""
  group = q.shape[2] // k.shape[2]
  k, v = np.repeat(k, group, 2), np.repeat(v, group, 2)
  scores = scale * np.einsum('btnh,bsnh->bnts', q, k, dtype=np.float64)
  scores = np.where(mask[:, None], scores, -np.inf)
  weights = np.exp(scores - scores.max(-1, keepdims=True))
  weights /= weights.sum(-1, keepdims=True)
  return np.einsum('bnts,bsnh->btnh', weights, v)


@pytest.mark.parametrize('n_kv_heads', [1, 2, 4])
def test_it_is_a_softmax_with_grouped_heads(n_kv_heads):
  q, _, _, mask = inputs()
  rng = np.random.default_rng(1)
  k, v = normal(rng, 2, B, S, n_kv_heads, H)
  got = attend(*jnp_tree((q, [Segment(k, v, mask)])), scale=SCALE)
  want = by_definition(q, k, v, mask)
  np.testing.assert_allclose(got, want, atol=1e-6)


def jnp_tree(tree):
  return jax.tree.map(jnp.asarray, tree)


def test_no_mask_means_that_everything_is_seen():
  q, k, v, mask = jnp_tree(inputs())
  got = attend(q, [Segment(k, v)], scale=SCALE)
  want = attend(q, [Segment(k, v, jnp.ones_like(mask))], scale=SCALE)
  np.testing.assert_array_equal(got, want)


def test_one_mask_row_serves_all_queries_and_samples():
  q, k, v, mask = jnp_tree(inputs())
  row = mask[:1, :1]
  got = attend(q, [Segment(k, v, row)], scale=SCALE)
  whole = jnp.broadcast_to(row, mask.shape)
  want = attend(q, [Segment(k, v, whole)], scale=SCALE)
  np.testing.assert_array_equal(got, want)


@settings(max_examples=8, deadline=None)
@given(
  cuts=st.lists(st.integers(1, S - 1), unique=True, max_size=3).map(sorted),
  seed=st.integers(0, 9),
)
def test_the_division_into_segments_does_not_matter(cuts, seed):
  q, k, v, mask = inputs(seed)
  bounds = [0, *cuts, S]
  segments = [
    Segment(k[:, a:b], v[:, a:b], mask[:, :, a:b])
    for a, b in zip(bounds[:-1], bounds[1:], strict=True)
  ]
  got = attend(*jnp_tree((q, segments)), scale=SCALE)
  np.testing.assert_allclose(got, by_definition(q, k, v, mask), atol=2e-6)


@pytest.mark.parametrize('implementation', ['chunked', 'blocked'])
@pytest.mark.parametrize('n_queries', [2 * CHUNK + 1, 3 * CHUNK])
def test_walking_over_blocks_of_queries_changes_nothing(
  n_queries, implementation, monkeypatch
):
  monkeypatch.setattr(attention, 'SCORES', 700 * (3 + 4 + 7))
  q, k, v, mask = jnp_tree(inputs(n_queries=n_queries))
  segments = [
    Segment(k[:1, :3], v[:1, :3], mask[:1, :1, :3]),
    Segment(k[:, 3:], v[:, 3:], mask[:, :, 3:]),
    Segment(k, v),
  ]
  blocks, whole = (
    attend(q, segments, scale=SCALE, implementation=implementation)
    for implementation in (implementation, 'xla')
  )
  np.testing.assert_allclose(blocks, whole, atol=1e-6)


@pytest.mark.parametrize('masked', [False, True])
def test_rows_that_share_nothing_are_walked_over_one_by_one(masked):
  q, k, v, mask = jnp_tree(inputs(n_queries=CHUNK + 1))
  segments = [Segment(k, v, mask[:1] if masked else None)]
  chunks, whole = (
    attend(q, segments, scale=SCALE, implementation=implementation)
    for implementation in ('chunked', 'xla')
  )
  np.testing.assert_allclose(chunks, whole, atol=1e-6)


@pytest.mark.parametrize('implementation', ['chunked', 'blocked'])
def test_short_rows_are_one_block(implementation, monkeypatch):
  monkeypatch.setattr(attention, '_attend_in_rows', None)
  q, k, v, _ = jnp_tree(inputs())
  attend(q, [Segment(k, v)], scale=SCALE, implementation=implementation)


def test_blocks_hold_no_more_scores_than_they_may(monkeypatch):
  monkeypatch.setattr(attention, 'SCORES', 100 * S)
  q, k, v, _ = jnp_tree(inputs(n_queries=301))
  traced = jax.make_jaxpr(
    lambda q: attend(q, [Segment(k, v)], scale=SCALE, implementation='blocked')
  )(q)
  scores = {
    e.outvars[0].aval.shape[-2:]
    for e in equations(traced.jaxpr)
    if e.primitive.name == 'exp'
  }
  assert scores == {(76, S)}  # 4 x 76 rows


def equations(jaxpr):
  """All operations, those of loops and calls included."""
  for equation in jaxpr.eqns:
    yield equation
    for value in equation.params.values():
      inner = getattr(value, 'jaxpr', value)  # a closed one, or an open one
      if hasattr(inner, 'eqns'):
        yield from equations(inner)


def test_a_gradient_keeps_no_scores_of_other_blocks(monkeypatch):
  monkeypatch.setattr(attention, 'SCORES', 100 * S)
  q, k, v, mask = jnp_tree(inputs(n_queries=1000))

  def grad(implementation):
    def loss(q, k, v):
      out = attend(
        q, [Segment(k, v, mask)], scale=SCALE, implementation=implementation
      )
      return (out**2).sum()

    return jax.jit(jax.grad(loss, (0, 1, 2))).lower(q, k, v).compile()

  blocks, whole = grad('blocked'), grad('xla')
  for got, want in zip(blocks(q, k, v), whole(q, k, v), strict=True):
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
  needed = blocks.memory_analysis().temp_size_in_bytes
  assert needed < whole.memory_analysis().temp_size_in_bytes / 2


def test_a_tpu_takes_blocks_of_what_is_large(monkeypatch):
  def in_rows(q, *_, **__):
    return jnp.full_like(q, 7)

  monkeypatch.setattr(attention, '_attend_in_rows', in_rows)
  monkeypatch.setattr(attention, 'SCORES', 300 * S - 1)
  q, k, v, _ = jnp_tree(inputs(n_queries=300))
  with traced_for('tpu'):
    large = attend(q, [Segment(k, v)], scale=SCALE)
    small = attend(q[:, 1:], [Segment(k, v)], scale=SCALE)
  assert (large == 7).all() and not (small == 7).any()


def test_a_segment_of_batch_one_is_shared_by_all_rows():
  q, k, v, mask = jnp_tree(inputs())
  shared = Segment(k[:1], v[:1], mask)
  own = Segment(k, v)
  wide = Segment(*(jnp.repeat(x[:1], B, 0) for x in (k, v)), mask)
  got = attend(q, [shared, own], scale=SCALE)
  want = attend(q, [wide, own], scale=SCALE)
  np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize('n_queries', [T, 300])
def test_a_row_that_sees_nothing_gives_the_mean_of_the_values(n_queries):
  q, k, v, mask = inputs(n_queries=n_queries)
  mask[1, 2] = False
  segments = [
    Segment(k[:, :3], v[:, :3], mask[..., :3]),
    Segment(k[:, 3:], v[:, 3:], mask[..., 3:]),
  ]
  got = attend(*jnp_tree((q, segments)), scale=SCALE)
  mean = np.repeat(v[1].mean(0), N // K, 0)
  np.testing.assert_allclose(got[1, 2], mean, atol=1e-6)
  assert np.isfinite(got).all()


def test_a_fully_masked_segment_adds_nothing():
  q, k, v, mask = jnp_tree(inputs())
  nothing = Segment(9 * k, 9 * v, jnp.zeros_like(mask))
  got = attend(q, [nothing, Segment(k, v, mask)], scale=SCALE)
  want = attend(q, [Segment(k, v, mask)], scale=SCALE)
  np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize('implementation', ['xla', 'chunked', 'blocked'])
def test_gradients_are_finite_and_independent_of_the_segments(
  implementation, monkeypatch
):
  monkeypatch.setattr(attention, 'SCORES', 128 * S)
  q, k, v, mask = inputs(n_queries=300)
  mask[0, 1] = False
  q, k, v, mask = jnp_tree((q, k, v, mask))

  def total(q, k, v, cut):
    segments = [
      Segment(k[:, a:b], v[:, a:b], mask[..., a:b])
      for a, b in ((0, cut), (cut, S))
    ]
    out = attend(q, segments, scale=SCALE, implementation=implementation)
    return (out * jnp.cos(jnp.arange(H))).sum()

  gradient = jax.jit(jax.grad(total, (0, 1, 2)), static_argnums=3)
  for one, other in zip(
    gradient(q, k, v, 2), gradient(q, k, v, 5), strict=True
  ):
    assert np.isfinite(one).all()
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_16_bit_inputs_keep_their_dtype_and_a_float32_softmax():
  q, k, v, mask = inputs()
  half = [jnp.asarray(x, jnp.bfloat16) for x in (q, k, v)]
  got = attend(half[0], [Segment(*half[1:], jnp.asarray(mask))], scale=SCALE)
  assert got.dtype == jnp.bfloat16
  rounded = [np.asarray(x, np.float32) for x in half]
  want = by_definition(*rounded, mask)
  np.testing.assert_allclose(got.astype(jnp.float32), want, atol=0.02)


def dropped_weights(rate, seed, n_queries=T, **options):
  """What is left of the probabilities: one-hot values show them."""
  q, k, _, mask = inputs(n_queries=n_queries)
  k, mask = k[:, :H], mask[..., :H]  # as many keys as a value is wide
  v = np.broadcast_to(np.eye(H, dtype=np.float32)[None, :, None], (B, H, K, H))
  dropout = ProbabilityDropout(jax.random.key(seed), rate)
  args = jnp_tree((q, [Segment(k, v, mask)]))
  plain = attend(*args, scale=SCALE)
  return attend(*args, scale=SCALE, dropout=dropout, **options), plain


@pytest.mark.parametrize('rate', [0.25, 0.5])
def test_dropout_takes_probabilities_and_scales_up_what_is_left(rate):
  got, plain = dropped_weights(rate, seed=0)
  kept = got != 0
  np.testing.assert_allclose(got, jnp.where(kept, plain / (1 - rate), 0), 1e-4)
  share = kept.sum() / (plain != 0).sum()
  assert abs(share - (1 - rate)) < 0.1


def test_dropout_leaves_the_mean_and_follows_its_key():
  draws = np.stack([dropped_weights(0.5, seed)[0] for seed in range(60)])
  plain = dropped_weights(0.5, 0)[1]
  np.testing.assert_allclose(draws.mean(0), plain, atol=0.35)
  assert abs(draws.mean() - plain.mean()) < 0.01
  again, _ = dropped_weights(0.5, 0)
  np.testing.assert_array_equal(draws[0], again)
  assert np.any(draws[0] != draws[1])


def test_dropout_is_not_left_out_where_queries_are_walked_over():
  got, plain = dropped_weights(
    0.5, 0, n_queries=CHUNK, implementation='chunked'
  )
  assert ((got == 0) & (plain != 0)).any()


@pytest.mark.gpu
def test_cudnn_agrees_with_plain_attention():
  q, k, v, mask = jnp_tree(inputs())
  q, k, v = (x.repeat(4, -1).astype(jnp.bfloat16) for x in (q, k, v))
  segments = [Segment(k[:1], v[:1]), Segment(k, v, mask)]
  got, want = (
    attend(q, segments, scale=SCALE, implementation=implementation)
    for implementation in ('cudnn', 'xla')
  )
  np.testing.assert_allclose(
    got.astype(jnp.float32), want.astype(jnp.float32), atol=0.05
  )
