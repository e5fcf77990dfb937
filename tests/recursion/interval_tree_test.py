"""The list of intervals that a search can look at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.moments import coarse
from vtg_jax.recursion.interval_tree import STOP, grow_tree, max_nodes


def grow(duration_s, n_rounds):
  return grow_tree(
    duration_s,
    n_rounds,
    choices=coarse.CATEGORIES,
    narrow=coarse.narrow,
    stop='throughout',
  )


@pytest.mark.parametrize(
  ('n_rounds', 'n_nodes'), [(1, 1), (2, 4), (3, 11), (4, 26)]
)
def test_equal_intervals_of_a_round_share_a_node(n_rounds, n_nodes):
  tree = grow(64.0, n_rounds)
  assert tree.n_nodes == n_nodes
  assert tree.n_rounds == n_rounds
  places = list(zip(tree.depth, tree.start_s, tree.end_s, strict=True))
  assert len(set(places)) == n_nodes


def test_room_without_shared_nodes_is_a_power_sum():
  assert [max_nodes(n, 3) for n in (1, 2, 3, 4)] == [1, 4, 13, 40]


@given(
  st.floats(0.01, 1e5),
  st.integers(1, 5),
  st.lists(st.sampled_from(coarse.CATEGORIES), min_size=5, max_size=5),
)
def test_following_a_path_gives_its_interval_to_the_bit(duration_s, n, path):
  tree = grow(duration_s, n)
  node = 0
  for depth, choice in enumerate(path[:n]):
    span = coarse.span_of_path(duration_s, path[:depth])
    assert (tree.start_s[node], tree.end_s[node]) == span
    assert tree.depth[node] == depth
    node = tree.next_node[node, coarse.CATEGORIES.index(choice)]
    if choice == 'throughout' or depth + 1 == n:
      assert node == STOP
      return


def test_every_node_but_the_first_has_a_parent_in_the_round_before():
  tree = grow(10.7, 4)
  for node in range(1, tree.n_nodes):
    parents = np.unique(np.argwhere(tree.next_node == node)[:, 0])
    assert len(parents)
    assert (tree.depth[parents] == tree.depth[node] - 1).all()
  assert tree.n_nodes <= max_nodes(4, 3)


def test_a_search_without_rounds_is_refused():
  with pytest.raises(ValueError, match='n_rounds=0'):
    grow(1.0, 0)
