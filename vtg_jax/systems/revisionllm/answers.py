"""What a search found, as answers to a user."""

import dataclasses
import math

from input_pipeline.frame_features import FrameFeatures, QueryFeatures
from vtg_jax.moments.moment import Absent, Moment
from vtg_jax.recursion.cost import Cost, Prices
from vtg_jax.recursion.search_result import SearchResult
from vtg_jax.systems.revisionllm.config import SYSTEM
from vtg_jax.systems.revisionllm.likeness import alike
from vtg_jax.systems.revisionllm.options import SearchOptions


def told(
  query: str,
  result: SearchResult,
  prices: Prices,
  options: SearchOptions,
  *,
  frames: FrameFeatures,
  words: QueryFeatures,
) -> list[Moment | Absent]:
  """What is answered to a query.

  Args:
    query: The sentence.
    result: What was found.
    prices: What a unit of work costs.
    options: Of the search.
    frames: Of the video.
    words: Of the sentence.
  """
  about = dict(
    query=query,
    system=SYSTEM,
    looked_at=min(1.0, result.looked_at),
    cost=cost_numbers(result.spent, prices),
  )
  moments = [
    dataclasses.replace(
      moment,
      score=moment.score if options.has_own_score else likelihood(moment.score),
      **about,
    )
    for moment in result.moments
  ]
  if options.is_by_both:
    factor = alike(frames, words)
    moments = [
      dataclasses.replace(moment, score=moment.score * factor(moment))
      for moment in moments
    ]
    moments.sort(key=lambda moment: -moment.score)
  moments = moments[: options.top_k]
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
