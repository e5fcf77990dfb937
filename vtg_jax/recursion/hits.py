"""From answers to spans of frames and windows, and what passes select.

Source: ReVisionLLM's release; see `Quirks` for what it does otherwise.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from vtg_jax.moments import frame_answers
from vtg_jax.recursion.quirks import CLEAN, Quirks
from vtg_jax.recursion.scores import min_max_scaled
from vtg_jax.recursion.windows import (
  DENSE_STRIDES,
  SPARSE_STRIDES,
  SparseCall,
  Windows,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameSpan:
  """What one window's answer predicts.

  Attributes:
    window: Number of the dense window.
    first: First frame, counted in the window.
    last: Last frame, included.
  """

  window: int
  first: int
  last: int

  def share_of_video(
    self, *, n_frames: int, n_video_frames: int
  ) -> tuple[float, float]:
    """Start and end as shares of the video, as if windows were all whole.

    Args:
      n_frames: Frames of a window, F.
      n_video_frames: Of the whole video at the rate of a window's.
    """
    offset = self.window * n_frames // DENSE_STRIDES
    first, last = offset + self.first, offset + self.last
    return first / n_video_frames, last / n_video_frames


def frame_spans(
  answers: Sequence[str],
  *,
  n_frames: int,
  n_video_frames: int,
  quirks: Quirks = CLEAN,
) -> list[FrameSpan]:
  """The predictions among the answers of all dense windows, in their order.

  An answer that names the last frame alone is none; another single frame is
  widened by one on each side.

  Args:
    answers: Of each window.
    n_frames: Frames of a window, F.
    n_video_frames: Of the whole video at the rate of a window's.
    quirks: Whether spans that end before they start are kept.
  """
  spans = []
  for window, answer in enumerate(answers):
    span = frame_span(
      answer, n_frames=n_frames, n_video_frames=n_video_frames, quirks=quirks
    )
    if span is not None:
      spans.append(FrameSpan(window=window, first=span[0], last=span[1]))
  return spans


def frame_span(
  answer: str, *, n_frames: int, n_video_frames: int, quirks: Quirks = CLEAN
) -> tuple[int, int] | None:
  """First and last frame that one answer predicts; arguments as above."""
  span = frame_answers.parse_frames(answer)
  if span is None:
    return None
  first, last = span
  if first == last:
    if first == n_frames - 1:
      return None
    return max(0, first - 1), min(n_video_frames, last + 1)
  if first > last and not quirks.keep_reversed_spans:
    return None
  return first, last


def video_frames(duration_s: float, n_frames: int, window_s: float) -> int:
  """Frames of a whole video at the rate at which a window shows them."""
  return int(duration_s * n_frames / window_s)


def hit_places(
  call: SparseCall, answer: str, *, n_windows: int, quirks: Quirks = CLEAN
) -> tuple[int, ...]:
  """Places, among the windows asked about, that a sparse answer names.

  Args:
    call: What was shown.
    answer: To it.
    n_windows: Windows asked about in all calls.
    quirks: Whether the first number alone counts.

  Returns:
    Without repetitions; empty where the answer names none.
  """
  if quirks.first_place_only:
    named = frame_answers.parse_place(answer)
    if named is None:
      return ()
    token = named // call.zoom
    place = call.order[token] if token < len(call.order) else token
    return (min(max(call.start + place, 0), n_windows - 1),)
  span = frame_answers.parse_places(answer)
  if span is None or span[0] >= call.n_tokens:
    return ()
  last = min(span[1], call.n_tokens - 1)
  named = {
    call.start + call.order[token // call.zoom]
    for token in range(span[0], last + 1)
  }
  return tuple(sorted(named))


def hit_interval(
  window: int, *, n_windows: int, n_segments: int, quirks: Quirks = CLEAN
) -> tuple[int, int]:
  """A hit with a window of margin on both sides.

  Args:
    window: The window hit.
    n_windows: Windows of the video.
    n_segments: Tokens of a call, R.
    quirks: What the interval is cut off at.

  Returns:
    First and last window; an empty interval ends before it starts.
  """
  last = n_segments if quirks.clamp_hits_to_call else n_windows - 1
  return max(0, window - 1), min(last, window + 1)


def dense_by_stride(
  intervals: Iterable[tuple[int, int]], n_dense: int
) -> set[int]:
  """Dense windows of some hits as the release counts them."""
  ratio = DENSE_STRIDES / SPARSE_STRIDES
  return {
    window
    for first, last in intervals
    for window in range(
      max(0, int(ratio * first)), min(int(ratio * last), n_dense - 1)
    )
  }


def middle_edges(windows: Windows) -> list[tuple[float, float]]:
  """The stretch of each window that is in the middle of no other, seconds.

      |-----|=====|-----|
            |-----|=====|-----|

  They follow one another from the first frame of the video to the last.
  """
  if not len(windows):
    return []
  centres = [
    (start_s + end_s) / 2
    for start_s, end_s in zip(windows.start_s, windows.end_s, strict=True)
  ]
  inner = [(a + b) / 2 for a, b in zip(centres, centres[1:], strict=False)]
  edges = [float(windows.start_s[0]), *inner, float(windows.end_s[-1])]
  return list(zip(edges, edges[1:], strict=False))


def fused(
  answers: Sequence[str],
  spans: Sequence[FrameSpan],
  scores: Sequence[float],
  hits: Sequence[set[int]],
  *,
  quirks: Quirks = CLEAN,
) -> Mapping[str, list]:
  """Keeps the dense predictions that sparse passes agree with.

  Where the first sparse pass agrees with none, all stay as they are.

  Args:
    answers: Of all dense windows.
    spans: The predictions among them.
    scores: Of each prediction.
    hits: Dense windows that each sparse pass selects.
    quirks: How predictions are told among the answers.

  Returns:
    'answers' kept, and 'kept' predictions by their number, with their
    'scores' scaled to 0..1 over all predictions.

  Raises:
    IndexError: told by text, there are more predictions than the parser found.
  """
  windows = predicted_windows(answers, spans, quirks)
  if not hits or not set(windows) & hits[0]:
    return {
      'answers': list(answers),
      'kept': list(range(len(spans))),
      'scores': list(scores),
    }
  scaled = min_max_scaled(scores)
  selected = set().union(*hits)
  kept = [i for i, window in enumerate(windows) if window in selected]
  return {
    'answers': [answers[windows[i]] for i in kept],
    'kept': kept,
    'scores': [scaled[i] for i in kept],
  }


def predicted_windows(
  answers: Sequence[str], spans: Sequence[FrameSpan], quirks: Quirks
) -> list[int]:
  """The windows of the predictions, in the order of the predictions.

  Told by text they may not be the windows of `spans`: an answer that the
  parser makes nothing of then moves all that follow by one.
  """
  if not quirks.fuse_by_text:
    return [span.window for span in spans]
  none = {frame_answers.NOT_PRESENT, _LAST_FRAME_ALONE}
  return [i for i, answer in enumerate(answers) if answer not in none]


# Where windows show 250 frames, what names the last of them alone.
_LAST_FRAME_ALONE = 'From 249 to 249.'
