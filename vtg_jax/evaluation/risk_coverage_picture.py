"""A picture of what answering only when sure would save.

    risk |         ___---   a curve: mean loss of the answers given,
         |   __---          against the share of the queries answered
         |_--
         +---------------- coverage

Pure drawing: matplotlib's object interface only, no global state, no screen.
"""

import os
from collections.abc import Mapping

from matplotlib.figure import Figure

from vtg_jax.evaluation.reliability_picture import (
  BLUE,
  FAINT,
  INK,
  ORANGE,
  tidy,
)
from vtg_jax.metrics.risk_coverage import RiskCoverage


def draw_risk_coverage(
  curves: Mapping[str, RiskCoverage],
  *,
  title: str = '',
  path: str | os.PathLike | None = None,
) -> Figure:
  """Draws the curves over one another.

  Args:
    curves: name -> curve; an empty one only has its place in the legend.
    title: one line above the picture.
    path: file to write, format by suffix; None only returns the figure.

  Raises:
    OSError: when `path` cannot be written.
  """
  figure = Figure(figsize=(5.6, 4.6), facecolor='white', dpi=150)
  axes = figure.add_subplot()
  axes.set_xlim(0, 1)
  axes.set_ylim(0, 1)
  colors = (BLUE, ORANGE, INK, FAINT)
  for i, (name, curve) in enumerate(curves.items()):
    axes.plot(
      curve.coverage,
      curve.risk,
      color=colors[i % len(colors)],
      linewidth=1.6,
      marker='o',
      markersize=3,
      label=f'{name}, AURC {curve.area:.3f}',
      clip_on=False,
      zorder=3,
    )
  axes.set_xlabel('share answered', color=FAINT, fontsize=9)
  axes.set_ylabel(
    'share of the answers that are wrong', color=FAINT, fontsize=9
  )
  if title:
    axes.set_title(title, fontsize=12, color=INK, weight='bold')
  tidy(axes)
  if curves:
    axes.legend(loc='best', fontsize=8, frameon=False)
  figure.tight_layout()
  if path is not None:
    figure.savefig(path)
  return figure
