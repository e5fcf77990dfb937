"""Long videos that are nothing but features: no files, no encoder, any number.

Scenes are random vectors, and an event adds that of what happens. It is enough
to see a network learn where events are, and nothing is to be downloaded.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from input_pipeline.long_video.item import MomentItem, asked

# Seconds of a scene, and videos that are made before others push them out.
_SCENE_S, _KEPT_VIDEOS = 12, 16
# What seeds the vectors of events, apart from videos.
_EVENTS = 2**31


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrawnVideos:
  """A range of drawn videos, with one sentence an event.

  Attributes:
    n_videos: how many.
    first_seed: of the first one.
    duration_s: length of each, whole seconds.
    n_events: sentences of each video.
    event_s: length of each event, whole seconds.
    n_kinds: different things that happen.
    noise: deviation of what is no event, whose vectors have entries of 1 or -1.
    weight: share in a mixture; None for all data sets takes every sentence
      once an epoch.
  """

  n_videos: int = 64
  first_seed: int = 0
  duration_s: int = 120
  n_events: int = 2
  event_s: int = 4
  n_kinds: int = 12
  noise: float = 0.3
  weight: float | None = None

  def __post_init__(self):
    for name in ('n_videos', 'n_events', 'event_s', 'n_kinds'):
      if getattr(self, name) < 1:
        raise ValueError(f'{name} is {getattr(self, name)}; use 1 up')
    if self.n_events > self.n_kinds:
      raise ValueError(
        f'{self.n_events} events a video are of {self.n_kinds} kinds; use more '
        'n_kinds'
      )
    if self.n_events * self.event_s > self.duration_s:
      raise ValueError(
        f'{self.n_events} events of {self.event_s} s do not fit '
        f'{self.duration_s} s; use a larger duration_s'
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrawnSource:
  """See `input_pipeline.long_video.source.Source`.

  Attributes:
    options: which videos.
    width: channels of features.
    fps: rows per second.
    name: what complaints call it.
  """

  options: DrawnVideos
  width: int
  fps: float
  name: str = 'drawn videos'

  @property
  def items(self) -> Sequence[MomentItem]:
    return _Items(self.options)

  def frames(self, video: str) -> Float32[np.ndarray, 'N D']:
    return _frames(self.options, int(video), self.width, self.fps)

  def words(self, query_id: str) -> Float32[np.ndarray, 'L D']:
    _, kind = query_id.split('_')
    return np.stack([_vector(0, self.width), _vector(int(kind), self.width)])


class _Items(Sequence):
  """The sentences, video by video."""

  def __init__(self, options: DrawnVideos):
    self._options = options

  def __len__(self) -> int:
    return self._options.n_videos * self._options.n_events

  def __getitem__(self, index: int) -> MomentItem:
    if not 0 <= index < len(self):
      raise IndexError(index)
    options = self._options
    number, event = divmod(index, options.n_events)
    seed = options.first_seed + number
    start_s, kind = _events(options, seed)[event]
    return MomentItem(
      query_id=f'{seed}_{kind}',
      video=str(seed),
      text=asked(f'thing {kind}'),
      start_s=float(start_s),
      end_s=float(start_s + options.event_s),
      duration_s=float(options.duration_s),
      source='drawn',
    )


def _events(options: DrawnVideos, seed: int) -> list[tuple[int, int]]:
  """(start in seconds, kind) of each event, one in each stretch of a video."""
  rng = np.random.default_rng(seed)
  kinds = 1 + rng.permutation(options.n_kinds)[: options.n_events]
  stretch_s = options.duration_s // options.n_events
  return [
    (i * stretch_s + int(rng.integers(stretch_s - options.event_s + 1)), k)
    for i, k in enumerate(kinds.tolist())
  ]


def _vector(kind: int, width: int) -> Float32[np.ndarray, ' D']:
  rng = np.random.default_rng(_EVENTS + kind)
  return rng.choice(np.array([-1, 1], np.float32), width)


@functools.lru_cache(maxsize=_KEPT_VIDEOS)
def _frames(options: DrawnVideos, seed: int, width: int, fps: float):
  rng = np.random.default_rng((seed, 1))
  n_frames = round(options.duration_s * fps)
  times_s = np.arange(n_frames) / fps
  n_scenes = options.duration_s // _SCENE_S + 1
  scenes = rng.normal(size=(n_scenes, width)) * options.noise
  x = scenes[(times_s // _SCENE_S).astype(int)]
  x += rng.normal(size=x.shape) * options.noise
  for start_s, kind in _events(options, seed):
    during = (start_s <= times_s) & (times_s < start_s + options.event_s)
    x[during] += _vector(kind, width)
  return x.astype(np.float32)
