"""How a long video is cut into windows, and which of them one call shows.

    dense    |-----0-----|-----2-----|          stride: half a window
                   |-----1-----|-----3-----|
    sparse   |-----0-----|                      stride: a fifth
               |-----1-----|
                 |-----2-----|  ...

Windows are counted in feature frames. Source: ReVisionLLM's release.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from vtg_jax.recursion.quirks import CLEAN, Quirks

# Windows begin so many times in the length of one; sparse ones by default.
DENSE_STRIDES, SPARSE_STRIDES = 2, 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowSize:
  """How long a window is and how much of it is shown.

  Attributes:
    window_s: Length, seconds.
    n_frames: Frames shown of each window, F.
    fps: Feature frames of a second.
    sparse_strides: Sparse windows begin so many times in the length of one.
  """

  window_s: float
  n_frames: int
  fps: float
  sparse_strides: int = SPARSE_STRIDES

  def __post_init__(self):
    strides = max(DENSE_STRIDES, self.sparse_strides)
    if self.n_frames < 1 or self.window_s * self.fps < strides:
      raise ValueError(
        f'{self} is too short; a window needs a frame to show and a feature '
        f'frame for each of {strides} strides'
      )

  @property
  def n_steps(self) -> float:
    """Feature frames from the first to the last of a window."""
    return float(self.window_s * self.fps)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Windows:
  """The windows of one video.

  Attributes:
    first: First feature frame of each window.
    last: Its last one, included.
    n_frames: Frames shown of each, F.
    fps: Feature frames of a second.
  """

  first: Int[np.ndarray, ' W']
  last: Int[np.ndarray, ' W']
  n_frames: int
  fps: float

  def __len__(self) -> int:
    return len(self.first)

  @property
  def start_s(self) -> Float[np.ndarray, ' W']:
    return self.first / self.fps

  @property
  def end_s(self) -> Float[np.ndarray, ' W']:
    return self.last / self.fps

  def frame_idx(self, rows: Sequence[int]) -> Int[np.ndarray, 'B F']:
    """The feature frames shown of some windows, evenly from end to end."""
    rows = np.asarray(rows, np.int64)
    first, last = self.first[rows], self.last[rows]
    shown = np.repeat(first[:, None].astype(np.float64), self.n_frames, axis=1)
    # Apart from windows of one frame: with one of them, linspace rounds those
    # of all others differently than each alone.
    goes_on = last != first
    shown[goes_on] = np.linspace(
      first[goes_on], last[goes_on], self.n_frames, axis=1
    )
    return shown.astype(np.int32)

  def second_of(self, row: int, frame: float) -> float:
    """When a frame of a window is, by the number an answer calls it."""
    first, last = int(self.first[row]), int(self.last[row])
    return (first + frame / self.n_frames * (last - first)) / self.fps


def whole_video(n_features: int, size: WindowSize) -> Windows:
  """One window over everything."""
  return Windows(
    first=np.zeros(1, np.int64),
    last=np.array([max(0, n_features - 1)]),
    n_frames=size.n_frames,
    fps=size.fps,
  )


def dense_windows(
  n_features: int, size: WindowSize, quirks: Quirks = CLEAN
) -> Windows:
  """Windows that are shown frame by frame.

  Args:
    n_features: Feature frames of the video, N.
    size: Of a window.
    quirks: See `Quirks`.
  """
  if not quirks.stretch_last_window:
    return _evenly(n_features, size, DENSE_STRIDES, quirks)
  n = _released_count(n_features, size, DENSE_STRIDES)
  first = (np.arange(n) * size.n_steps // DENSE_STRIDES).astype(np.int64)
  last = np.minimum(first + size.n_steps, n_features - 1).astype(np.int64)
  return Windows(first=first, last=last, n_frames=size.n_frames, fps=size.fps)


def sparse_windows(
  n_features: int, size: WindowSize, quirks: Quirks = CLEAN
) -> Windows:
  """Windows that are shown as one token each; arguments as above."""
  if not quirks.repeat_last_windows:
    return _evenly(n_features, size, size.sparse_strides, quirks)
  n = _released_count(n_features, size, size.sparse_strides)
  first = np.arange(n) * size.n_steps // size.sparse_strides
  last = np.minimum(first + size.n_steps, n_features - 1)
  first = np.where(last - first < size.n_steps, last - size.n_steps, first)
  return Windows(
    first=first.astype(np.int64),
    last=last.astype(np.int64),
    n_frames=size.n_frames,
    fps=size.fps,
  )


def is_skipped(duration_s: float, size: WindowSize, quirks: Quirks) -> bool:
  """Whether a video is too short to be searched at all."""
  return quirks.skip_short_videos and duration_s <= size.window_s


def _released_count(n_features: int, size: WindowSize, strides: int) -> int:
  return max(0, math.ceil(n_features / (size.n_steps // strides)) - 1)


def _evenly(
  n_features: int, size: WindowSize, strides: int, quirks: Quirks
) -> Windows:
  """Whole windows, the last one moved to the left; each once."""
  if quirks.skip_short_videos and n_features - 1 < size.n_steps:
    none = np.zeros(0, np.int64)
    return Windows(first=none, last=none, n_frames=size.n_frames, fps=size.fps)
  end = max(0, n_features - 1)
  steps = min(int(size.n_steps), end)
  stride = size.n_steps / strides
  n = math.ceil(max(0.0, end - steps) / stride) + 1
  first = np.minimum(np.floor(np.arange(n) * stride), end - steps)
  first = np.unique(first.astype(np.int64))
  return Windows(
    first=first, last=first + steps, n_frames=size.n_frames, fps=size.fps
  )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseCall:
  """What one sparse call shows: windows, each as some equal tokens.

    windows (4, 5, 6), zoom 2    ->    tokens 4 4 5 5 6 6

  Attributes:
    zoom: How often each window is repeated.
    start: Place of the chunk among the windows asked about; may be negative
      where `Quirks.wrap_short_chunks` is on.
    windows: The windows in the order of time; negative numbers count from the
      end.
    order: Place in `windows` of each that is shown, in the order shown.
    number: Of the chunk in its pass.
  """

  zoom: int
  start: int
  windows: tuple[int, ...]
  order: tuple[int, ...]
  number: int = 0

  @property
  def shown(self) -> tuple[int, ...]:
    """The window of every token."""
    return tuple(
      self.windows[place] for place in self.order for _ in range(self.zoom)
    )

  @property
  def n_tokens(self) -> int:
    return len(self.windows) * self.zoom


def sparse_calls(
  windows: Sequence[int],
  n_segments: int,
  zooms: Sequence[int],
  quirks: Quirks = CLEAN,
) -> list[SparseCall]:
  """The calls that ask about some windows, all of them once per zoom.

  Args:
    windows: To be asked about.
    n_segments: Most tokens of a call, R.
    zooms: How often windows are repeated, pass by pass.
    quirks: See `Quirks`.

  Returns:
    Calls that show their windows in the order given. Passes over few windows
    come to the same calls, which are there once.
  """
  calls = []
  n = len(windows)
  for zoom in zooms:
    most = n_segments // zoom
    if most < 1:
      raise ValueError(f'{zoom=} repeats a window beyond {n_segments=}')
    chunks = _chunks(windows, n, most, quirks)
    for number, (start, chunk) in enumerate(chunks):
      fits = zoom if quirks.short_sequences else n_segments // len(chunk)
      call = SparseCall(
        zoom=max(zoom, fits),
        start=start,
        windows=chunk,
        order=tuple(range(len(chunk))),
        number=number,
      )
      calls.append(call)
  return calls if quirks.short_sequences else list(dict.fromkeys(calls))


def _chunks(windows, n, most, quirks):
  n_chunks = math.ceil(n / most)
  if not quirks.refill_last_chunk:
    edges = [n * i // n_chunks for i in range(n_chunks + 1)] if n else []
    pairs = list(zip(edges, edges[1:], strict=False))
  else:
    pairs = []
    for i in range(n_chunks):
      start, end = i * most, min((i + 1) * most, n)
      if end - start < most:
        start = end - most
      pairs.append((start, end))
  for start, end in pairs:
    if not quirks.wrap_short_chunks:
      start = max(0, start)
    yield start, tuple(int(w) for w in windows[start:end])


def restricted_windows(
  n_windows: int,
  found: Sequence[int],
  n_segments: int,
  quirks: Quirks = CLEAN,
) -> list[int]:
  """Sparse windows near the dense windows in which something was found.

  Where these are fewer than a call takes, others from all over the video are
  added.

  Args:
    n_windows: Sparse windows there are.
    found: Dense windows.
    n_segments: R.
    quirks: See `Quirks`.

  Raises:
    ValueError: too few windows are left to fill a call up.
  """
  ratio = SPARSE_STRIDES / DENSE_STRIDES
  near = [
    window
    for dense in found
    for window in range(
      math.floor((dense - 1) * ratio), math.ceil((dense - 1) * ratio + ratio)
    )
  ]
  if not quirks.wrap_restriction:
    near = sorted({w for w in near if 0 <= w < n_windows})
  near = list(set(near)) if quirks.wrap_restriction else near
  if len(near) >= n_segments:
    return near
  needed = n_segments - len(near)
  rest = [window for window in range(n_windows) if window not in near]
  every = len(rest) // needed
  if every == 0:
    if not quirks.wrap_restriction:
      return sorted([*near, *rest])
    raise ValueError(
      f'{len(rest)} windows are left where {needed} are needed; use fewer '
      f'than {n_segments=} segments'
    )
  return sorted([*near, *rest[::every][:needed]])


def windows_touched(
  start_s: float, end_s: float, duration_s: float, *, stride_s: float = 90.0
) -> tuple[list[int], int]:
  """Windows of two strides that a moment touches, and how many there are.

  The first one begins a stride before the video. The release notes these in
  its sparse logs; nothing reads them.
  """
  first = math.floor(start_s / stride_s)
  last = math.ceil(end_s / stride_s)
  return list(range(first, last + 1)), math.ceil(duration_s / stride_s) + 1
