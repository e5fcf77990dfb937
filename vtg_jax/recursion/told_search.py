"""What a top-down search found, in seconds."""

from collections.abc import Iterable, Sequence

import jax
import numpy as np

from vtg_jax.moments.moment import Moment
from vtg_jax.recursion.cost import Cost, Prices, dense_cost
from vtg_jax.recursion.search_plan import SearchPlan, share_covered
from vtg_jax.recursion.search_result import Hit, SearchResult, ranked
from vtg_jax.recursion.top_down_program import Hits, Progress


def told_search(
  plan: SearchPlan,
  progress: Progress,
  prices: Prices,
  *,
  seconds: float = 0.0,
  encodings: int | None = None,
) -> SearchResult:
  """Turns tables of the compiled search into moments.

  Args:
    plan: Whose tables were searched.
    progress: From `search_on_device`.
    prices: For counting prompt tokens.
    seconds: That the program took.
    encodings: Windows that were encoded; those shown, where None.

  Returns:
    As from `search_top_down`, but without single questions.
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
  hits = _hits(plan, progress)
  latest = next((some for some in reversed(hits) if some), [])
  found = [] if progress.is_over else latest
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
    moments=told_moments(plan, moments, found, read),
    looked_at=share_covered([*dense, *sparse], plan.n_features),
    read=share_covered(dense, plan.n_features),
    spent=spent + dense_cost(len(read), n_frames, prices),
    is_whole=bool(progress.is_whole),
    examined=(),
    hits=tuple(hit for some in hits for hit in some),
  )


def told_moments(
  plan: SearchPlan,
  moments: Sequence[Moment],
  found: Sequence[Hit],
  read: Iterable[int],
) -> tuple[Moment, ...]:
  """What is answered: moments that were read, then hits that were not.

  A hit of which any dense window was read has had its answer.

  Args:
    plan: Of the video.
    moments: Of the dense windows.
    found: Hits of the last level that found any.
    read: Dense windows that were read.
  """
  read, same_iou = set(read), plan.config.same_iou
  unread = []
  for hit in found:
    if read.isdisjoint(plan.dense_under(hit.first, hit.last)):
      start_s, end_s = plan.run_s(hit.first, hit.last)
      unread.append(Moment(start_s=start_s, end_s=end_s, score=hit.confidence))
  told = ranked(moments, same_iou) + ranked(unread, same_iou)
  return tuple(told[: plan.config.top_k])


def _hits(plan: SearchPlan, progress: Progress) -> list[list[Hit]]:
  """Of each level, in the order asked."""
  return [
    [
      Hit(level=step.number, first=first, last=last, confidence=confidence)
      for call in np.flatnonzero((table.confidence > -np.inf).any(axis=1))
      for first, last, confidence in _runs(table, call)
    ]
    for step, table in zip(plan.steps, progress.hits, strict=True)
  ]


def _runs(table: Hits, call: int) -> list[tuple[int, int, float]]:
  """The runs that a call names: each token of one says the same."""
  named = table.confidence[call] > -np.inf
  columns = (column[call][named].tolist() for column in table)
  return list(dict.fromkeys(zip(*columns, strict=True)))
