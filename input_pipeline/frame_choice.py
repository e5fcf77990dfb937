"""Which frames of a video a model sees: the papers' index rules, and ours.

The functions named after a paper's code reproduce it to the last index, its
roundings (half to even) and oddities included. `timestamp_frame_times` is what
we use otherwise: it chooses times, and the file says which frame is on display.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from vtg_jax.errors import BadInput

# HawkEye's stand-in for "no bound", in seconds.
_UNBOUNDED_S = (-100000, 100000)


def timestamp_frame_times(
  start_s: float, end_s: float, n_frames: int
) -> Float64[np.ndarray, 'F']:
  """Centres of `n_frames` equal slots of [start_s, end_s], in seconds.

  Example: (0, 4, 2) gives [1, 3].

  Raises:
    BadInput: an end is not finite, or the interval ends before it starts.
  """
  if not (math.isfinite(start_s) and math.isfinite(end_s)):
    raise BadInput(
      f'interval {start_s} to {end_s} s is not finite; give numbers'
    )
  if end_s < start_s:
    raise BadInput(f'interval {start_s} to {end_s} s ends before it starts')
  _require_frames(n_frames)
  slot_s = (end_s - start_s) / n_frames
  return start_s + slot_s * (np.arange(n_frames, dtype=np.float64) + 0.5)


def eval_frame_indices(
  bound: tuple[float, float] | None,
  fps: float,
  max_frame: int,
  n_frames: int,
) -> Int64[np.ndarray, 'F']:
  """Middles of equal segments of the bound, as HawkEye's evaluators read them.

  Args:
    bound: (start_s, end_s), or None for the whole video.
    fps: frames per second.
    max_frame: frame count - 1 for a file; for a folder of frames the paper
      passes the frame count, so its last index can be one too far (clip it).
    n_frames: how many indices.

  Returns:
    Indices that rise. Only a bound that begins after `max_frame`, as rounding
    can make it, gives falling ones, some of them beyond it: clip them.

  Source: HawkEye `get_index(bound, fps, max_frame)`.
  """
  _require_frames(n_frames)
  start_s, end_s = _UNBOUNDED_S if bound is None else bound
  start_idx = max(0, round(start_s * fps))
  end_idx = min(round(end_s * fps), max_frame)
  segment = float(end_idx - start_idx) / n_frames
  return np.array(
    [
      int(start_idx + segment / 2 + np.rint(segment * i))
      for i in range(n_frames)
    ],
    dtype=np.int64,
  )


def demo_frame_indices(
  n_video_frames: int, n_frames: int
) -> Int64[np.ndarray, 'F']:
  """Segment middles over the whole video, as the demo notebook reads them.

  Source: HawkEye demo `get_index(num_frames, num_segments)`.
  """
  _require_frames(n_frames)
  segment = float(n_video_frames - 1) / n_frames
  first = int(segment / 2)
  return np.array(
    [first + int(np.rint(segment * i)) for i in range(n_frames)],
    dtype=np.int64,
  )


def even_frame_indices(
  n_video_frames: int, n_frames: int, *, released: bool = False
) -> Int64[np.ndarray, 'F']:
  """Frames at equal distances from the first one on; all of a short video.

  Example: (10, 4) gives [0, 2, 5, 7].

  Args:
    n_video_frames: frames in the video.
    n_frames: most indices.
    released: counts in steps of a float, as TimeChat does: sums of some steps
      are one index too many, and it is outside the video.

  Source: TimeChat `load_video`, sampling 'uniform'.
  """
  _require_frames(n_frames)
  _require_video(n_video_frames)
  n = min(n_frames, n_video_frames)
  if released:
    steps = np.arange(0, n_video_frames, n_video_frames / n)
    return steps.astype(np.int64)
  return np.arange(n, dtype=np.int64) * n_video_frames // n


def train_frame_indices(
  n_video_frames: int,
  n_frames: int,
  *,
  start_frac: float = 0.0,
  end_frac: float = 1.0,
  rng: np.random.Generator | None = None,
  draws: Sequence[float] | None = None,
  permutation: Sequence[int] | None = None,
) -> Int64[np.ndarray, 'F']:
  """One random frame from each of `n_frames` intervals of a clip.

  Intervals come from truncated linspace; [a, b) gives a frame of a .. b-2, so
  its last frame is never drawn. If any interval has no such frame, the whole
  draw is replaced by sorted frames of a random permutation of the *video*. A
  video shorter than `n_frames` repeats its last drawn frame.

  Args:
    n_video_frames: frames in the video.
    n_frames: how many indices to return.
    start_frac: start of the clip over the duration, in 0..1.
    end_frac: end of the clip over the duration, in 0..1.
    rng: source of the draws; needed unless they are given.
    draws: one number in [0, 1) an interval, to replay a draw.
    permutation: prefix of a permutation of the frames, to replay the fallback.

  Source: HawkEye `get_frame_indices`, sample 'rand'.
  """
  intervals = clip_intervals(n_video_frames, n_frames, start_frac, end_frac)
  if all(end - start > 1 for start, end in intervals):
    if draws is None:
      draws = _required(rng).random(len(intervals))
    indices = [
      start + int(draw * (end - 1 - start))
      for (start, end), draw in zip(intervals, draws, strict=True)
    ]
  else:
    if permutation is None:
      permutation = _required(rng).permutation(n_video_frames)
    indices = sorted(int(i) for i in permutation[: len(intervals)])
  return _repeat_last(indices, n_frames)


def middle_frame_indices(
  n_video_frames: int,
  n_frames: int,
  *,
  start_frac: float = 0.0,
  end_frac: float = 1.0,
) -> Int64[np.ndarray, 'F']:
  """The middle frame of each of `n_frames` intervals of a clip.

  Source: HawkEye `get_frame_indices`, sample 'middle'.
  """
  intervals = clip_intervals(n_video_frames, n_frames, start_frac, end_frac)
  middles = [(start + end - 1) // 2 for start, end in intervals]
  return _repeat_last(middles, n_frames)


def clip_fractions(
  clip: tuple[float, float] | None, n_video_frames: int, fps: float
) -> tuple[float, float]:
  """A clip in seconds as fractions of the duration, each held in 0..1.

  Source: HawkEye `read_frames_decord`; the duration is frame count / fps.
  """
  if clip is None:
    return 0.0, 1.0
  duration_s = n_video_frames / float(fps)
  start_frac, end_frac = (
    min(max(seconds / duration_s, 0.0), 1.0) for seconds in clip
  )
  return start_frac, end_frac


def clip_relative_indices(
  indices: Sequence[int], n_video_frames: int, start_frac: float
) -> Int64[np.ndarray, 'F']:
  """Indices counted from the first frame of the clip; may be negative.

  Negative ones come from the permutation fallback, which ignores the clip.
  """
  return np.asarray(indices, np.int64) - round(start_frac * n_video_frames)


def message_times_s(
  indices: Sequence[int], fps: float, *, bound_start_s: float = 0.0
) -> list[float]:
  """Seconds of each frame as the prompt counts them: index / fps - start.

  For a video file `bound_start_s` is the start of the searched interval. For a
  folder of frames the paper never subtracts it: leave it 0 there.

  Source: HawkEye evaluators; times may be negative, or -0.0 once rounded.
  """
  return [int(i) / fps - bound_start_s for i in indices]


def message_seconds(
  times_s: Sequence[float], *, scaled: bool = False
) -> list[str]:
  """Each time as the prompt writes it: `str(round(time, 1))`.

  Example: [0.44, -0.04, 12.0] gives ['0.4', '-0.0', '12.0'].

  Args:
    times_s: seconds.
    scaled: rounds ten times the number, as numpy does and TimeChat where it
      draws frames anew: 0.05 becomes '0.0', not '0.1'.
  """
  return [
    str(float(np.round(time_s, 1)) if scaled else round(float(time_s), 1))
    for time_s in times_s
  ]


def frames_message(times_s: Sequence[float], *, scaled: bool = False) -> str:
  """The prompt's sentence about the frames and when they were taken."""
  seconds = ', '.join(message_seconds(times_s, scaled=scaled))
  return (
    f'The video contains {len(times_s)} frames sampled at {seconds} seconds.'
  )


def clip_intervals(
  n_video_frames: int,
  n_frames: int,
  start_frac: float = 0.0,
  end_frac: float = 1.0,
) -> list[tuple[int, int]]:
  """min(n_frames, n_video_frames) neighbouring intervals [start, end)."""
  _require_frames(n_frames)
  _require_video(n_video_frames)
  n_intervals = min(n_frames, n_video_frames)
  edges = np.linspace(
    round(start_frac * n_video_frames),
    round(end_frac * n_video_frames),
    n_intervals + 1,
  ).astype(int)
  return [(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _repeat_last(indices: list[int], n: int) -> Int64[np.ndarray, 'F']:
  return np.array(indices + indices[-1:] * (n - len(indices)), dtype=np.int64)


def _require_frames(n_frames: int) -> None:
  if n_frames < 1:
    raise BadInput(f'{n_frames} frames cannot be chosen; ask for 1 or more')


def _require_video(n_video_frames: int) -> None:
  if n_video_frames < 1:
    raise BadInput(f'a video of {n_video_frames} frames has none to choose')


def _required(rng: np.random.Generator | None) -> np.random.Generator:
  if rng is None:
    raise ValueError('pass rng, or the draws (permutation) to replay')
  return rng
