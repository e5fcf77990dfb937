"""What a user may ask of a search, before anything is searched."""

import re

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.recursion.search_result import Budget
from vtg_jax.systems.revisionllm.options import SearchOptions, other_scores


@pytest.mark.parametrize(
  ('budget', 'limits'),
  [
    (None, Budget()),
    ('calls=40', Budget(sequences=40)),
    ('frames=500, seconds=2.5', Budget(frames=500, seconds=2.5)),
    ({'sequences': 9.0}, Budget(sequences=9)),
    (Budget(frames=3), Budget(frames=3)),
  ],
)
def test_a_budget_is_said_in_several_ways(budget, limits):
  found = SearchOptions(budget=budget).limits
  assert found == limits
  assert not isinstance(found.sequences, float)


@pytest.mark.parametrize(
  ('budget', 'said'),
  [
    ('frames=inf', 'a budget of inf frames is none'),
    ('seconds=nan', 'a budget of nan seconds is none'),
    ('calls=2.5', 'a budget of 2.5 sequences is none; give whole ones'),
    ('calls=-1', 'a budget of -1.0 sequences is none'),
    ({'frames': True}, 'a budget of True frames is no number'),
  ],
)
def test_budgets_that_cannot_be_are_refused(budget, said):
  with pytest.raises(BadInput, match=re.escape(said)):
    SearchOptions(budget=budget)


def test_options_that_change_what_a_score_is_worth_are_told():
  usual = {'search': 'compiled', 'levels': None, 'budget': 'calls=3', 'seed': 1}
  assert other_scores(usual) == []
  other = {'search': 'dense', 'rank': 'confidence', 'levels': 2}
  assert other_scores(usual | other) == ['search', 'levels', 'rank']
