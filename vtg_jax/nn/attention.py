"""Attention over one or several segments of keys: its only home."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from vtg_jax.nn.compute import platform
from vtg_jax.nn.dropout import keep_mask

# Up to so many rows of queries, all heads and rows are one block.
SHORT = 256
# Rows of queries per block of the chunked implementation, which takes one head
# at a time: its scores (rows x keys, float32) stay inside a shared cache, and
# its matrix products are large enough for all cores.
CHUNK = 800
# Scores of one head and sample that the blocked implementation holds at a
# time, of all heads and samples together: 446 rows of 2352 keys.
SCORES = 2**20


class Segment(NamedTuple):
  """Keys that queries may look at, with who may look at which.

  A batch of 1 is shared by every row: a prompt prefix computed once serves
  all queries without being copied.

  Attributes:
    k: Keys.
    v: Values.
    mask: True where a query may look at a key; None when it may everywhere.
  """

  k: Float[Array, '#B S K H']
  v: Float[Array, '#B S K H']
  mask: Bool[Array, '#B #T S'] | None = None


class ProbabilityDropout(NamedTuple):
  """Drops attention probabilities while training.

  Attributes:
    rng: Random key of this call.
    rate: Share of probabilities set to zero, below 1; what is left of them is
      scaled up, and no longer sums to one.
  """

  rng: jax.Array
  rate: float


def attend(
  q: Float[Array, 'B T N H'],
  segments: Sequence[Segment],
  *,
  scale: float,
  implementation: str = 'auto',
  dropout: ProbabilityDropout | None = None,
) -> Float[Array, 'B T N H']:
  """Softmax attention of every query over the union of the segments.

  Heads are grouped when there are fewer key heads than query heads. The
  softmax is float32. A row that may look at nothing yields the mean of the
  values, not NaN.

  Args:
    q: Queries, unscaled.
    segments: At least one segment; the result does not depend on how keys are
      divided into segments.
    scale: Multiplies the scores, usually ``H ** -0.5``.
    implementation: See ``Compute.attention``; with `dropout` it is 'xla'
      whatever this says.
    dropout: None for none.

  Returns:
    The attended values in the dtype of ``q``.
  """
  if dropout is not None:
    return _attend_xla(q, segments, scale, dropout)
  if implementation == 'auto':
    implementation = {'cpu': 'chunked', 'tpu': 'blocked'}.get(platform(), 'xla')
  if implementation == 'cudnn' and _suits_cudnn(q, segments):
    return _attend_cudnn(q, segments[0], scale)
  T = q.shape[1]
  if implementation == 'chunked' and T > SHORT:
    folded = _batch_as_heads(q, segments)
    out = _attend_in_rows(*folded, scale, CHUNK, by_head=True)
    return _heads_as_batch(out, q.shape)
  n_scores = T * sum(s.k.shape[1] for s in segments)
  if implementation == 'blocked' and n_scores > SCORES:
    rows = -(-T * SCORES // n_scores)
    return _attend_in_rows(q, segments, scale, rows, by_head=False)
  return _attend_xla(q, segments, scale)


def _attend_xla(q, segments, scale, dropout=None):
  return _tokens_first(_mix(*_heads_first(q, segments), scale, dropout))


def _attend_in_rows(q, segments, scale, most_rows: int, *, by_head: bool):
  """Walks over stretches of queries, and in each over the heads."""
  T = q.shape[1]
  n_chunks = -(-T // most_rows)
  rows = -(-T // n_chunks)  # even: 900 are 2 x 450, not 800 + 100
  padding = n_chunks * rows - T

  def split(x, axis):  # [... T ...] -> [n_chunks ... rows ...]
    x = jnp.pad(x, [(0, padding if i == axis else 0) for i in range(x.ndim)])
    x = x.reshape(*x.shape[:axis], n_chunks, rows, *x.shape[axis + 1 :])
    return jnp.moveaxis(x, axis, 0)

  q, segments = _heads_first(q, segments)
  per_row = [s.mask is not None and s.mask.shape[1] > 1 for s in segments]
  masks = [
    split(s.mask, 1) for s, own in zip(segments, per_row, strict=True) if own
  ]

  keys = [(jnp.moveaxis(s.k, 1, 0), jnp.moveaxis(s.v, 1, 0)) for s in segments]

  def block(args):
    q_block, mask_blocks = args
    mask_blocks = iter(mask_blocks)
    seen = [
      next(mask_blocks) if own else s.mask
      for s, own in zip(segments, per_row, strict=True)
    ]

    if not by_head:
      one = [s._replace(mask=m) for s, m in zip(segments, seen, strict=True)]
      return _mix(q_block, one, scale)

    def head(args):
      q_head, keys_of_head = args
      one = [
        Segment(k[:, None], v[:, None], mask)
        for (k, v), mask in zip(keys_of_head, seen, strict=True)
      ]
      return _mix(q_head[:, None], one, scale)[:, 0]

    return jax.lax.map(head, (q_block, keys))

  if not by_head:
    # A gradient computes each block's scores anew: kept, they would be all.
    block = jax.checkpoint(block)
  q = split(q, 3)  # n_chunks B K G rows H
  if by_head:
    q = jnp.moveaxis(q, 2, 1)  # n_chunks K B G rows H
  out = jax.lax.map(block, (q, masks))
  if by_head:
    out = jnp.moveaxis(out, 1, 2)
  out = jnp.moveaxis(out, 0, 3)  # B K G n_chunks rows H
  out = out.reshape(*out.shape[:3], n_chunks * rows, -1)[:, :, :, :T]
  return _tokens_first(out)


def _batch_as_heads(q, segments):
  """Several rows as one with more heads, so that one is walked over a time.

  As they are where rows share keys or differ in what they may look at.
  """
  B = q.shape[0]
  alike = [
    s.k.shape[0] == B and (s.mask is None or s.mask.shape[0] == 1)
    for s in segments
  ]
  if B == 1 or not all(alike):
    return q, segments

  def folded(x):  # [B T N H] -> [1 T B*N H]
    x = jnp.swapaxes(x, 0, 1)
    return x.reshape(1, len(x), -1, x.shape[-1])

  return folded(q), [s._replace(k=folded(s.k), v=folded(s.v)) for s in segments]


def _heads_as_batch(out, shape):
  """The inverse of `_batch_as_heads`, for a result of this shape."""
  B, T, N, H = shape
  if out.shape == shape:
    return out
  return jnp.swapaxes(out.reshape(T, B, N, H), 0, 1)


def _heads_first(q, segments):
  """Brings queries to [B K N/K T H], keys and values to [B K S H].

  Done once, outside any loop: the products over such arrays need no copies.
  """
  B, T, N, H = q.shape
  K = segments[0].k.shape[2]
  q = q.reshape(B, T, K, N // K, H).transpose(0, 2, 3, 1, 4)
  return q, [
    s._replace(k=jnp.swapaxes(s.k, 1, 2), v=jnp.swapaxes(s.v, 1, 2))
    for s in segments
  ]


def _tokens_first(out):
  B, K, G, T, H = out.shape
  return out.transpose(0, 3, 1, 2, 4).reshape(B, T, K * G, H)


def _mix(q, segments, scale, dropout=None):
  """Attention of heads-first arrays, all scores at once."""
  floor = jnp.finfo(jnp.float32).min
  scores = []
  for k, _, mask in segments:
    equation = 'bkgth,bksh->bkgts'
    if k.shape[0] == 1 and q.shape[0] > 1:
      equation, k = 'bkgth,ksh->bkgts', k[0]
    s = jnp.einsum(equation, q, k, preferred_element_type=jnp.float32)
    s = s * scale
    if mask is not None:
      s = jnp.where(mask[:, None, None], s, floor)
    scores.append(s)
  top = scores[0].max(-1, keepdims=True)
  for s in scores[1:]:
    top = jnp.maximum(top, s.max(-1, keepdims=True))
  total = out = 0.0
  for i, ((_, v, _), s) in enumerate(zip(segments, scores, strict=True)):
    equation = 'bkgts,bksh->bkgth'
    if v.shape[0] == 1 and q.shape[0] > 1:
      equation, v = 'bkgts,ksh->bkgth', v[0]
    w = jnp.exp(s - jax.lax.stop_gradient(top))
    total += w.sum(-1, keepdims=True)
    if dropout is not None:
      keep = 1 - dropout.rate
      rng = jax.random.fold_in(dropout.rng, i)
      kept = keep_mask(rng, dropout.rate, w.shape)
      w = jnp.where(kept, w / keep, 0)
    w = w.astype(v.dtype)
    out += jnp.einsum(equation, w, v, preferred_element_type=jnp.float32)
  return (out / total).astype(q.dtype)


def _suits_cudnn(q, segments) -> bool:
  """Whether the fused kernel saves memory here: many rows that see all keys."""
  (first, *others) = segments
  return not others and first.mask is None and q.shape[1] > SHORT


def _attend_cudnn(q, segment, scale):
  B = q.shape[0]
  k = jnp.broadcast_to(segment.k, (B, *segment.k.shape[1:]))
  v = jnp.broadcast_to(segment.v, (B, *segment.v.shape[1:]))
  return jax.nn.dot_product_attention(
    q, k, v, scale=scale, implementation='cudnn'
  )
