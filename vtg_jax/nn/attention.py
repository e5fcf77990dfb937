"""Attention over one or several segments of keys: its only home."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

# Rows of queries per block of the chunked implementation: the scores of one
# block (heads x rows x keys, float32) should stay inside a core's cache share.
CHUNK = 128


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


def attend(
  q: Float[Array, 'B T N H'],
  segments: Sequence[Segment],
  *,
  scale: float,
  implementation: str = 'auto',
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
    implementation: See ``Compute.attention``.

  Returns:
    The attended values in the dtype of ``q``.
  """
  if implementation == 'auto':
    on_cpu = jax.default_backend() == 'cpu'
    implementation = 'chunked' if on_cpu else 'xla'
  if implementation == 'cudnn':
    return _attend_cudnn(q, segments, scale)
  if implementation == 'chunked' and q.shape[1] > 2 * CHUNK:
    return _attend_chunked(q, segments, scale)
  return _attend_xla(q, segments, scale)


def _attend_xla(q, segments, scale):
  B, T, N, H = q.shape
  K = segments[0].k.shape[2]
  grouped = q.reshape(B, T, K, N // K, H)
  floor = jnp.finfo(jnp.float32).min
  scores = []
  for k, _, mask in segments:
    equation = 'btkgh,bskh->bkgts'
    if k.shape[0] == 1 and B > 1:
      equation, k = 'btkgh,skh->bkgts', k[0]
    s = jnp.einsum(equation, grouped, k, preferred_element_type=jnp.float32)
    s = s * scale
    if mask is not None:
      s = jnp.where(mask[:, None, None], s, floor)
    scores.append(s)
  top = scores[0].max(-1, keepdims=True)
  for s in scores[1:]:
    top = jnp.maximum(top, s.max(-1, keepdims=True))
  weights = [jnp.exp(s - jax.lax.stop_gradient(top)) for s in scores]
  total = sum(w.sum(-1, keepdims=True) for w in weights)
  out = 0.0
  for (_, v, _), w in zip(segments, weights, strict=True):
    equation = 'bkgts,bskh->btkgh'
    if v.shape[0] == 1 and B > 1:
      equation, v = 'bkgts,skh->btkgh', v[0]
    w = (w / total).astype(v.dtype)
    out += jnp.einsum(equation, w, v, preferred_element_type=jnp.float32)
  return out.reshape(B, T, N, H).astype(q.dtype)


def _attend_chunked(q, segments, scale):
  B, T, N, H = q.shape
  n_chunks = -(-T // CHUNK)
  rows = -(
    -T // n_chunks
  )  # even blocks: 300 rows are 3 x 100, not 2 x 128 + 44
  padding = n_chunks * rows - T

  def split(x):  # [B T ...] -> [n_chunks B rows ...]
    x = jnp.pad(x, [(0, 0), (0, padding)] + [(0, 0)] * (x.ndim - 2))
    x = x.reshape(x.shape[0], n_chunks, rows, *x.shape[2:])
    return jnp.moveaxis(x, 1, 0)

  per_row = [s.mask is not None and s.mask.shape[1] > 1 for s in segments]
  masks = [
    split(s.mask) for s, own in zip(segments, per_row, strict=True) if own
  ]

  def block(args):
    q_block, mask_blocks = args
    mask_blocks = iter(mask_blocks)
    blocks = [
      s._replace(mask=next(mask_blocks)) if own else s
      for s, own in zip(segments, per_row, strict=True)
    ]
    return _attend_xla(q_block, blocks, scale)

  out = jax.lax.map(block, (split(q), masks))
  return jnp.moveaxis(out, 0, 1).reshape(B, n_chunks * rows, N, H)[:, :T]


def _attend_cudnn(q, segments, scale):
  B, T = q.shape[:2]

  def widen(x):
    return jnp.broadcast_to(x, (B, *x.shape[1:]))

  k = jnp.concatenate([widen(s.k) for s in segments], axis=1)
  v = jnp.concatenate([widen(s.v) for s in segments], axis=1)
  mask = None
  if any(s.mask is not None for s in segments):
    mask = jnp.concatenate(
      [
        jnp.ones((B, T, s.k.shape[1]), bool)
        if s.mask is None
        else jnp.broadcast_to(s.mask, (B, T, s.k.shape[1]))
        for s in segments
      ],
      axis=-1,
    )[:, None]
  return jax.nn.dot_product_attention(
    q, k, v, mask=mask, scale=scale, implementation='cudnn'
  )
