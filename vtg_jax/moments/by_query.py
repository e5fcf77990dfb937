"""Answers of several queries, apart."""

import itertools
from collections.abc import Sequence

from vtg_jax.moments.moment import Absent, Moment

Answers = list[Moment | Absent]


def by_query(
  answers: Sequence[Moment | Absent], n_queries: int, *, top_k: int
) -> list[Answers] | None:
  """Returns the answers of each query, in the order asked.

  Args:
    answers: grouped by query, best first, as grounders give them.
    n_queries: how many were asked.
    top_k: most answers a query.

  Returns:
    None where that cannot be told: of a query asked twice in a row, or where
    one got no answer.
  """
  if top_k == 1:
    groups = [[answer] for answer in answers]
  else:
    runs = itertools.groupby(answers, key=lambda answer: answer.query)
    groups = [list(run) for _, run in runs]
  return groups if len(groups) == n_queries else None
