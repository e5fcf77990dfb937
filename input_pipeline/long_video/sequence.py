"""Many windows of one video: what the levels above the first are trained on.

    windows  0   1   2   3   4   5  ...  R-1
             -   -   +   +   +   -        -     -> 'From 2 to 5.'

Two or three windows hold the event, the others are of the same video without
it, in the order of time. The second number is that of the window after.

Source: ReVisionLLM's data set code, and its facts in section 5.4.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from input_pipeline.long_video.draws import Draws, Unusable
from input_pipeline.long_video.item import MomentItem
from input_pipeline.long_video.negatives import (
  RANDOM,
  NegativeKinds,
  NegativeWindows,
)
from input_pipeline.long_video.single import (
  OpenVideo,
  check_long_enough,
  draw_sample,
  positive_window,
  replaced,
)
from input_pipeline.long_video.window import (
  SCALED,
  Window,
  WindowOptions,
  in_own_time,
)
from vtg_jax.moments.frame_answers import NOT_PRESENT, places_answer

PLACES = ('drawn', 'in_time')


@dataclasses.dataclass(frozen=True, kw_only=True)
class SequenceOptions:
  """How sequences are put together.

  Attributes:
    n_windows: windows of a sequence, R.
    zoom: times that each window stands there, one after the other; there are
      so many times fewer.
    fewest: windows with the event, at least.
    most: windows with the event, at most.
    absent: negative items are sequences without the event; otherwise they
      give way to others.
    place: where the event stands, 'drawn' as in the release, whose searches
      shuffle windows, or 'in_time'.
  """

  n_windows: int
  zoom: int = 1
  fewest: int = 2
  most: int = 3
  absent: bool = False
  place: str = 'drawn'

  def __post_init__(self):
    if self.place not in PLACES:
      raise ValueError(f'place {self.place!r} is unknown; use one of {PLACES}')
    if self.zoom < 1 or not 1 <= self.fewest <= self.most <= self.n_different:
      raise ValueError(
        f'{self.fewest} to {self.most} windows with the event are asked for '
        f'among {self.n_windows} windows, each {self.zoom} times; use more '
        'windows'
      )

  @property
  def n_different(self) -> int:
    """Windows that are not repetitions."""
    return self.n_windows // self.zoom if self.zoom > 0 else 0


class SequenceSample(NamedTuple):
  """What is shown for an item.

  Attributes:
    item: whose question and features go with the windows.
    windows: in order, repetitions included.
    answer: to the question.
  """

  item: MomentItem
  windows: tuple[Window, ...]
  answer: str


def draw_sequence(
  items: Sequence[MomentItem],
  index: int,
  open_video: OpenVideo,
  options: WindowOptions,
  sequence: SequenceOptions,
  draws: Draws,
  *,
  kinds: NegativeKinds = RANDOM,
) -> SequenceSample:
  """A sequence for item `index`, or for another one if that has none.

  Deviates: as released the windows with the event, and the question, are of
  items 0, 1 and perhaps 2 whatever `index` is, and a negative item is answered
  as if it were none (defects a and b). Ours are of the item, and a negative
  one is one or gives way.

  Args:
    items: positive and negative.
    index: of the one that is asked for.
    open_video: gives a video's features.
    options: how windows are cut.
    sequence: how many, and where the event stands.
    draws: random numbers.
    kinds: which windows without the event.

  Raises:
    Unusable: none of many items has a sample.
    BadInput: features cannot be read.
  """

  def sample(item):
    features = open_video(item.video)
    check_long_enough(item, features, options)
    timed, own = in_own_time(item, options)
    if timed.source == SCALED:
      raise Unusable(f'the whole video is shown for {item.query_id!r}')
    absent = NegativeWindows(timed, features, own, kinds, in_sequence=True)
    if item.negative and sequence.absent:
      windows = _sorted(absent, sequence.n_different, draws)
      return _sequence(item, windows, NOT_PRESENT, sequence)
    if item.negative and options.sampler == 'fixed':
      raise Unusable(f'{item.query_id!r} is asked in vain')
    k = draws.randint(sequence.fewest, sequence.most)
    others = _sorted(absent, sequence.n_different - k, draws)
    if sequence.place == 'drawn':
      p = draws.randint(0, sequence.n_different - k)
    else:
      p = sum(window.start_s < timed.start_s for window in others)
    if options.sampler == 'released':
      shown = [
        draw_sample(items, i, open_video, options, draws) for i in range(k)
      ]
      item, found = shown[-1].item, [one.window for one in shown]
    else:
      found = [positive_window(timed, features, own, draws) for _ in range(k)]
    if sequence.place == 'in_time':
      found.sort(key=lambda window: window.start_s)
    answer = places_answer(p * sequence.zoom, (p + k) * sequence.zoom)
    windows = [*others[:p], *found, *others[p:]]
    return _sequence(item, windows, answer, sequence)

  return replaced(items, index, draws, sample)


def _sorted(negatives: NegativeWindows, n: int, draws: Draws) -> list[Window]:
  windows = [negatives.draw(draws) for _ in range(n)]
  return sorted(windows, key=lambda window: window.start_s)


def _sequence(item, windows, answer, sequence: SequenceOptions):
  repeated = [window for window in windows for _ in range(sequence.zoom)]
  return SequenceSample(item, tuple(repeated), answer)
