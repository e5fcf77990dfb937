"""A picture of the answers: frames over the time axis, moments beneath.

    |#####|#####|#####|#####|#####|#####|   thumbnails at their times
    a dog jumps            12.5-18.0 s  0.41
    [===================================]   round 1: the whole video
          [==================]              round 2
               [========]                   round 3
               [##]                         the moment
    0        10        20        30   seconds

Pure drawing: matplotlib's object interface only, no global state, no screen.
"""

import itertools
import math
import os
import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib import colors, patches, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vtg_jax.moments import Absent, Moment, Round

_INK = '#1f2430'
_FAINT = '#6b7182'
_GRID = '#eceef2'
# Distinct in hue and in lightness, so that they survive a grey printer.
_PALETTE = ('#2f6fdf', '#d9622b', '#2a9d6f', '#a63d8f', '#b8860b', '#5b5bd6')

_WIDTH_IN = 11.0
_MARGIN_IN = 0.35
_TITLE_IN = 0.5
_AXIS_IN = 0.45
_HEADER_IN = 0.36  # the query's own line
_ROUND_IN = 0.2
_MOMENT_IN = 0.3
_GAP_IN = 0.18
_MAX_STRIP_IN = 1.8


def draw_timeline(
  moments: Sequence[Moment | Absent],
  *,
  duration_s: float,
  thumbnails: UInt8[np.ndarray, 'n h w 3'] | None = None,
  thumbnail_times_s: Sequence[float] = (),
  title: str = '',
  notice: str = '',
  path: str | os.PathLike | None = None,
) -> Figure:
  """Draws every query's answers over one time axis.

  Args:
    moments: answers, those of one query next to each other, best first; the
      rounds of the best answer are drawn as its search.
    duration_s: length of the video, seconds, positive.
    thumbnails: frames of the video, RGB.
    thumbnail_times_s: their times, seconds, one a thumbnail.
    title: one line above the picture, e.g. the file's name.
    notice: what a reader of the answers must know; beside the title.
    path: file to write, format by suffix; None only returns the figure.

  Returns:
    The figure.

  Raises:
    ValueError: on a duration that is not positive, or thumbnails without
      their times.
    OSError: when `path` cannot be written.
  """
  if not (math.isfinite(duration_s) and duration_s > 0):
    raise ValueError(f'{duration_s=} must be positive seconds')
  n_thumbnails = 0 if thumbnails is None else len(thumbnails)
  if n_thumbnails != len(thumbnail_times_s):
    raise ValueError(
      f'{n_thumbnails} thumbnails but {len(thumbnail_times_s)} times; give one '
      'time a thumbnail'
    )
  groups = [
    (query, list(answers))
    for query, answers in itertools.groupby(moments, key=lambda m: m.query)
  ]
  strip_in = _strip_height(thumbnails) if n_thumbnails else 0.0
  body_in = sum(_group_height(answers) for _, answers in groups)
  top_in = _MARGIN_IN / 2 + (_TITLE_IN if title else 0.1)
  height_in = top_in + strip_in + _GAP_IN + body_in + _AXIS_IN

  figure = Figure(figsize=(_WIDTH_IN, height_in), facecolor='white', dpi=150)
  axes_in = _WIDTH_IN - 2 * _MARGIN_IN

  def add_axes(bottom_in: float, tall_in: float) -> Axes:
    return figure.add_axes(
      (
        _MARGIN_IN / _WIDTH_IN,
        bottom_in / height_in,
        axes_in / _WIDTH_IN,
        tall_in / height_in,
      )
    )

  if title:
    y = 1 - (_MARGIN_IN / 2 + 0.16) / height_in
    x = _MARGIN_IN / _WIDTH_IN
    _write(figure, x, y, _one_line(title, 40), 13, weight='bold')
    length = _clock(duration_s, duration_s)
    aside = f'{_one_line(notice, 80)}   {length}'.strip()
    _write(figure, 1 - x, y, aside, 10, color=_FAINT, align='right')
  body = add_axes(_AXIS_IN, body_in + _GAP_IN)
  _prepare_body(body, duration_s, body_in + _GAP_IN)
  spans = []
  y_in = body_in
  for index, (query, answers) in enumerate(groups):
    color = _PALETTE[index % len(_PALETTE)]
    y_in = _draw_group(body, query, answers, y_in, color, duration_s)
    if isinstance(answers[0], Moment):
      spans.append((answers[0], color))
  if n_thumbnails:
    strip = add_axes(_AXIS_IN + body_in + _GAP_IN, strip_in)
    _draw_strip(strip, thumbnails, thumbnail_times_s, spans, duration_s)
  if path is not None:
    with warnings.catch_warnings():
      # A query may use letters that the bundled font lacks: boxes, not noise.
      warnings.filterwarnings('ignore', message='.*missing from font.*')
      figure.savefig(path)
  return figure


