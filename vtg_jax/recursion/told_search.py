"""What the compiled search found, in seconds."""

import jax
import numpy as np

from vtg_jax.moments.moment import Moment
from vtg_jax.recursion.cost import Cost, Prices, dense_cost
from vtg_jax.recursion.search_plan import SearchPlan, share_covered
from vtg_jax.recursion.search_result import Hit, SearchResult, ranked
from vtg_jax.recursion.top_down_program import Progress


def told_search(
  plan: SearchPlan,
  progress: Progress,
  prices: Prices,
  *,
  seconds: float = 0.0,
  encodings: int | None = None,
) -> SearchResult:
  """Turns tables into moments.

  Args:
    plan: Whose tables were searched.
    progress: From `search_on_device`.
    prices: For counting prompt tokens.
    seconds: That the program took.
    encodings: Windows that were encoded; those shown, where None.

  Returns:
    As from `search_top_down`, but without single questions; of the hits the
    surest one alone is there.
  """
  progress = jax.tree.map(np.asarray, progress)
  n_frames = plan.config.size.n_frames
  read = np.flatnonzero(progress.read).tolist()
  seen = np.flatnonzero(progress.seen).tolist()
  moments = []
  for row in read:
    first, last = int(progress.answer.first[row]), progress.answer.last[row]
    last = min(int(last), n_frames)
    if progress.answer.is_found[row] and first <= last:
      moments.append(
        Moment(
          start_s=plan.dense.second_of(row, first),
          end_s=plan.dense.second_of(row, last),
          score=float(progress.answer.confidence[row]),
        )
      )
  moments = ranked(moments, plan.config.same_iou)
  hits = _surest(plan, progress)
  for hit in hits:
    if not set(read) & set(plan.dense_under(hit.first, hit.last)):
      start_s, end_s = plan.run_s(hit.first, hit.last)
      moments.append(Moment(start_s=start_s, end_s=end_s, score=hit.confidence))
  dense = [
    (int(plan.dense.first[row]), int(plan.dense.last[row])) for row in read
  ]
  sparse = [
    (int(plan.sparse.first[row]), int(plan.sparse.last[row])) for row in seen
  ]
  n_sparse_calls = int(progress.n_sequences) - len(read)
  shown = int(progress.n_tokens) + n_sparse_calls * prices.prompt_tokens
  spent = Cost(
    sequences=n_sparse_calls,
    prefill_tokens=shown,
    encodings=len(seen) if encodings is None else encodings,
    seconds=seconds,
  )
  return SearchResult(
    moments=tuple(moments[: plan.config.top_k]),
    looked_at=share_covered([*dense, *sparse], plan.n_features),
    read=share_covered(dense, plan.n_features),
    spent=spent + dense_cost(len(read), n_frames, prices),
    is_whole=bool(progress.is_whole),
    examined=(),
    hits=hits,
  )


def _surest(plan: SearchPlan, progress: Progress) -> tuple[Hit, ...]:
  """The surest hit of the last level that found any, if it still stands."""
  if not progress.is_found or progress.is_over:
    return ()
  first, last, confidence = progress.best_hit
  return (
    Hit(
      level=plan.steps[-1].number,
      first=int(first),
      last=int(last),
      confidence=float(confidence),
    ),
  )
