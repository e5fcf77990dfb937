"""A grammar of two answers: 'Not Present', or a span of numbers that may be.

    'From 03 to 17.'    two numbers of a known range, the second not before
                        the first by more than is allowed
    'Not Present'

All texts are known, so that they make a tree of tokens: a number may be one
token or a token a digit. A branch may be taken while a number that can still
follow lies on it, and so no row ever comes to a dead end.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

# What a branch leads to.
_ANY, _START, _END = 0, 1, 2


class NumberTables(NamedTuple):
  """The tree; a branch is a row.

  Attributes:
    origin: Node that a branch leaves.
    token: That takes it.
    target: Node that it leads to.
    kind: Whether it leads to first numbers, to last ones, or to neither.
    numbers: Those that it leads to.
    completed: Of each node, the first number that is written there; or -1.
    ended: Likewise, the last number.
  """

  origin: Int[np.ndarray, ' E']
  token: Int[np.ndarray, ' E']
  target: Int[np.ndarray, ' E']
  kind: Int[np.ndarray, ' E']
  numbers: Bool[np.ndarray, 'E M']
  completed: Int[np.ndarray, ' N']
  ended: Int[np.ndarray, ' N']


class NumberState(NamedTuple):
  """Where each row stands.

  Attributes:
    node: Of the tree.
    start: The first number that was written.
    end: The last one; -1 as long as there is none.
  """

  node: Int[Array, ' B']
  start: Int[Array, ' B']
  end: Int[Array, ' B']


class _Tree:
  """Branches under way."""

  def __init__(self):
    self.branches: dict[tuple[int, int], tuple[int, int, set[int]]] = {}
    self.n_nodes = 1

  def node(self) -> int:
    self.n_nodes += 1
    return self.n_nodes - 1

  def grow(self, node: int, tokens, kind: int, number: int | None) -> int:
    """Adds a path; returns the node it leads to."""
    for token in tokens:
      key = node, int(token)
      target, was, numbers = self.branches.get(key, (None, kind, set()))
      if target is None:
        target = self.node()
      if number is not None:
        numbers.add(number)
      # What leads to anything else, too, may always be taken.
      self.branches[key] = target, min(was, kind), numbers
      node = target
    return node


def number_tables(
  starts: Sequence[Sequence[int]],
  ends: Sequence[Sequence[int]],
  neither: Sequence[int],
  *,
  eos_id: int,
) -> NumberTables:
  """Makes the tree of all answers.

  Args:
    starts: Tokens of 'From 00', 'From 01', ..., after the prompt.
    ends: Tokens of ' to 00.', ' to 01.', ..., after any of them.
    neither: Tokens of 'Not Present'.
    eos_id: Ends every answer.

  Raises:
    ValueError: what follows a number could as well be a part of a longer one.
  """
  tree, completed, ended = _Tree(), {}, {}
  for number, tokens in enumerate(starts):
    completed[tree.grow(0, tokens, _START, number)] = number
  middle = tree.node()
  over = tree.node()
  for number, tokens in enumerate(ends):
    last = tree.grow(middle, tokens, _END, number)
    ended[last] = number
    tree.branches[last, eos_id] = over, _ANY, set()
  last = tree.grow(0, neither, _ANY, None)
  tree.branches[last, eos_id] = over, _ANY, set()
  onwards = [
    (token, branch)
    for (node, token), branch in tree.branches.items()
    if node == middle
  ]
  for node in completed:
    for token, branch in onwards:
      if (node, token) in tree.branches:
        raise ValueError(f'token {token} goes on a number and ends it')
      tree.branches[node, token] = branch
  n_numbers = max(len(starts), len(ends))
  rows = list(tree.branches.items())
  numbers = np.zeros((len(rows), n_numbers), bool)
  for row, (_, (_, _, own)) in enumerate(rows):
    numbers[row, sorted(own)] = True

  def of_nodes(known):
    table = np.full(tree.n_nodes, -1, np.int32)
    table[list(known)] = list(known.values())
    return table

  def column(values):
    return np.array(list(values), np.int32)

  return NumberTables(
    origin=column(node for (node, _), _ in rows),
    token=column(token for (_, token), _ in rows),
    target=column(target for _, (target, _, _) in rows),
    kind=column(kind for _, (_, kind, _) in rows),
    numbers=numbers,
    completed=of_nodes(completed),
    ended=of_nodes(ended),
  )


@dataclasses.dataclass(frozen=True, kw_only=True)
class NumberGrammar:
  """See the module; a `greedy.Grammar`.

  Attributes:
    tables: The tree, perhaps traced.
    limit: The greatest number that each row may write.
    gap: How much later than the first number the second is at least.
  """

  tables: NumberTables
  limit: Int[Array, ' B']
  gap: int

  def begin(self, n_rows: int) -> NumberState:
    zero = jnp.zeros((n_rows,), jnp.int32)
    return NumberState(zero, zero, zero - 1)

  def restrict(
    self, state: NumberState, logits: Float[Array, 'B V']
  ) -> Float[Array, 'B V']:
    tables = NumberTables(*map(jnp.asarray, self.tables))
    number = jnp.arange(tables.numbers.shape[1])
    limit, least = self.limit[:, None], state.start[:, None] + self.gap
    fits = {
      _START: number <= limit - self.gap,
      _END: (number >= least) & (number <= limit),
    }
    may = tables.origin == state.node[:, None]  # [B E]
    for kind, fit in fits.items():
      leads = fit.astype(jnp.float32) @ tables.numbers.T.astype(jnp.float32)
      may &= (tables.kind != kind) | (leads > 0)
    allowed = jnp.zeros(logits.shape, bool).at[:, tables.token].max(may)
    # A row that has ended stands where no branch leaves.
    allowed |= ~allowed.any(axis=1, keepdims=True)
    return jnp.where(allowed, logits, -jnp.inf)

  def follow(
    self,
    state: NumberState,
    ids: Int[Array, 'B G'],
    step: Int[Array, ''] | int,
  ) -> NumberState:
    tables = NumberTables(*map(jnp.asarray, self.tables))
    taken = tables.origin == state.node[:, None]
    taken &= tables.token == ids[:, step - 1, None]
    target = jnp.where(taken, tables.target, 0).sum(axis=1)
    node = jnp.where(taken.any(axis=1), target, state.node)
    completed = tables.completed[node]
    start = jnp.where(completed >= 0, completed, state.start)
    ended = tables.ended[node]
    return NumberState(node, start, jnp.where(ended >= 0, ended, state.end))
