"""The rows beneath the time axis: each has a height and draws itself.

Axes are seconds rightwards and inches upwards; a row is told its bottom.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib import colors, patches
from matplotlib.axes import Axes

from vtg_jax.moments import Moment, Round
from vtg_jax.timeline.scale import Scale
from vtg_jax.timeline.text_fit import families, width_in

INK = '#1f2430'
FAINT = '#6b7182'
_LINE_IN = 0.175  # from one line of running text to the next
_TEXT_PT = 9.5
_TIMES_PT = 8.5
_FADE_SAMPLES = 256


class Row(Protocol):
  """A stripe of the picture as wide as the time axis."""

  @property
  def height_in(self) -> float: ...

  def draw(
    self, axes: Axes, scale: Scale, bottom_in: float, color: str
  ) -> None: ...


@dataclasses.dataclass(frozen=True)
class Gap:
  """Nothing."""

  height_in: float

  def draw(self, axes, scale, bottom_in, color) -> None:
    del axes, scale, bottom_in, color


@dataclasses.dataclass(frozen=True)
class Heading:
  """What was asked, in the colour of its bars; at the right how it went."""

  lines: Sequence[str]
  aside: str = ''
  size: float = 11.0

  @property
  def height_in(self) -> float:
    return 0.36 + 0.2 * (len(self.lines) - 1)

  def draw(self, axes, scale, bottom_in, color) -> None:
    y_in = bottom_in + self.height_in - 0.2
    write(axes, scale.duration_s, y_in, self.aside, 10, align='right')
    for line in self.lines:
      write(axes, 0, y_in, line, self.size, color=color, weight='bold')
      y_in -= 0.2


@dataclasses.dataclass(frozen=True)
class Text:
  """Running text over the whole width."""

  lines: Sequence[str]
  size: float = _TEXT_PT
  color: str = INK

  @property
  def line_in(self) -> float:
    return _LINE_IN * self.size / _TEXT_PT

  @property
  def height_in(self) -> float:
    return self.line_in * len(self.lines) + 0.06

  def draw(self, axes, scale, bottom_in, color) -> None:
    del scale, color
    top_in = bottom_in + self.height_in - 0.03
    for i, line in enumerate(self.lines):
      y_in = top_in - (i + 0.5) * self.line_in
      write(axes, 0, y_in, line, self.size, color=self.color)


@dataclasses.dataclass(frozen=True)
class SearchRound:
  """One interval that a search looked at, and what was chosen there."""

  number: int
  played: Round
  strength: float  # of the colour, 0 to 1
  height_in: float = 0.2

  def draw(self, axes, scale, bottom_in, color) -> None:
    one = self.played
    start_s, wide_s = scale.visible(one.start_s, one.end_s)
    bar(axes, start_s, wide_s, bottom_in, self.height_in, color, self.strength)
    probability = one.probabilities.get(one.choice)
    said = f'{self.number}  {one.choice}'
    if probability is not None:
      said += f'  {probability:.2f}'
    x_s, side = scale.label_place(said, 8.0, start_s, start_s + wide_s)
    write(
      axes,
      x_s,
      bottom_in + self.height_in / 2,
      said,
      8.0,
      color=INK if side == 'inside' else FAINT,
      align='right' if side == 'left' else 'left',
    )


@dataclasses.dataclass(frozen=True)
class MomentBar:
  """A moment with its times and score; soft ends where they are in doubt."""

  moment: Moment
  strength: float  # of the colour, 0 to 1
  called: str = ''
  height_in: float = 0.3

  def draw(self, axes, scale, bottom_in, color) -> None:
    moment = self.moment
    start_s, wide_s = scale.visible(moment.start_s, moment.end_s)
    left_s, right_s = start_s, start_s + wide_s
    inside = 'white' if self.strength > 0.6 else INK
    if moment.start_range_s or moment.end_range_s:
      left_s, right_s = _draw_fading(
        axes, moment, scale, bottom_in, self.height_in, color, self.strength
      )
      inside = INK
    else:
      bar(
        axes, start_s, wide_s, bottom_in, self.height_in, color, self.strength
      )
    times = scale.span(moment.start_s, moment.end_s)
    said = f'{self.called} {times}   {score(moment.score)}'.strip()
    x_s, side = scale.label_place(said, 9.0, left_s, right_s)
    write(
      axes,
      x_s,
      bottom_in + self.height_in / 2,
      said,
      9.0,
      color=inside if side == 'inside' else INK,
      align='right' if side == 'left' else 'left',
    )


@dataclasses.dataclass(frozen=True)
class NotThere:
  """The whole axis hatched: the query is not in this video."""

  called: str = ''
  height_in: float = 0.3

  def draw(self, axes, scale, bottom_in, color) -> None:
    del color
    axes.add_patch(
      patches.Rectangle(
        (0, bottom_in + 0.03),
        scale.duration_s,
        self.height_in - 0.06,
        facecolor='#fafbfc',
        edgecolor='#c3c8d2',
        hatch='////',
        linewidth=0.6,
        zorder=2,
      )
    )
    x_s, y_in = scale.duration_s / 2, bottom_in + self.height_in / 2
    said = f'{self.called} not in this video'.strip()
    text = write(axes, x_s, y_in, said, 9.5, align='center')
    text.set_bbox({'facecolor': 'white', 'edgecolor': 'none', 'pad': 2.5})


@dataclasses.dataclass(frozen=True)
class Shared:
  """What several answers have in common, between two brackets, if anything."""

  span: tuple[float, float] | None
  height_in: float = 0.26

  def draw(self, axes, scale, bottom_in, color) -> None:
    y_in = bottom_in + self.height_in / 2
    if self.span is None:
      write(axes, 0, y_in, 'nothing in common', 9.0, color=FAINT)
      return
    start_s, wide_s = scale.visible(*self.span)
    bar(axes, start_s, wide_s, y_in - 0.06, 0.12, INK, 1.0)
    said = f'in common {scale.span(*self.span)}'
    x_s, side = scale.label_place(said, 9.0, start_s, start_s + wide_s)
    if side == 'inside':  # the bar is too low to hold text
      return
    align = 'right' if side == 'left' else 'left'
    write(axes, x_s, y_in, said, 9.0, color=FAINT, align=align)


@dataclasses.dataclass(frozen=True)
class EventBar:
  """A stretch of the video and, where there is most room, what happens in it.

  |####| 3.0-9.5 s  a dog runs onto the
       |            meadow and barks
  """

  start_s: float
  end_s: float
  times: str
  lines: Sequence[str]
  left_in: float  # of the text
  inside: bool

  @property
  def height_in(self) -> float:
    return 0.13 + _LINE_IN * max(len(self.lines), 1)

  def draw(self, axes, scale, bottom_in, color) -> None:
    top_in = bottom_in + self.height_in
    start_s, wide_s = scale.visible(self.start_s, self.end_s)
    tall_in = self.height_in if self.inside else 0.13 + _LINE_IN
    bottom_in = top_in - tall_in
    bar(axes, start_s, wide_s, bottom_in, tall_in, color, 0.85)
    if self.inside:  # a frame, so that the text can be read
      edge_s = scale.seconds(0.02)
      inner_s = start_s + edge_s, wide_s - 2 * edge_s
      bar(axes, *inner_s, bottom_in + 0.02, tall_in - 0.04, color, 0.12)
    x_s = scale.seconds(self.left_in)
    y_in = top_in - 0.065 - _LINE_IN / 2
    write(axes, x_s, y_in, self.times, _TIMES_PT, color=color, weight='bold')
    for i, line in enumerate(self.lines):
      beside_in = times_width_in(self.times) if i == 0 else 0.0
      write(axes, x_s + scale.seconds(beside_in), y_in, line, _TEXT_PT)
      y_in -= _LINE_IN


def times_width_in(times: str) -> float:
  """Inches that an event's times take before its text."""
  return width_in(times, _TIMES_PT, weight='bold') + 0.12


