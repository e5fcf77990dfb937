"""Stop sequences end a row, on a list and inside a compiled loop alike."""

import functools

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

from vtg_jax.decode import stopping

STOPS = ((835,), (2277, 29937))


@pytest.mark.parametrize(
  ('ids', 'ended'),
  [
    ([], False),
    ([835], True),
    ([835, 5], False),
    ([1, 2277, 29937], True),
    ([29937], False),
    ([2277, 5, 29937], False),
  ],
)
def test_a_row_ends_with_a_whole_sequence(ids, ended):
  assert stopping.ends_with_any(ids, STOPS) is ended


def test_nothing_ends_a_row_without_stop_sequences():
  assert not stopping.ends_with_any([835], [])
  ids = jnp.array([[835]], jnp.int32)
  assert not stopping.ends_with_stop(ids, jnp.int32(1), ()).any()


@functools.partial(jax.jit, static_argnums=2)
def compiled(ids, length, stop_ids):
  return stopping.ends_with_stop(ids, length, stop_ids)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
  rows=st.lists(
    st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=2, max_size=2
  ),
  lengths=st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
def test_compiled_rule_is_the_rule_on_lists(rows, lengths):
  stops = ((1,), (0, 2), (3, 3, 0))
  ids = jnp.array(rows, jnp.int32)
  got = compiled(ids, jnp.array(lengths), stops)
  want = [
    stopping.ends_with_any(row[:n], stops)
    for row, n in zip(rows, lengths, strict=True)
  ]
  np.testing.assert_array_equal(got, want)
  one = compiled(ids, jnp.int32(lengths[0]), stops)
  want = [stopping.ends_with_any(row[: lengths[0]], stops) for row in rows]
  np.testing.assert_array_equal(one, want)


def test_a_sequence_longer_than_the_buffer_never_ends_it():
  ids = jnp.zeros((1, 1), jnp.int32)
  assert not stopping.ends_with_stop(ids, 1, ((0, 0),)).any()
