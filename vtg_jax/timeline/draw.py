"""The whole picture: title, thumbnails, groups of rows over one time axis."""

import math
import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib import patches, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vtg_jax.timeline.groups import Said, groups
from vtg_jax.timeline.rows import FAINT, write
from vtg_jax.timeline.scale import Scale
from vtg_jax.timeline.text_fit import DPI, one_line, plain, quiet, width_in

_GRID = '#eceef2'
# Distinct in hue and in lightness, so that they survive a grey printer.
_PALETTE = ('#2f6fdf', '#d9622b', '#2a9d6f', '#a63d8f', '#b8860b', '#5b5bd6')

_WIDTH_IN = 11.0
_MARGIN_IN = 0.35
_AXES_IN = _WIDTH_IN - 2 * _MARGIN_IN
_TITLE_IN = 0.5
_AXIS_IN = 0.45
_GAP_IN = 0.18
_MAX_STRIP_IN = 1.8
# Of a picture of very many rows; what draws it cannot do much more.
_MOST_PIXELS_HIGH = 30_000


def draw_timeline(
  said: Sequence[Said],
  *,
  duration_s: float,
  thumbnails: UInt8[np.ndarray, 'n h w 3'] | None = None,
  thumbnail_times_s: Sequence[float] = (),
  title: str = '',
  notice: str = '',
  path: str | os.PathLike | None = None,
) -> Figure:
  """Draws all that was said of a video over one time axis.

  Args:
    said: moments, told events, answers, highlights and what several systems
      say of a query, in the order to draw them. Moments of one query next to
      each other, best first; the rounds of the best are drawn as its search.
      Told events next to each other form one group.
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
  scale = Scale(duration_s, _AXES_IN)
  parts = groups(said, scale)
  strip_in = _strip_height(thumbnails) if n_thumbnails else 0.0
  body_in = sum(part.height_in for part in parts)
  top_in = _MARGIN_IN / 2 + (_TITLE_IN if title else 0.1)
  height_in = top_in + strip_in + _GAP_IN + body_in + _AXIS_IN
  figure = Figure(
    figsize=(_WIDTH_IN, height_in),
    facecolor='white',
    dpi=min(DPI, _MOST_PIXELS_HIGH / height_in),
  )

  def add_axes(bottom_in: float, tall_in: float) -> Axes:
    return figure.add_axes(
      (
        _MARGIN_IN / _WIDTH_IN,
        bottom_in / height_in,
        _AXES_IN / _WIDTH_IN,
        tall_in / height_in,
      )
    )

  if title:
    _draw_title(figure, title, notice, scale, height_in)
  body = add_axes(_AXIS_IN, body_in + _GAP_IN)
  _prepare_body(body, scale, body_in + _GAP_IN)
  framed = []
  y_in = body_in
  for index, part in enumerate(parts):
    color = _PALETTE[index % len(_PALETTE)]
    framed += [(moment, color) for moment in part.framed]
    for row in part.rows:
      y_in -= row.height_in
      row.draw(body, scale, y_in, color)
  if n_thumbnails:
    strip = add_axes(_AXIS_IN + body_in + _GAP_IN, strip_in)
    _draw_strip(strip, thumbnails, thumbnail_times_s, framed, scale)
  if path is not None:
    with quiet():
      figure.savefig(path)
  return figure


def _strip_height(thumbnails) -> float:
  """Inches of a strip whose thumbnails fill the width undistorted."""
  n, height, width = thumbnails.shape[:3]
  return min(_AXES_IN / n * height / width, _MAX_STRIP_IN)


def _draw_title(figure, title, notice, scale, height_in) -> None:
  """The title at the left; what must be known and the length at the right."""
  y = 1 - (_MARGIN_IN / 2 + 0.16) / height_in
  x = _MARGIN_IN / _WIDTH_IN
  title = one_line(title, 0.55 * _AXES_IN, 13, weight='bold')
  left_in = _AXES_IN - width_in(title, 13, weight='bold') - 0.4
  length = scale.clock(scale.duration_s)
  notice = one_line(notice, left_in - width_in(length, 10) - 0.3, 10)
  write(figure, x, y, title, 13, weight='bold')
  aside = f'{notice}   {length}' if plain(notice) else length
  write(figure, 1 - x, y, aside, 10, color=FAINT, align='right')


def _prepare_body(axes: Axes, scale: Scale, height_in: float) -> None:
  """One inch is one unit upwards; seconds rightwards."""
  axes.set_xlim(0, scale.duration_s)
  axes.set_ylim(0, height_in)
  axes.set_yticks([])
  for side in ('left', 'right', 'top'):
    axes.spines[side].set_visible(False)
  axes.spines['bottom'].set_color(FAINT)
  axes.xaxis.set_major_locator(ticker.MultipleLocator(scale.tick_step_s))
  axes.xaxis.set_major_formatter(lambda x, _: scale.clock(x))
  axes.tick_params(axis='x', colors=FAINT, labelsize=9, length=3)
  axes.grid(axis='x', color=_GRID, linewidth=0.8)
  axes.set_axisbelow(True)


def _draw_strip(axes, thumbnails, times_s, framed, scale) -> None:
  """Thumbnails centred on their times, the best moments framed on them."""
  n, height, width = thumbnails.shape[:3]
  duration_s = scale.duration_s
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
  for moment, color in framed:
    start_s, wide_s = scale.visible(moment.start_s, moment.end_s)
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
