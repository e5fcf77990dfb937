"""A picture of calibration: how often each score came true.

    1 |              o/       o  a bin: mean score, share that came true
      |        o  /           /  what a calibrated score would do
      |     /o                |  how many samples a bin holds
    0 +--------------- 1

Pure drawing: matplotlib's object interface only, no global state, no screen.
"""

import os
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vtg_jax.evaluation.reliability import Reliability

# Colours of the pictures of this package.
INK = '#1f2430'
FAINT = '#6b7182'
GRID = '#eceef2'
BLUE, ORANGE = '#2f6fdf', '#d9622b'


def draw_reliability(
  calibration: Sequence[Reliability],
  *,
  title: str = '',
  path: str | os.PathLike | None = None,
) -> Figure:
  """Draws one panel a kind of probability.

  Args:
    calibration: what to draw; bins of equal width as bars of their counts,
      both kinds of bins as points.
    title: one line above the picture.
    path: file to write, format by suffix; None only returns the figure.

  Returns:
    The figure.

  Raises:
    OSError: when `path` cannot be written.
  """
  n = max(len(calibration), 1)
  figure = Figure(figsize=(4.6 * n, 4.9), facecolor='white', dpi=150)
  for i, one in enumerate(calibration):
    _draw_panel(figure.add_subplot(1, n, i + 1), one)
  if title:
    figure.suptitle(title, fontsize=13, color=INK, weight='bold')
  figure.tight_layout()
  if path is not None:
    figure.savefig(path)
  return figure


def _draw_panel(axes: Axes, one: Reliability) -> None:
  axes.set_xlim(0, 1)
  axes.set_ylim(0, 1)
  axes.set_aspect('equal')
  axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
  bins = one.equal_width
  if one.n:
    shares = bins.count / one.n
    axes.bar(bins.score, shares, width=0.05, color=GRID, zorder=1)
  for kind, color, marker in (
    (one.equal_width, BLUE, 'o'),
    (one.equal_mass, ORANGE, 's'),
  ):
    name = 'equal width' if kind is bins else 'equal mass'
    axes.plot(
      kind.score,
      kind.frequency,
      color=color,
      marker=marker,
      markersize=5,
      linewidth=1.5,
      label=f'{name}, ECE {kind.expected_error:.3f}',
      zorder=3,
      clip_on=False,
    )
  axes.set_xlabel('score', color=FAINT, fontsize=9)
  axes.set_ylabel('share that came true', color=FAINT, fontsize=9)
  axes.set_title(
    f'{one.what}\nBrier {one.brier:.3f}, n = {one.n}', fontsize=10, color=INK
  )
  tidy(axes)
  axes.legend(loc='upper left', fontsize=8, frameon=False)


def tidy(axes: Axes) -> None:
  """Gives axes a faint grid and frame."""
  axes.tick_params(colors=FAINT, labelsize=8, length=3)
  axes.grid(color=GRID, linewidth=0.8)
  axes.set_axisbelow(True)
  for side in ('right', 'top'):
    axes.spines[side].set_visible(False)
  for side in ('left', 'bottom'):
    axes.spines[side].set_color(FAINT)