def _strip_height(thumbnails) -> float:
  """Inches of a strip whose thumbnails fill the width undistorted."""
  n, height, width = thumbnails.shape[:3]
  slot_in = (_WIDTH_IN - 2 * _MARGIN_IN) / n
  return min(slot_in * height / width, _MAX_STRIP_IN)


def _group_height(answers: list[Moment | Absent]) -> float:
  n_moments = sum(isinstance(a, Moment) for a in answers)
  lanes = max(n_moments, 1) * _MOMENT_IN + len(answers[0].rounds) * _ROUND_IN
  return _HEADER_IN + lanes + _GAP_IN


def _prepare_body(axes: Axes, duration_s: float, height_in: float) -> None:
  """One inch is one unit upwards; seconds rightwards."""
  axes.set_xlim(0, duration_s)
  axes.set_ylim(0, height_in)
  axes.set_yticks([])
  for side in ('left', 'right', 'top'):
    axes.spines[side].set_visible(False)
  axes.spines['bottom'].set_color(_FAINT)
  axes.xaxis.set_major_locator(ticker.MultipleLocator(_tick_step(duration_s)))
  axes.xaxis.set_major_formatter(lambda x, _: _clock(x, duration_s))
  axes.tick_params(axis='x', colors=_FAINT, labelsize=9, length=3)
  axes.grid(axis='x', color=_GRID, linewidth=0.8)
  axes.set_axisbelow(True)


def _draw_strip(axes, thumbnails, times_s, spans, duration_s) -> None:
  """Thumbnails centred on their times, the best moments framed on them."""
  n, height, width = thumbnails.shape[:3]
  box = axes.get_window_extent()
  # seconds that a thumbnail of the strip's height covers
  wide_s = duration_s * (box.height * width / height) / box.width
  for order, (image, time_s) in enumerate(
    zip(thumbnails, times_s, strict=True)
  ):
    left_s = min(max(time_s - wide_s / 2, 0), max(duration_s - wide_s, 0))
    axes.imshow(
      image,
      extent=(left_s, left_s + wide_s, 0, 1),
      aspect='auto',
      interpolation='lanczos',
      zorder=order,
    )
    edge = patches.Rectangle(
      (left_s, 0), wide_s, 1, fill=False, edgecolor='white', zorder=order
    )
    axes.add_patch(edge)
  axes.set_xlim(0, duration_s)
  axes.set_ylim(0, 1)
  axes.axis('off')
  for moment, color in spans:
    start_s, wide_s = _visible(moment.start_s, moment.end_s, duration_s)
    frame = patches.Rectangle(
      (start_s, 0.0),
      wide_s,
      1.0,
      fill=False,
      edgecolor=color,
      linewidth=2.5,
      clip_on=False,
      zorder=n,
    )
    axes.add_patch(frame)


def _draw_group(axes, query, answers, y_in, color, duration_s) -> float:
  """Draws one query's lanes downwards from `y_in`; returns the new bottom."""
  best = answers[0]
  y_in -= _HEADER_IN
  line_in = y_in + 0.16
  asked = _one_line(query, 80) or '(no query)'
  _write(axes, 0, line_in, asked, 11, color=color, weight='bold')
  _write(axes, duration_s, line_in, _summary(best), 10, align='right')
  y_in = _draw_rounds(axes, best, y_in, color, duration_s)
  moments = [a for a in answers if isinstance(a, Moment)]
  if not moments:
    y_in -= _MOMENT_IN
    _draw_absent(axes, y_in, duration_s)
  top_score = max((m.score for m in moments), default=0.0)
  for rank, moment in enumerate(moments):
    y_in -= _MOMENT_IN
    strength = moment.score / top_score if top_score > 0 else 1.0
    alpha = 1.0 if rank == 0 else 0.35 + 0.45 * min(max(strength, 0.0), 1.0)
    _draw_moment(axes, moment, y_in, color, alpha, duration_s)
  return y_in - _GAP_IN


def _draw_rounds(axes, best, y_in, color, duration_s) -> float:
  """The intervals looked at, one lane a round, darker as they shrink."""
  rounds: tuple[Round, ...] = best.rounds
  for number, one in enumerate(rounds):
    y_in -= _ROUND_IN
    strength = 0.16 + 0.34 * number / max(len(rounds) - 1, 1)
    start_s, wide_s = _visible(one.start_s, one.end_s, duration_s)
    _bar(axes, start_s, wide_s, y_in, _ROUND_IN, _tint(color, strength))
    probability = one.probabilities.get(one.choice)
    said = f'{number + 1}  {one.choice}'
    if probability is not None:
      said += f'  {probability:.2f}'
    _label_beside(axes, start_s, wide_s, y_in + _ROUND_IN / 2, said, duration_s)
  return y_in


