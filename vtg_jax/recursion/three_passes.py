"""The released search: a dense pass, two sparse passes, and what they share.

    dense      every window, frame by frame      -> spans, scores
    sparse     every window, 100 a call          -> hits
    sparse     every window, 33 a call           -> hits
    fused      the spans that lie under hits

The passes do not know of one another: all windows are read in each. The paper
calls this order ReVisionLLM-I.

Source: ReVisionLLM's release.
"""

import dataclasses
from collections.abc import Generator, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from vtg_jax.recursion import hits, scores
from vtg_jax.recursion.model import DENSE_LEVEL, Reply
from vtg_jax.recursion.quirks import CLEAN, Quirks
from vtg_jax.recursion.together import Answered, Wanted
from vtg_jax.recursion.windows import (
  SparseCall,
  Windows,
  WindowSize,
  dense_windows,
  sparse_calls,
  sparse_windows,
)

# Random orders of a sparse call's windows, call after call.
Orders = Iterator[Sequence[int]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DensePass:
  """What came of the dense pass.

  Attributes:
    windows: All dense windows.
    n_video_frames: Frames of the video at the rate of a window's.
    replies: To each window.
    spans: The predictions among them.
    scores: Of each prediction, the larger the better.
    seconds: That it took.
  """

  windows: Windows
  n_video_frames: int
  replies: tuple[Reply, ...]
  spans: tuple[hits.FrameSpan, ...]
  scores: tuple[float, ...]
  seconds: float = 0.0

  @property
  def answers(self) -> list[str]:
    return [reply.answer for reply in self.replies]

  def share_of_video(self, span: hits.FrameSpan) -> tuple[float, float]:
    """Start and end of a prediction as the release counts them."""
    return span.share_of_video(
      n_frames=self.windows.n_frames, n_video_frames=self.n_video_frames
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparsePass:
  """What came of a sparse pass.

  Attributes:
    windows: All sparse windows.
    calls: What was shown.
    replies: To each call.
    intervals: First and last window hit, by the number of the call.
    seconds: That it took.
  """

  windows: Windows
  calls: tuple[SparseCall, ...]
  replies: tuple[Reply, ...]
  intervals: Mapping[int, tuple[int, int]]
  seconds: float = 0.0

  @property
  def answers(self) -> list[str]:
    return [reply.answer for reply in self.replies]


def dense_pass(
  *,
  n_features: int,
  duration_s: float,
  size: WindowSize,
  batch: int,
  is_filled: bool = False,
  shared: int = 1,
  features: Float[np.ndarray, 'N C'] | None = None,
  query: Float[np.ndarray, ' C'] | None = None,
  merge: str = 'add',
  quirks: Quirks = CLEAN,
) -> Generator[Wanted, Answered, DensePass]:
  """Asks about every window, frame by frame; see `together`.

  Args:
    n_features: Feature frames of the video, N.
    duration_s: Of the video, seconds.
    size: Of a window.
    batch: Windows asked about at a time.
    is_filled: Whether the last batch is filled up, too.
    shared: See `Wanted`.
    features: Of the video's frames; not needed to score by entropy alone.
    query: Feature of the whole sentence; likewise.
    merge: How likeness and entropy become one score; see `merged_scores`.
    quirks: See `Quirks`.
  """
  windows = dense_windows(n_features, size, quirks)
  answered = yield Wanted(
    level=DENSE_LEVEL,
    windows=windows,
    rows=range(len(windows)),
    batches=(batch,),
    is_filled=is_filled,
    shared=shared,
  )
  replies = answered.replies
  n_video_frames = hits.video_frames(duration_s, size.n_frames, size.window_s)
  spans = hits.frame_spans(
    [reply.answer for reply in replies],
    n_frames=size.n_frames,
    # A window of a short video shows more frames than it has.
    n_video_frames=max(n_video_frames, size.n_frames),
    quirks=quirks,
  )
  likenesses = [0.0] * len(spans)
  if features is not None and query is not None:
    likenesses = [
      scores.likeness(
        features[windows.frame_idx([span.window])[0]],
        query,
        span.first,
        span.last,
      )
      for span in spans
    ]
  entropies = [replies[span.window].entropy.mean for span in spans]
  return DensePass(
    windows=windows,
    n_video_frames=n_video_frames,
    replies=tuple(replies),
    spans=tuple(spans),
    scores=tuple(
      scores.merged_scores(likenesses, entropies, merge=merge, quirks=quirks)
    ),
    seconds=answered.seconds,
  )


def sparse_pass(
  *,
  n_features: int,
  size: WindowSize,
  n_segments: int,
  level: int = DENSE_LEVEL + 1,
  zooms: Sequence[int] = (4, 2, 1),
  batch: int = 1,
  encode_batches: Sequence[int] = (),
  is_filled: bool = False,
  orders: Orders | int | None = None,
  asked: Sequence[int] | None = None,
  quirks: Quirks = CLEAN,
) -> Generator[Wanted, Answered, SparsePass]:
  """Asks in which of many windows the query is seen; see `together`.

  Args:
    n_features: Feature frames of the video, N.
    size: Of a window.
    n_segments: Tokens of a call, R.
    level: Of the recursion.
    zooms: How often windows are repeated, pass by pass.
    batch: Calls made at a time.
    encode_batches: Windows encoded at a time, ascending; all, without any.
    is_filled: Whether all batches and sequences are filled up; otherwise each
      call is made by itself.
    orders: Order in which each call shows its windows, as places in it, or
      the seed of random ones; None for that of time.
    asked: The windows to ask about; all, where None.
    quirks: See `Quirks`.
  """
  windows = sparse_windows(n_features, size, quirks)
  asked = range(len(windows)) if asked is None else asked
  calls = sparse_calls(asked, n_segments, zooms, quirks)
  if orders is not None and quirks.shuffle_windows:
    if isinstance(orders, int):
      orders = random_orders(orders, calls)
    calls = [
      dataclasses.replace(call, order=tuple(next(orders))) for call in calls
    ]
  answered = yield Wanted(
    level=level,
    windows=windows,
    rows=calls,
    batches=(batch if is_filled else 1,),
    encode_batches=tuple(encode_batches),
    n_tokens=n_segments if is_filled else None,
    is_filled=is_filled,
  )
  replies = answered.replies
  intervals = {}
  for number, (call, reply) in enumerate(zip(calls, replies, strict=True)):
    places = hits.hit_places(
      call, reply.answer, n_windows=len(asked), quirks=quirks
    )
    found = [asked[place] for place in places]
    if found:
      intervals[number] = tuple(
        hits.hit_interval(
          window,
          n_windows=len(windows),
          n_segments=n_segments,
          quirks=quirks,
        )[end]
        for end, window in enumerate((found[0], found[-1]))
      )
  return SparsePass(
    windows=windows,
    calls=tuple(calls),
    replies=tuple(replies),
    intervals=intervals,
    seconds=answered.seconds,
  )


def random_orders(seed: int, calls: Sequence[SparseCall]) -> Orders:
  """A random order for each of some calls."""
  generator = np.random.default_rng(seed)
  for call in calls:
    yield generator.permutation(len(call.windows)).tolist()


def under_hits(
  dense: DensePass, sparse: SparsePass, quirks: Quirks = CLEAN
) -> set[int]:
  """The dense windows that a sparse pass selects."""
  intervals = sparse.intervals.values()
  if quirks.half_open_hits:
    return hits.dense_by_stride(intervals, len(dense.windows))
  start_s, end_s = sparse.windows.start_s, sparse.windows.end_s
  middles = hits.middle_edges(dense.windows)
  return {
    window
    for first, last in intervals
    for window, (low_s, high_s) in enumerate(middles)
    if low_s < end_s[last] and high_s > start_s[first]
  }


def fuse(
  dense: DensePass, sparse: Sequence[SparsePass], quirks: Quirks = CLEAN
) -> Mapping[str, list]:
  """Keeps the dense predictions under the hits of the sparse passes.

  Args:
    dense: Its predictions are kept or dropped.
    sparse: Where the first agrees with none of them, all are kept.
    quirks: See `Quirks`.

  Returns:
    See `hits.fused`.
  """
  return hits.fused(
    dense.answers,
    dense.spans,
    dense.scores,
    [under_hits(dense, one, quirks) for one in sparse],
    quirks=quirks,
  )
