"""The released order of passes as a search: all is read, then sifted.

Source: ReVisionLLM's release (the paper's ReVisionLLM-I); see `three_passes`.
"""

import dataclasses

import numpy as np
from jaxtyping import Float

from vtg_jax.moments.moment import Moment
from vtg_jax.recursion import hits, three_passes
from vtg_jax.recursion.cost import (
  FULL_SIZE,
  Cost,
  Prices,
  dense_cost,
  sparse_cost,
)
from vtg_jax.recursion.model import DENSE_LEVEL, Model, TokenCache
from vtg_jax.recursion.search_plan import SearchPlan, share_covered
from vtg_jax.recursion.search_result import (
  Examined,
  Hit,
  SearchResult,
  ranked,
)
from vtg_jax.recursion.together import Search, search_alone
from vtg_jax.recursion.windows import is_skipped


def search_released_order(
  model: Model, plan: SearchPlan, *, cache: TokenCache | None = None, **options
) -> SearchResult:
  """Reads all dense windows, asks about all on each sparse level, and fuses.

  Args:
    model: Bound to the video and the query.
    plan: Of the video; its sparse levels are the sparse passes, the coarsest
      first.
    cache: Tokens of the same video and query from an earlier search.
    **options: Of `released_steps`.

  Returns:
    The predictions that are kept, best first.
  """
  cache = TokenCache() if cache is None else cache
  return search_alone(model, released_steps(plan, cache, **options), cache)


def released_steps(
  plan: SearchPlan,
  cache: TokenCache,
  *,
  features: Float[np.ndarray, 'N C'] | None = None,
  query: Float[np.ndarray, ' C'] | None = None,
  merge: str = 'entropy',
  is_scaled: bool = True,
  seed: int = 0,
  prices: Prices = FULL_SIZE,
) -> Search:
  """The same as a generator, to be led together with others.

  Args:
    plan: See above, as `cache`.
    cache: Of the query's tokens.
    features: Of the video's frames; needed to score by likeness.
    query: Feature of the whole sentence; likewise.
    merge: How predictions are scored; see `merged_scores`.
    is_scaled: Whether the scores of predictions under hits are brought to
      0..1 among those of the query, as in the release; they cannot be compared
      with another query's then.
    seed: Of the order of a sparse call's windows, where they are shuffled.
    prices: For counting prompt tokens.
  """
  config, quirks = plan.config, plan.config.quirks
  if is_skipped(plan.duration_s, config.size, quirks):
    return _nothing()
  encoded_before = cache.n_encoded
  dense = yield from three_passes.dense_pass(
    n_features=plan.n_features,
    duration_s=plan.duration_s,
    size=config.size,
    batch=config.dense_batches[-1],
    is_filled=True,
    shared=config.shared_rows,
    features=features,
    query=query,
    merge=merge,
    quirks=quirks,
  )
  spent = dense_cost(len(dense.windows), config.size.n_frames, prices)
  examined = [
    Examined(level=DENSE_LEVEL, windows=(window,), reply=reply)
    for window, reply in enumerate(dense.replies)
  ]
  passes, found = [], []
  for step in plan.steps:
    one = yield from three_passes.sparse_pass(
      n_features=plan.n_features,
      size=config.size,
      n_segments=step.level.n_segments,
      level=step.number,
      zooms=step.level.zooms,
      batch=config.sparse_batches[-1],
      encode_batches=config.encode_batches,
      is_filled=True,
      orders=seed + step.number,
      quirks=quirks,
    )
    passes.append(one)
    spent += dataclasses.replace(sparse_cost(one.calls, prices), encodings=0)
    examined += [
      Examined(level=step.number, windows=call.windows, reply=reply)
      for call, reply in zip(one.calls, one.replies, strict=True)
    ]
    found += [
      Hit(
        level=step.number,
        first=first,
        last=last,
        confidence=one.replies[number].entropy.confidence,
      )
      for number, (first, last) in one.intervals.items()
    ]
  kept = _fused(dense, passes, quirks)
  moments = [
    _moment(
      plan, dense, dense.spans[i], score if is_scaled else dense.scores[i]
    )
    for i, score in zip(kept['kept'], kept['scores'], strict=True)
  ]
  return SearchResult(
    moments=tuple(
      ranked([m for m in moments if m], config.same_iou)[: config.top_k]
    ),
    looked_at=1.0,
    read=share_covered(
      zip(dense.windows.first.tolist(), dense.windows.last.tolist(),
          strict=True),
      plan.n_features,
    ),
    spent=dataclasses.replace(
      spent,
      encodings=cache.n_encoded - encoded_before,
      seconds=dense.seconds + sum(one.seconds for one in passes),
    ),
    is_whole=True,
    examined=tuple(examined),
    hits=tuple(found),
  )  # fmt: skip


def _fused(dense, passes, quirks):
  """What is kept; by what the parser found where texts mislead.

  Told by text there may be more predictions than the parser found: an answer
  that tells no span counts, and so does a window's last frame alone where
  windows do not show 250. The release loses such a query.
  """
  try:
    return three_passes.fuse(dense, passes, quirks)
  except IndexError:
    parsed = dataclasses.replace(quirks, fuse_by_text=False)
    return three_passes.fuse(dense, passes, parsed)


def _moment(
  plan: SearchPlan,
  dense: three_passes.DensePass,
  span: hits.FrameSpan,
  score: float,
) -> Moment | None:
  """A prediction in seconds; None where it ends before it starts."""
  if plan.config.quirks.stretch_last_window:
    shares = dense.share_of_video(span)
    start_s, end_s = (share * plan.duration_s for share in shares)
  else:
    last = min(span.last, dense.windows.n_frames)
    start_s = dense.windows.second_of(span.window, span.first)
    end_s = dense.windows.second_of(span.window, last)
  if start_s > end_s:
    return None
  return Moment(start_s=start_s, end_s=end_s, score=score)


def _nothing() -> SearchResult:
  return SearchResult(
    moments=(),
    looked_at=0.0,
    read=0.0,
    spent=Cost(),
    is_whole=True,
    examined=(),
    hits=(),
  )
