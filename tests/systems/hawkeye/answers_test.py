"""From finished searches to moments."""

import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, coarse
from vtg_jax.recursion.coarse_to_fine import start_search
from vtg_jax.recursion.interval_tree import grow_tree
from vtg_jax.systems.hawkeye.answers import (
  PlayedPath,
  PlayedRound,
  answers,
  played_paths,
)
from vtg_jax.systems.hawkeye.tables import NodeFrames, SearchPlan


def plan_of(duration_s):
  tree = grow_tree(
    duration_s,
    3,
    choices=coarse.CATEGORIES,
    narrow=coarse.narrow,
    stop='throughout',
  )
  node = NodeFrames(
    frame_ids=np.array([3]), times_s=[0.1], display_times_s=np.array([0.3])
  )
  return SearchPlan(
    tree=tree, nodes=(node,) * tree.n_nodes, orders=(), rows={}, text={}
  )


def path_of(plan, names, score):
  node, rounds = 0, []
  for name in names:
    choice = coarse.CATEGORIES.index(name)
    rounds.append(PlayedRound(node=node, choice=choice))
    node = int(plan.tree.next_node[node, choice])
  return PlayedPath(rounds=tuple(rounds), log_score=float(np.log(score)))


def answered(duration_s, paths, *, top_k=9, absent_below=None):
  plan = plan_of(duration_s)
  return answers(
    'q',
    [path_of(plan, names, score) for names, score in paths],
    plan,
    top_k=top_k,
    absent_below=absent_below,
  )


def test_the_best_is_asked_whether_it_is_absent():
  paths = [(('beginning', 'end'), 0.3), (('end', 'throughout'), 0.5)]
  moments = answered(8.0, paths)
  assert [m.score for m in moments] == pytest.approx([0.5, 0.3])
  assert len(answered(8.0, paths, top_k=1)) == 1
  assert answered(8.0, paths, absent_below=0.45)[0].score == (
    pytest.approx(0.5)
  )
  (absent,) = answered(8.0, paths, absent_below=0.55)
  assert isinstance(absent, Absent)
  assert absent.score == pytest.approx(0.5)


def test_rounds_tell_interval_choice_and_frames():
  (moment,) = answered(8.0, [(('end', 'beginning', 'throughout'), 1.0)])
  assert [(r.start_s, r.end_s, r.choice) for r in moment.rounds] == [
    (0, 8, 'end'),
    (4, 8, 'beginning'),
    (4, 6, 'throughout'),
  ]
  assert moment.rounds[0].frame_times_s == (0.3,)
  assert (moment.start_s, moment.end_s) == (4, 6)


def finished(log_scores):
  state = start_search(
    jnp.ones(1, bool), width=len(log_scores), n_rounds=2, n_choices=4
  )
  return state._replace(log_score=np.array([log_scores]))


def test_beams_that_never_filled_are_no_answers():
  paths = played_paths(finished([-0.5, -np.inf]), 0)
  assert [path.log_score for path in paths] == [-0.5]


@pytest.mark.parametrize('scores', [[np.nan], [np.nan, -1.0], [-1.0, np.nan]])
def test_nan_is_bad_input(scores):
  with pytest.raises(BadInput, match='computes NaN'):
    played_paths(finished(scores), 0)
