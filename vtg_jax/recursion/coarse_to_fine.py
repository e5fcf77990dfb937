"""Coarse-to-fine search as one program over tables of intervals.

    round 0   |------------------ node 0 ------------------|
    round 1             |------- node 2 -------|
    round 2             |-- node 5 --|
                        ^            ^
                        the answer: what the path of choices leaves

The program carries node ids; seconds and text stay on the host. It asks a
traced callable how probable each choice is, so that a model, a recorded trace
and an oracle all drive the same search.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

# Marks a round that was not played in a path.
NOT_PLAYED = -1

# Probability of each choice at some nodes:
# (node [Q W], active [Q W], round) -> log-probabilities [Q W C].
# What it returns for inactive entries is ignored.
Scorer = Callable[[Array, Array, Array], Array]


class Moves(NamedTuple):
  """Where choices lead; rows are nodes, columns choices.

  Attributes:
    next_node: Node to look at next, -1 where the search ends.
    outcome: Number of the interval that is left: two paths with the same
      outcome are one search.
  """

  next_node: Int[Array, 'N C']
  outcome: Int[Array, 'N C']


class SearchState(NamedTuple):
  """Where every query's search stands; W searches are kept alive per query.

  Attributes:
    round: Rounds played so far.
    node: Node to look at next.
    active: Whether the search goes on.
    log_score: Summed log-probability of the choices made, added up over the
      paths that met; -inf where the beam is not filled yet.
    outcome: Number of the interval a finished search has left.
    path: Choices made, `NOT_PLAYED` after the last.
    log_probs: Log-probability of every choice in every round played.
    node_path: Node looked at in every round played.
  """

  round: Int[Array, '']
  node: Int[Array, 'Q W']
  active: Bool[Array, 'Q W']
  log_score: Float[Array, 'Q W']
  outcome: Int[Array, 'Q W']
  path: Int[Array, 'Q W R']
  log_probs: Float[Array, 'Q W R C']
  node_path: Int[Array, 'Q W R']


def start_search(
  is_query: Bool[Array, ' Q'], *, width: int, n_rounds: int, n_choices: int
) -> SearchState:
  """Every query at node 0, one beam filled.

  Args:
    is_query: False on rows that only pad the batch.
    width: Beams W kept per query.
    n_rounds: Most rounds R a path can hold.
    n_choices: Choices C of a round.
  """
  Q = is_query.shape[0]
  first = jnp.arange(width) == 0
  active = is_query[:, None] & first
  return SearchState(
    round=jnp.zeros((), jnp.int32),
    node=jnp.zeros((Q, width), jnp.int32),
    active=active,
    log_score=jnp.where(first, 0.0, -jnp.inf) * jnp.ones((Q, 1)),
    outcome=jnp.full((Q, width), -1, jnp.int32),
    path=jnp.full((Q, width, n_rounds), NOT_PLAYED, jnp.int32),
    log_probs=jnp.zeros((Q, width, n_rounds, n_choices)),
    node_path=jnp.full((Q, width, n_rounds), NOT_PLAYED, jnp.int32),
  )


def search_round(
  state: SearchState, moves: Moves, scorer: Scorer
) -> SearchState:
  """Plays one round of every active search and keeps the best W.

  A finished search competes with the continuations of the others by its
  score. Searches that come to the same interval become one: their scores add
  up and the better path stands for both. With W = 1 this is the greedy
  search; ties go to the first choice.

  Args:
    state: Before the round.
    moves: From `IntervalTree`.
    scorer: See `Scorer`.

  Returns:
    The state after the round.
  """
  Q, W, R = state.path.shape
  C = moves.next_node.shape[1]
  log_probs = scorer(state.node, state.active, state.round)
  # Candidate c of a beam: take choice c; a finished beam is its candidate 0.
  goes_on = state.active[..., None]
  stays = jnp.where(jnp.arange(C) == 0, state.log_score[..., None], -jnp.inf)
  scores = jnp.where(goes_on, state.log_score[..., None] + log_probs, stays)
  outcome = jnp.where(
    goes_on, moves.outcome[state.node], state.outcome[..., None]
  )
  scores = _merge(scores.reshape(Q, W * C), outcome.reshape(Q, W * C))
  # NaN outranks all, so that it is told and not pruned.
  _, index = jax.lax.top_k(jnp.where(jnp.isnan(scores), jnp.inf, scores), W)
  best = jnp.take_along_axis(scores, index, axis=1)
  beam, choice = index // C, index % C

  def of_beam(x):
    return jnp.take_along_axis(
      x, beam.reshape(Q, W, *[1] * (x.ndim - 2)), axis=1
    )

  node, was_active = of_beam(state.node), of_beam(state.active)
  here = was_active[..., None] & (jnp.arange(R) == state.round)
  path = jnp.where(here, choice[..., None], of_beam(state.path))
  node_path = jnp.where(here, node[..., None], of_beam(state.node_path))
  record = jnp.where(
    here[..., None],
    of_beam(log_probs)[:, :, None],
    of_beam(state.log_probs),
  )
  child = moves.next_node[node, choice]
  active = was_active & (child >= 0) & (best > -jnp.inf)
  return SearchState(
    round=state.round + 1,
    node=jnp.where(active, child, node),
    active=active,
    log_score=best,
    outcome=jnp.take_along_axis(outcome.reshape(Q, W * C), index, axis=1),
    path=path,
    log_probs=record,
    node_path=node_path,
  )


def _merge(
  scores: Float[Array, 'Q M'], outcome: Int[Array, 'Q M']
) -> Float[Array, 'Q M']:
  """Gives the best candidate of each outcome the sum of all, others -inf.

  outcome = [4 7 4]  scores = log [.2 .5 .1]  ->  log [.3 .5 0]
  """
  same = outcome[:, :, None] == outcome[:, None, :]
  rival = jnp.where(same, scores[:, None, :], -jnp.inf)
  first_best = jnp.argmax(rival, axis=-1) == jnp.arange(scores.shape[1])
  return jnp.where(first_best, jax.nn.logsumexp(rival, axis=-1), -jnp.inf)


def search(
  state: SearchState,
  moves: Moves,
  scorer: Scorer,
  *,
  max_rounds: Int[Array, ''] | int,
) -> SearchState:
  """Plays rounds until every query has its answer: one `while_loop`.

  Args:
    state: From `start_search`.
    moves: From `IntervalTree`.
    scorer: See `Scorer`.
    max_rounds: Most rounds to play; an operand, so changing it does not
      recompile. At most the R of the state.

  Returns:
    The final state, its beams ordered from best to worst.
  """

  def goes_on(state):
    rounds_left = state.round < max_rounds
    somebody_searches = state.active.any()
    return rounds_left & somebody_searches

  return jax.lax.while_loop(
    goes_on, lambda state: search_round(state, moves, scorer), state
  )


def distinct_nodes(
  node: Int[Array, ' R'], active: Bool[Array, ' R'], *, n_nodes: int
) -> tuple[Int[Array, ' U'], Int[Array, ' R'], Int[Array, '']]:
  """Lists the nodes that active rows stand on, each once.

  node   = [5 2 5 7]        distinct = [2 5 . .]
  active = [1 1 1 0]   ->   slot     = [1 0 1 .]
                            count    = 2

  Args:
    node: With repetitions.
    active: Rows that count.
    n_nodes: Nodes there are; U is the smaller of this and R.

  Returns:
    distinct (its first `count` entries are valid, the others 0), slot of each
    active row in it, count.
  """
  size = min(node.shape[0], n_nodes)
  marked = jnp.where(active, node, n_nodes)
  distinct = jnp.unique(marked, size=size, fill_value=n_nodes)
  slot = jnp.minimum(jnp.searchsorted(distinct, marked), size - 1)
  count = (distinct != n_nodes).sum()
  return jnp.where(distinct == n_nodes, 0, distinct), slot, count
