"""Every interval a coarse-to-fine search can look at, listed beforehand."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

# No node: the search ends here.
STOP = -1
# Intervals whose edges agree to so many digits of a second are one.
_DIGITS = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class IntervalTree:
  """The finitely many intervals of a search, as tables.

  Two paths that lead to the same interval in the same round share a node.

  Attributes:
    start_s: Start of each node's interval, seconds; node 0 is the whole.
    end_s: End of each node's interval, seconds.
    depth: Round in which the node is looked at, from 0.
    next_node: Node that a choice leads to, `STOP` where it ends the search.
    outcome: Number of the interval that a choice leaves: equal for equal
      intervals, whatever the path to them.
    choices: Name of each choice, the columns of `next_node`.
  """

  start_s: Float[np.ndarray, ' N']
  end_s: Float[np.ndarray, ' N']
  depth: Int[np.ndarray, ' N']
  next_node: Int[np.ndarray, 'N C']
  outcome: Int[np.ndarray, 'N C']
  choices: tuple[str, ...]

  @property
  def n_nodes(self) -> int:
    return len(self.depth)

  @property
  def n_rounds(self) -> int:
    return int(self.depth[-1]) + 1


def grow_tree(
  duration_s: float,
  n_rounds: int,
  *,
  choices: Sequence[str],
  narrow: Callable[[float, float, str], tuple[float, float]],
  stop: str,
) -> IntervalTree:
  """Lists the intervals of a search of `n_rounds` rounds.

  Args:
    duration_s: Length of the video, seconds.
    n_rounds: Rounds, at least 1.
    choices: What can be answered in a round.
    narrow: The interval that a choice leaves of an interval, in float64.
    stop: The choice that ends the search.

  Returns:
    Nodes ordered by round. With three narrowing choices, 4 rounds have at
    most 1 + 3 + 9 + 27 = 40 nodes, and 1 + 3 + 7 + 15 = 26 where equal
    intervals come out equal to the bit.
  """
  if n_rounds < 1:
    raise ValueError(f'{n_rounds=} is not positive')
  spans, depths, rows = [(0.0, float(duration_s))], [0], []
  level_start = 0
  for depth in range(n_rounds):
    level_end = len(spans)
    seen = {}
    for node in range(level_start, level_end):
      row = []
      for choice in choices:
        if choice == stop or depth + 1 == n_rounds:
          row.append(STOP)
          continue
        span = narrow(*spans[node], choice)
        if span not in seen:
          seen[span] = len(spans)
          spans.append(span)
          depths.append(depth + 1)
        row.append(seen[span])
      rows.append(row)
    level_start = level_end
  start_s, end_s = np.array(spans, np.float64).T
  places = {}
  outcome = [
    [
      # Different orders of halving may differ in the last bits.
      places.setdefault(
        tuple(round(edge_s, _DIGITS) for edge_s in narrow(*span, choice)),
        len(places),
      )
      for choice in choices
    ]
    for span in spans
  ]
  return IntervalTree(
    start_s=start_s,
    end_s=end_s,
    depth=np.array(depths, np.int32),
    next_node=np.array(rows, np.int32),
    outcome=np.array(outcome, np.int32),
    choices=tuple(choices),
  )


def max_nodes(n_rounds: int, n_narrowing: int) -> int:
  """Nodes of a tree in which no two paths meet: the size tables are padded to.

  max_nodes(4, 3) == 40
  """
  return sum(n_narrowing**depth for depth in range(n_rounds))