def _draw_fading(
  axes, moment, scale, bottom_in, tall_in, color, strength
) -> tuple[float, float]:
  """A bar as dense as a time is likely to lie in the moment.

        . : | # # # # | : .
        |start|       |end|     each rises or falls over its range

  Returns:
    Its first and last second.
  """
  starts_s = moment.start_range_s or (moment.start_s, moment.start_s)
  ends_s = moment.end_range_s or (moment.end_s, moment.end_s)
  left_s = max(min(starts_s[0], moment.start_s), 0.0)
  right_s = min(max(ends_s[1], moment.end_s), scale.duration_s)
  left_s, wide_s = scale.visible(left_s, right_s)
  places_s = left_s + wide_s * (np.arange(_FADE_SAMPLES) + 0.5) / _FADE_SAMPLES
  picture = np.ones((1, _FADE_SAMPLES, 4))
  picture[..., :3] = tint(color, strength)
  begun = _share_passed(places_s, *starts_s)
  picture[..., 3] = begun * (1 - _share_passed(places_s, *ends_s))
  axes.imshow(
    picture,
    extent=(
      left_s, left_s + wide_s, bottom_in + 0.03, bottom_in + tall_in - 0.03
    ),
    aspect='auto',
    interpolation='nearest',
    zorder=2,
  )  # fmt: skip
  start_s, best_s = scale.visible(moment.start_s, moment.end_s)
  axes.add_patch(
    patches.Rectangle(
      (start_s, bottom_in + 0.03),
      best_s,
      tall_in - 0.06,
      fill=False,
      edgecolor=tint(color, strength),
      linewidth=1.2,
      zorder=3,
    )
  )
  return min(left_s, start_s), max(left_s + wide_s, start_s + best_s)


def _share_passed(places_s, first_s: float, last_s: float):
  """0 before a range, 1 after it, evenly rising within."""
  if last_s <= first_s:
    return (places_s >= first_s).astype(float)
  return np.clip((places_s - first_s) / (last_s - first_s), 0, 1)


def bar(axes, start_s, wide_s, bottom_in, tall_in, color, strength) -> None:
  """A filled rectangle, a hair lower than its row."""
  axes.add_patch(
    patches.Rectangle(
      (start_s, bottom_in + 0.03),
      wide_s,
      tall_in - 0.06,
      color=tint(color, strength),
      linewidth=0,
      zorder=2,
    )
  )


def write(
  target, x, y, said, size, *, color=INK, weight='normal', align='left'
):
  """Text exactly as given: a dollar sign in a query starts no formula."""
  return target.text(
    x,
    y,
    said,
    fontsize=size,
    fontfamily=families(),
    color=color,
    weight=weight,
    ha=align,
    va='center',
    parse_math=False,
    zorder=5,
  )


def score(value: float) -> str:
  """0.41; the product of many words' probabilities as 3e-08."""
  return f'{value:.2f}' if value == 0 or abs(value) >= 0.005 else f'{value:.0e}'


def tint(color: str, strength: float) -> tuple[float, float, float]:
  """Mixes a colour with white; 1 is the colour itself."""
  red, green, blue = colors.to_rgb(color)
  return tuple(1 - strength * (1 - c) for c in (red, green, blue))
