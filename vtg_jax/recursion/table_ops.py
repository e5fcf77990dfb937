"""Orders, runs and spans of table rows, without a compiled sort or scan."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def ordered(*keys: Array) -> Int[Array, ' K']:
  """Places from the least to the greatest, by the first key that differs.

  Compares every two: a compiled sort by several keys takes long to build.
  """
  place = jnp.arange(len(keys[0]))
  before = place[:, None] < place
  for key in reversed(keys):
    before = (key[:, None] < key) | ((key[:, None] == key) & before)
  return jnp.zeros_like(place).at[before.sum(axis=0)].set(place)


def runs(
  shown: Int[Array, 'C R'], hit: Bool[Array, 'C R']
) -> tuple[Int[Array, 'C R'], Int[Array, 'C R']]:
  """First and last window of the run that each token hit belongs to.

  shown 5 5 6 6 9 9    first 5 5 5 5 9 9
  hit   0 1 1 1 1 1    last  6 6 6 6 9 9
  """
  before = jnp.pad(shown, ((0, 0), (1, 0)))[:, :-1]
  after = jnp.pad(shown, ((0, 0), (0, 1)))[:, 1:]
  was_hit = jnp.pad(hit, ((0, 0), (1, 0)))[:, :-1]
  is_hit_next = jnp.pad(hit, ((0, 0), (0, 1)))[:, 1:]
  begins = hit & ~(was_hit & (shown <= before + 1))
  ends = hit & ~(is_hit_next & (after <= shown + 1))
  run = jnp.cumsum(begins, axis=1)
  same = run[:, :, None] == run[:, None]

  def of_run(marked):
    return jnp.where(same & marked[:, None], shown[:, None], 0).max(axis=2)

  return of_run(begins), of_run(ends)


def best_over(low, high, priority, size: int) -> Float[Array, ' S']:
  """The best priority of the spans that reach over each place."""
  low, high, priority = (x.reshape(-1, 1) for x in (low, high, priority))
  place = jnp.arange(size)
  over = (place >= low) & (place <= high)
  return jnp.where(over, priority, -jnp.inf).max(axis=0)
