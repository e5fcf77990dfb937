"""Orders, runs and spans of rows agree with the plain ways to get them."""

import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.recursion.table_ops import best_over, ordered, runs


def test_rows_are_ordered_by_the_first_key_that_differs():
  rows = np.random.default_rng(0).integers(0, 4, (3, 50))
  expected = sorted(range(50), key=lambda i: tuple(rows[:, i]))
  assert jax.jit(ordered)(*jnp.asarray(rows)).tolist() == expected


def test_tokens_know_the_run_of_windows_that_they_belong_to():
  shown = jnp.array([[5, 5, 6, 6, 9, 9, 10], [1, 1, 2, 2, 3, 3, 4]])
  hit = jnp.array([[0, 1, 1, 1, 1, 1, 0], [1, 1, 0, 0, 1, 1, 1]], bool)
  first, last = jax.jit(runs)(shown, hit)
  assert first[0, 1:6].tolist() == [5, 5, 5, 9, 9]
  assert last[0, 1:6].tolist() == [6, 6, 6, 9, 9]
  # Tokens between hits part runs.
  assert first[1].tolist()[:2] == [1, 1] and first[1].tolist()[4:] == [3, 3, 3]
  assert last[1].tolist()[:2] == [1, 1] and last[1].tolist()[4:] == [4, 4, 4]


def test_each_place_has_the_best_of_the_spans_over_it():
  low, high = jnp.array([[0, 2]]), jnp.array([[2, 3]])
  over = jax.jit(best_over, static_argnums=3)
  best = over(low, high, jnp.array([[1.0, 4.0]]), 5)
  np.testing.assert_array_equal(best, [1, 1, 4, 4, -np.inf])
