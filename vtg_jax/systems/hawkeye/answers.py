"""From finished searches to moments."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from vtg_jax.moments import coarse
from vtg_jax.moments.moment import Absent, Moment, Round
from vtg_jax.recursion.coarse_to_fine import SearchState
from vtg_jax.systems.checks import checked_score
from vtg_jax.systems.hawkeye.config import SYSTEM
from vtg_jax.systems.hawkeye.tables import SearchPlan

Answer = Moment | Absent


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayedRound:
  """One round as it was played.

  Attributes:
    node: Interval looked at, a node of the plan's tree.
    choice: What was answered, an index of the tree's choices.
    probabilities: Of every choice; empty where text was parsed.
  """

  node: int
  choice: int
  probabilities: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayedPath:
  """One finished search of a query.

  Attributes:
    rounds: First round first.
    log_score: Log-probability of what was answered: summed over the rounds,
      and added up over the paths to the same interval.
  """

  rounds: tuple[PlayedRound, ...]
  log_score: float


def played_paths(state: SearchState, query: int) -> list[PlayedPath]:
  """The searches of one query in a finished state, best first.

  Raises:
    BadInput: when the network computed NaN.
  """
  paths = []
  for w, log_score in enumerate(np.asarray(state.log_score[query])):
    if log_score == -np.inf:  # a beam that never filled
      continue
    n_rounds = int((state.path[query, w] >= 0).sum())
    rounds = tuple(
      PlayedRound(
        node=int(state.node_path[query, w, r]),
        choice=int(state.path[query, w, r]),
        probabilities=tuple(np.exp(state.log_probs[query, w, r]).tolist()),
      )
      for r in range(n_rounds)
    )
    score = checked_score(float(log_score))
    paths.append(PlayedPath(rounds=rounds, log_score=score))
  return paths


def answers(
  query: str,
  paths: Sequence[PlayedPath],
  plan: SearchPlan,
  *,
  top_k: int,
  absent_below: float | None,
) -> list[Answer]:
  """The best intervals of one query, or `Absent`.

  Args:
    query: The sentence.
    paths: Its searches; no two end at the same interval.
    plan: What they were played on.
    top_k: Most answers.
    absent_below: See `HawkEyeGrounder.ground`.
  """
  best = []
  for path in sorted(paths, key=lambda p: p.log_score, reverse=True):
    names = [plan.tree.choices[r.choice] for r in path.rounds]
    start_s, end_s = coarse.span_of_path(float(plan.tree.end_s[0]), names)
    best.append(
      Moment(
        start_s=start_s,
        end_s=end_s,
        score=float(np.exp(path.log_score)),
        query=query,
        rounds=tuple(_round(plan, r) for r in path.rounds),
        system=SYSTEM,
      )
    )
  if absent_below is not None and best[0].score < absent_below:
    return [
      Absent(
        score=best[0].score,
        threshold=absent_below,
        query=query,
        rounds=best[0].rounds,
        system=SYSTEM,
      )
    ]
  return best[:top_k]


def _round(plan: SearchPlan, played: PlayedRound) -> Round:
  tree, node = plan.tree, played.node
  probabilities = {}
  if played.probabilities:
    named = zip(tree.choices, played.probabilities, strict=True)
    probabilities = dict(named)
  return Round(
    start_s=float(tree.start_s[node]),
    end_s=float(tree.end_s[node]),
    choice=tree.choices[played.choice],
    probabilities=probabilities,
    frame_times_s=tuple(plan.nodes[node].display_times_s.tolist()),
  )
