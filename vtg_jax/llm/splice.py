"""Soft tokens between embedded words."""

import jax
from jaxtyping import Array, Float, Int


def splice_rows(
  embeds: Float[Array, 'B T D'],
  rows: Float[Array, 'B Q D'],
  start: Int[Array, ' B'],
) -> Float[Array, 'B T D']:
  """Overwrites Q embeddings of each sample, from `start` on, with `rows`.

  Two samples, Q = 2, start = [1, 2]:

      w w w w w      w r r w w
      w w w w w  ->  w w r r w
  """

  def one(sample, own_rows, at):
    own_rows = own_rows.astype(sample.dtype)
    return jax.lax.dynamic_update_slice(sample, own_rows, (at, 0))

  return jax.vmap(one)(embeds, rows, start)
