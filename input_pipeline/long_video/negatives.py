"""Windows without the event: any, those that look like it, or those next to it.

       same scene     |------|      |------|
    -----------------------------[event]----------------------------
     random   |------|                          hard  |------| looks like it

Contrastive training tells them from the window with the event.
"""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float

from input_pipeline.long_video.draws import Draws
from input_pipeline.long_video.item import MomentItem
from input_pipeline.long_video.video_features import VideoFeatures
from input_pipeline.long_video.window import (
  Window,
  WindowOptions,
  window_at,
  window_without,
)

KINDS = ('random', 'hard', 'same_scene')
# Fineness of a random number that decides by shares.
_STEPS = 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class NegativeKinds:
  """Which windows without the event are shown, and how often.

  Where the drawn kind has no window for an item, a random one is shown.

  Attributes:
    random: share of windows from anywhere else.
    hard: share of windows that look like the event.
    same_scene: share of windows directly before or after the event.
    n_hardest: a hard window is one of so many that look most like the event.
    strides: candidates for hard windows start so many times a window.
    frames_compared: frames of a candidate, and of the event, at most, whose
      features are compared.
  """

  random: float = 1.0
  hard: float = 0.0
  same_scene: float = 0.0
  n_hardest: int = 5
  strides: int = 5
  frames_compared: int = 16

  def __post_init__(self):
    if min(self.shares) < 0 or not sum(self.shares) > 0:
      raise ValueError(
        f'shares of negatives are {self.shares}; none may be below 0, and one '
        'must be above'
      )
    for name in ('n_hardest', 'strides', 'frames_compared'):
      if getattr(self, name) < 1:
        raise ValueError(f'{name} is {getattr(self, name)}; use 1 up')

  @property
  def shares(self) -> tuple[float, float, float]:
    """In the order of `KINDS`."""
    return self.random, self.hard, self.same_scene


# As in the release.
RANDOM = NegativeKinds()


class NegativeWindows:
  """Draws windows of one video that do not show an event."""

  def __init__(
    self,
    item: MomentItem,
    features: VideoFeatures,
    options: WindowOptions,
    kinds: NegativeKinds,
    *,
    in_sequence: bool = False,
  ):
    """Looks at no feature yet.

    Args:
      item: the sentence, in the time that windows are cut in.
      features: of its video.
      options: how windows are cut.
      kinds: which windows.
      in_sequence: see `window_without`.
    """
    self._item, self._features = item, features
    self._options, self._kinds = options, kinds
    self._in_sequence = in_sequence

  def draw(self, draws: Draws) -> Window:
    """One of them.

    Raises:
      Unusable: no window misses the event, or none was found.
    """
    kind = self._kind(draws)
    if kind == 'hard' and len(self._hardest):
      return self._at(float(draws.choice(self._hardest)))
    if kind == 'same_scene':
      around = self._next_to_event()
      if around:
        first_s, last_s = draws.choice(around)
        return self._at(first_s + draws.randrange(int(last_s - first_s) + 1))
    return window_without(
      self._item,
      len(self._features),
      self._options,
      draws,
      in_sequence=self._in_sequence,
    )

  def _kind(self, draws) -> str:
    """Which; takes a random number only where there is a choice."""
    shares = self._kinds.shares
    named = [kind for kind, share in zip(KINDS, shares, strict=True) if share]
    if len(named) == 1:
      return named[0]
    drawn = draws.randrange(_STEPS) / _STEPS * sum(shares)
    ends = np.cumsum([share for share in shares if share])
    return named[min(int(np.searchsorted(ends, drawn, 'right')), len(ends) - 1)]

  def _at(self, start_s: float) -> Window:
    n_video = len(self._features)
    return window_at(self._item.video, start_s, n_video, self._options)

  @property
  def _last_start_s(self) -> float:
    """When the last whole window of the video starts, seconds."""
    seconds = (len(self._features) - 1) / self._options.fps
    return min(seconds, self._item.duration_s) - self._options.window_s

  def _next_to_event(self) -> list[tuple[float, float]]:
    """First and last start of windows on each side, a fifth of one away."""
    item, window_s = self._item, self._options.window_s
    slack_s = max(1, window_s // 5)
    before_s = item.start_s - window_s - 1 / self._options.fps
    after_s = item.end_s + 1 / self._options.fps
    sides = (
      (max(0.0, before_s - slack_s), before_s),
      (after_s, min(self._last_start_s, after_s + slack_s)),
    )
    return [side for side in sides if 0 <= side[0] <= side[1]]

  @functools.cached_property
  def _hardest(self) -> list[float]:
    """When the windows start that look most like the event."""
    item, options, kinds = self._item, self._options, self._kinds
    step_s = options.window_s / kinds.strides
    n_starts = max(0, int(self._last_start_s / step_s) + 1)
    windows = [self._at(i * step_s) for i in range(n_starts)]
    windows = [w for w in windows if not w.meets(item.start_s, item.end_s)]
    if not windows:
      return []
    event = self._compared(item.start_s, item.end_s).mean(0)
    likeness = np.array(
      [
        (self._compared(w.start_s, w.start_s + options.window_s) @ event).max()
        for w in windows
      ]
    )
    best = np.argsort(-likeness, kind='stable')[: kinds.n_hardest]
    return [windows[i].start_s for i in best]

  def _compared(self, start_s: float, end_s: float) -> Float[np.ndarray, 'F D']:
    """Unit features of frames between two times, evenly."""
    n_video, fps = len(self._features), self._options.fps
    first, last = (
      min(max(0, round(time_s * fps)), n_video - 1)
      for time_s in (start_s, end_s)
    )
    n_frames = min(self._kinds.frames_compared, last - first + 1)
    frame_ids = np.linspace(first, last, n_frames).astype(np.int32)
    x = np.asarray(self._features[frame_ids], np.float32)
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-6)
