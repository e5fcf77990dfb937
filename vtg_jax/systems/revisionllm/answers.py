"""What a search found, as answers to a user."""

import dataclasses
import math

from vtg_jax.moments.moment import Absent, Moment
from vtg_jax.recursion.cost import Cost, Prices
from vtg_jax.recursion.search_result import SearchResult
from vtg_jax.systems.revisionllm.config import SYSTEM
from vtg_jax.systems.revisionllm.options import SearchOptions


def told(
  query: str,
  result: SearchResult,
  prices: Prices,
  options: SearchOptions,
  *,
  is_entropy: bool,
) -> list[Moment | Absent]:
  """What is answered to a query."""
  about = dict(
    query=query,
    system=SYSTEM,
    looked_at=min(1.0, result.looked_at),
    cost=cost_numbers(result.spent, prices),
  )
  moments = [
    dataclasses.replace(
      moment,
      score=likelihood(moment.score) if is_entropy else moment.score,
      **about,
    )
    for moment in result.moments
  ]
  threshold = options.absent_below or 0.0
  best = moments[0].score if moments else 0.0
  if not moments or (
    options.absent_below is not None and best < options.absent_below
  ):
    return [Absent(score=best, threshold=threshold, **about)]
  return moments


def likelihood(confidence: float) -> float:
  """exp(-H) of a confidence 1 / H: 0..1, and in the same order."""
  return math.exp(-1 / confidence) if confidence > 0 else 0.0


def cost_numbers(cost: Cost, prices: Prices) -> dict[str, float]:
  """Work done, by name; 10^12 operations besides."""
  return {**dataclasses.asdict(cost), 'tflop': cost.tflop(prices)}
