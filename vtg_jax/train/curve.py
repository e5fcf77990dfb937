"""A picture of a training run: what is logged, step by step.

    loss          loss/...       wrong/...
     \\             \\ caption        \\  colour
      `---         `-- grounding    `-- shape

Pure drawing: matplotlib's object interface only, no global state, no screen.
"""

import os
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_INK = '#1f2430'
_GRID = '#eceef2'
_COLOURS = ('#2f6fdf', '#d9622b', '#2a9d6e', '#8a5cc9', '#b98a12')


def draw_curve(
  lines: Sequence[Mapping[str, float | None]],
  *,
  title: str = '',
  path: str | os.PathLike | None = None,
) -> Figure:
  """Draws the losses, and each group of parts on a panel of its own.

  Args:
    lines: of a log, see `log.JsonLines`; what has a slash in its name is a
      part, what stands before the slash its group.
    title: one line above the picture.
    path: file to write, format by suffix; None only returns the figure.

  Returns:
    The figure.

  Raises:
    OSError: when `path` cannot be written.
  """
  names = dict.fromkeys(name for line in lines for name in line)
  groups = {'loss': ['loss']}
  for name in names:
    group, slash, _ = name.partition('/')
    if slash:
      groups.setdefault(f'{group}/', []).append(name)
  figure = Figure(figsize=(4.6 * len(groups), 3.6), facecolor='white', dpi=110)
  for i, (group, members) in enumerate(groups.items()):
    axes = figure.add_subplot(1, len(groups), i + 1)
    _draw_panel(axes, lines, members)
    axes.set_title(group.strip('/'), color=_INK)
  if title:
    figure.suptitle(title, fontsize=13, color=_INK, weight='bold')
  figure.tight_layout()
  if path is not None:
    figure.savefig(path)
  return figure


def _draw_panel(axes: Axes, lines, names: Sequence[str]) -> None:
  values: list[float] = []
  for i, name in enumerate(names):
    known = [line for line in lines if line.get(name) is not None]
    values += [line[name] for line in known]
    axes.plot(
      [line['step'] for line in known],
      [line[name] for line in known],
      color=_COLOURS[i % len(_COLOURS)],
      label=name.rpartition('/')[2],
      linewidth=1.4,
    )
  if values and min(values) > 0:
    axes.set_yscale('log')
  axes.set_xlabel('step', color=_INK)
  axes.grid(color=_GRID)
  axes.set_axisbelow(True)
  if len(names) > 1:
    axes.legend(frameon=False)
