"""Soft tokens between embedded words."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vtg_jax.llm.places import WORD


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


def splice_places(
  embeds: Float[Array, 'B T D'],
  rows: Float[Array, 'B Q D'],
  places: Int[Array, 'B T'],
) -> Float[Array, 'B T D']:
  """Soft tokens where a row says so, zeros where it says nothing.

  Two samples; the second shows no soft token and is padded on the left:

      w w w w w  places -1  0  1 -1 -1      w r r w w
      w w w w w         -2 -2 -1 -1 -1  ->  0 0 w w w

  Args:
    embeds: Embedded words.
    rows: Soft tokens of each sample.
    places: See `llm.places`.
  """
  index = jnp.clip(places, 0, max(rows.shape[1] - 1, 0))[..., None]
  shown = jnp.take_along_axis(rows.astype(embeds.dtype), index, axis=1)
  places = places[..., None]
  words = jnp.where(places == WORD, embeds, jnp.zeros_like(embeds))
  return jnp.where(places >= 0, shown, words)
