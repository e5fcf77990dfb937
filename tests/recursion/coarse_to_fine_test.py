"""The compiled search: greedy, beams, early stops, padding, one program."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recursion.oracle import every_path
from vtg_jax.moments import coarse
from vtg_jax.recursion.coarse_to_fine import (
  NOT_PLAYED,
  Moves,
  distinct_nodes,
  search,
  search_round,
  start_search,
)
from vtg_jax.recursion.interval_tree import grow_tree

C = len(coarse.CATEGORIES)
THROUGHOUT = coarse.CATEGORIES.index('throughout')
N_ROUNDS = 3
TREE = grow_tree(
  64.0,
  N_ROUNDS,
  choices=coarse.CATEGORIES,
  narrow=coarse.narrow,
  stop='throughout',
)


MOVES = Moves(
  next_node=jnp.asarray(TREE.next_node), outcome=jnp.asarray(TREE.outcome)
)


def random_log_probs(seed, n_queries):
  """[Q N C], normalised over the choices."""
  logits = np.random.default_rng(seed).normal(size=(n_queries, TREE.n_nodes, C))
  return np.array(jax.nn.log_softmax(logits))


@functools.partial(jax.jit, static_argnames='width')
def play(table, is_query, max_rounds, *, width):
  """Searches with log-probabilities looked up by (query, node)."""
  rows = jnp.arange(len(table))[:, None]

  def scorer(node, active, round_):
    del active, round_
    return table[rows, node]

  state = start_search(is_query, width=width, n_rounds=N_ROUNDS, n_choices=C)
  return search(state, MOVES, scorer, max_rounds=max_rounds)


def searched(table, *, width=1, max_rounds=N_ROUNDS, is_query=None):
  is_query = np.ones(len(table), bool) if is_query is None else is_query
  return jax.tree.map(
    np.asarray, play(table, is_query, max_rounds, width=width)
  )


def paths(state, query):
  """(log score, choices) of the beams of a query that were filled."""
  return [
    (score, tuple(path[path != NOT_PLAYED].tolist()))
    for score, path in zip(
      state.log_score[query], state.path[query], strict=True
    )
    if score > -np.inf
  ]


def greedy(table):
  """The plain loop: the most probable choice, until the tree ends."""
  node, path, score = 0, [], 0.0
  while node >= 0:
    choice = int(np.argmax(table[node]))
    path.append(choice)
    score += table[node, choice]
    node = TREE.next_node[node, choice]
  return score, tuple(path)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_one_beam_is_the_greedy_search(seed):
  table = random_log_probs(seed, 4)
  state = searched(table)
  for query in range(4):
    ((score, path),) = paths(state, query)
    wanted_score, wanted = greedy(table[query])
    assert path == wanted
    assert score == pytest.approx(wanted_score, abs=1e-5)


def outcome_of(path):
  """Number of the interval that a path of choices leaves."""
  node = 0
  for choice in path[:-1]:
    node = TREE.next_node[node, choice]
  return int(TREE.outcome[node, path[-1]])


def probability_of_outcomes(table):
  """Outcome -> (probability, its most probable path), over every path."""
  found = {}
  for score, path in every_path(TREE.next_node, table.__getitem__, N_ROUNDS):
    total, best = found.get(outcome_of(path), (0.0, path))
    found[outcome_of(path)] = total + np.exp(score), best
  return found


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_a_wide_beam_is_the_list_of_every_interval(seed):
  table = random_log_probs(seed, 2)
  state = searched(table, width=40)
  for query in range(2):
    wanted = probability_of_outcomes(table[query])
    got = {outcome_of(path): np.exp(s) for s, path in paths(state, query)}
    assert got.keys() == wanted.keys()
    for outcome, (probability, _) in wanted.items():
      assert got[outcome] == pytest.approx(probability, abs=1e-5)
    assert sum(got.values()) == pytest.approx(1, abs=1e-4)


def test_twice_the_beam_finds_nearly_all_of_the_best_intervals():
  table, k = random_log_probs(11, 64), 3
  state = searched(table, width=2 * k)
  found = 0
  for query in range(64):
    wanted = probability_of_outcomes(table[query])
    best = sorted(wanted, key=lambda o: wanted[o][0], reverse=True)[:k]
    got = [outcome_of(path) for _, path in paths(state, query)][:k]
    assert len(set(got)) == k
    found += len(set(got) & set(best))
  assert found >= 0.95 * k * 64


def test_beams_are_ordered_and_the_first_is_never_worse_than_greedy():
  table = random_log_probs(3, 16)
  narrow, wide = searched(table), searched(table, width=3)
  assert (np.diff(wide.log_score, axis=1) <= 0).all()
  assert (wide.log_score[:, 0] >= narrow.log_score[:, 0] - 1e-6).all()


def test_ties_go_to_the_first_choice():
  table = np.full((1, TREE.n_nodes, C), np.log(1 / C))
  assert paths(searched(table), 0)[0][1] == (0, 0, 0)


@pytest.mark.parametrize('width', [1, 3])
def test_nan_in_any_choice_reaches_the_score(width):
  table = random_log_probs(4, 2)
  looked_at = searched(table, width=width).node_path[0, -1, 1]
  table[0, looked_at, 2] = np.nan
  state = searched(table, width=width)
  assert np.isnan(state.log_score[0]).any()
  assert np.isfinite(state.log_score[1]).all()


def test_the_rounds_are_recorded_as_they_were_played():
  table = random_log_probs(5, 8)
  state = searched(table, width=3)
  for query in range(8):
    for beam, (_, path) in enumerate(paths(state, query)):
      node = 0
      for turn, choice in enumerate(path):
        assert state.node_path[query, beam, turn] == node
        np.testing.assert_array_equal(
          state.log_probs[query, beam, turn], table[query, node]
        )
        node = TREE.next_node[node, choice]
      assert (state.node_path[query, beam, len(path) :] == NOT_PLAYED).all()
      assert (state.log_probs[query, beam, len(path) :] == 0).all()


def test_the_loop_ends_when_everybody_has_stopped():
  table = random_log_probs(0, 2)
  table[:, 0] = np.log([0.1, 0.1, 0.1, 0.7])
  state = searched(table)
  assert state.round == 1
  assert not state.active.any()
  assert [paths(state, q)[0][1] for q in (0, 1)] == [(THROUGHOUT,)] * 2


def test_a_finished_query_waits_unchanged_for_the_others():
  table = random_log_probs(0, 2)
  table[0, 0] = np.log([0.1, 0.1, 0.1, 0.7])
  table[1, :, THROUGHOUT] = -9.0
  state = searched(table)
  assert state.round == N_ROUNDS
  assert paths(state, 0) == [(pytest.approx(np.log(0.7)), (THROUGHOUT,))]
  assert len(paths(state, 1)[0][1]) == N_ROUNDS


@pytest.mark.parametrize('width', [1, 3])
def test_padding_queries_change_nothing(width):
  table = random_log_probs(7, 3)
  alone = searched(table, width=width)
  padded = np.concatenate([table, np.full_like(table, np.nan)])
  is_query = np.arange(6) < 3
  state = searched(padded, width=width, is_query=is_query)
  for name, value in alone._asdict().items():
    got = getattr(state, name)
    np.testing.assert_array_equal(got if value.ndim == 0 else got[:3], value)
  assert (state.path[3:] == NOT_PLAYED).all()


def test_the_answers_of_a_query_do_not_depend_on_the_others():
  table = random_log_probs(8, 5)
  together = searched(table, width=3)
  for query in range(5):
    assert paths(searched(table[[query]], width=3), 0) == paths(together, query)


def test_the_number_of_rounds_is_an_operand():
  table = random_log_probs(9, 2)
  table[:, :, THROUGHOUT] = -9.0
  searched(table)
  before = play._cache_size()
  for n in (1, 2, 3):
    state = searched(table, max_rounds=n)
    assert state.round == n
    assert [len(paths(state, q)[0][1]) for q in (0, 1)] == [n, n]
  assert play._cache_size() == before


def test_rounds_played_one_by_one_are_the_loop():
  table = jnp.asarray(random_log_probs(10, 3))
  rows = jnp.arange(3)[:, None]
  state = start_search(
    jnp.ones(3, bool), width=2, n_rounds=N_ROUNDS, n_choices=C
  )

  @jax.jit
  def play_round(state):
    return search_round(
      state, MOVES, lambda node, active, round_: table[rows, node]
    )

  for _ in range(N_ROUNDS):
    state = play_round(state)
  whole = searched(np.asarray(table), width=2)
  for ours, loop in zip(state, whole, strict=True):
    np.testing.assert_array_equal(ours, loop)


@pytest.mark.parametrize(('size', 'n_nodes'), [(6, 8), (6, 4)])
def test_distinct_nodes_lists_each_active_node_once(size, n_nodes):
  listed = jax.jit(functools.partial(distinct_nodes, n_nodes=n_nodes))
  rng = np.random.default_rng(0)
  for _ in range(50):
    node, active = rng.integers(0, n_nodes, size), rng.random(size) < 0.6
    distinct, slot, count = map(np.asarray, listed(node, active))
    assert len(distinct) == min(size, n_nodes)
    assert distinct[:count].tolist() == sorted(set(node[active].tolist()))
    assert (distinct[count:] == 0).all()
    assert (distinct[slot[active]] == node[active]).all()
    assert (slot < len(distinct)).all()