def _draw_moment(axes, moment, y_in, color, alpha, duration_s) -> None:
  start_s, wide_s = _visible(moment.start_s, moment.end_s, duration_s)
  _bar(axes, start_s, wide_s, y_in, _MOMENT_IN, _tint(color, alpha))
  said = f'{_span(moment, duration_s)}   {moment.score:.2f}'
  middle_in = y_in + _MOMENT_IN / 2
  _label_beside(
    axes,
    start_s,
    wide_s,
    middle_in,
    said,
    duration_s,
    size=9,
    color=_INK,
    inside='white' if alpha > 0.6 else _INK,
  )


def _draw_absent(axes, y_in, duration_s) -> None:
  axes.add_patch(
    patches.Rectangle(
      (0, y_in + 0.03),
      duration_s,
      _MOMENT_IN - 0.06,
      facecolor='#fafbfc',
      edgecolor='#c3c8d2',
      hatch='////',
      linewidth=0.6,
      zorder=2,
    )
  )
  x_s, middle_in = duration_s / 2, y_in + _MOMENT_IN / 2
  text = _write(axes, x_s, middle_in, 'not in this video', 9.5, align='center')
  text.set_bbox({'facecolor': 'white', 'edgecolor': 'none', 'pad': 2.5})


def _bar(axes, start_s, wide_s, y_in, tall_in, color) -> None:
  axes.add_patch(
    patches.Rectangle(
      (start_s, y_in + 0.03), wide_s, tall_in - 0.06, color=color, zorder=2
    )
  )


def _label_beside(
  axes, start_s, wide_s, y_in, said, duration_s, *, size=8.0, color=_FAINT,
  inside=_INK,
) -> None:  # fmt: skip
  """Right of the bar where there is room, else left of it, else inside."""
  room_s = duration_s * (0.02 + 0.011 * len(said) * size / 9)
  gap_s = duration_s * 0.006
  end_s = start_s + wide_s
  if duration_s - end_s > room_s:
    x_s, align = end_s + gap_s, 'left'
  elif start_s > room_s:
    x_s, align = start_s - gap_s, 'right'
  else:
    x_s, align, color = start_s + gap_s, 'left', inside
  _write(axes, x_s, y_in, said, size, color=color, align=align)


def _write(
  target, x, y, said, size, *, color=_INK, weight='normal', align='left'
):
  """Text exactly as given: a dollar sign in a query starts no formula."""
  return target.text(
    x,
    y,
    said,
    fontsize=size,
    color=color,
    weight=weight,
    ha=align,
    va='center',
    parse_math=False,
    zorder=5,
  )


def _visible(
  start_s: float, end_s: float, duration_s: float
) -> tuple[float, float]:
  """Start and width clipped to the axis, never too thin to be seen."""
  thinnest_s = duration_s * 0.003
  start_s = min(max(start_s, 0.0), duration_s - thinnest_s)
  end_s = min(max(end_s, start_s), duration_s)
  return start_s, max(end_s - start_s, thinnest_s)


def _tint(color: str, strength: float) -> tuple[float, float, float]:
  """Mixes a colour with white; 1 is the colour itself."""
  red, green, blue = colors.to_rgb(color)
  return tuple(1 - strength * (1 - c) for c in (red, green, blue))


def _tick_step(duration_s: float) -> float:
  """Seconds between ticks: a round step that leaves at most twelve."""
  rounds_s = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
  steps = (step for step in rounds_s if duration_s / step <= 12)
  return next(steps, 3600 * math.ceil(duration_s / 3600 / 12))


def _clock(time_s: float, duration_s: float) -> str:
  """12.5 -> '12.5 s' in a short video, '0:12' or '1:00:12' in a long one."""
  if duration_s < 120:
    return f'{time_s:.4g} s'
  minutes, seconds = divmod(round(time_s), 60)
  hours, minutes = divmod(minutes, 60)
  return f'{hours}:{minutes:02}:{seconds:02}' if hours else (
    f'{minutes}:{seconds:02}'
  )  # fmt: skip


def _span(moment: Moment, duration_s: float) -> str:
  if duration_s < 120:
    return f'{moment.start_s:.1f}\u2013{moment.end_s:.1f} s'
  return (
    f'{_clock(moment.start_s, duration_s)}\u2013'
    f'{_clock(moment.end_s, duration_s)}'
  )


def _summary(best: Moment | Absent) -> str:
  doubt = '' if best.calibrated else ' (uncalibrated)'
  if isinstance(best, Absent):
    return f'best score {best.score:.2f} < {best.threshold:.2f}{doubt}'
  return f'score {best.score:.2f}{doubt}'


def _one_line(said: str, longest: int) -> str:
  said = ' '.join(said.split())
  return said if len(said) <= longest else said[: longest - 1] + '\u2026'
