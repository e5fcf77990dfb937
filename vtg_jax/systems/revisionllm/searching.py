"""The search that was asked for, over all queries of a video."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from vtg_jax.recursion.cost import Prices
from vtg_jax.recursion.model import TokenCache
from vtg_jax.recursion.released_order import released_steps
from vtg_jax.recursion.search_plan import SearchPlan
from vtg_jax.recursion.search_result import SearchResult
from vtg_jax.recursion.together import Search, search_together
from vtg_jax.recursion.top_down import top_down_steps
from vtg_jax.systems.revisionllm.asker import VideoQueries
from vtg_jax.systems.revisionllm.options import RELEASED, SearchOptions

# Batches under way at the same time: two cores are busy while a third batch's
# arrays are made.
_AT_ONCE = 3


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
  """What a search knows of one query.

  Attributes:
    prices: What a unit of work costs.
    cache: Windows that were encoded for it.
    sentence: Feature of the whole of it.
  """

  prices: Prices
  cache: TokenCache
  sentence: Float[np.ndarray, ' E']


def search_queries(
  panel: VideoQueries,
  plan: SearchPlan,
  features: Float[np.ndarray, 'N D'],
  asked: Sequence[Asked],
  options: SearchOptions,
) -> list[SearchResult]:
  """Searches a video for some queries, together where that changes nothing.

  Args:
    panel: Answers them.
    plan: Of the video.
    features: Of its frames.
    asked: Of each query.
    options: Which search.
  """
  searches = [_search(plan, features, one, options) for one in asked]
  rows = range(len(asked))
  # Where seconds count, and where others of a batch change the score, a query
  # is asked alone.
  is_alone = options.is_released or options.limits.seconds is not None
  results = []
  for group in [[row] for row in rows] if is_alone else [rows]:
    results += search_together(
      panel,
      [searches[row] for row in group],
      [asked[row].cache for row in group],
      queries=group,
      at_once=_AT_ONCE,
    )
  return results


def _search(plan, features, one: Asked, options: SearchOptions) -> Search:
  """The search for one query."""
  if options.search == RELEASED:
    return released_steps(
      plan,
      one.cache,
      features=features,
      query=one.sentence,
      merge='add' if options.is_released else 'entropy',
      is_scaled=options.is_released,
      seed=options.seed,
      prices=one.prices,
    )
  return top_down_steps(
    plan, one.cache, budget=options.limits, prices=one.prices
  )
