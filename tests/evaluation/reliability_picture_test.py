"""The picture shows every bin, and writes what it is asked to."""

import numpy as np
from PIL import Image

from vtg_jax.evaluation.reliability import Reliability
from vtg_jax.evaluation.reliability_picture import draw_reliability
from vtg_jax.metrics.calibration import reliability


def calibration(scores, came_true):
  return Reliability(
    what='score',
    equal_width=reliability(scores, came_true),
    equal_mass=reliability(scores, came_true, equal_mass=True),
    brier=0.25,
    n=len(scores),
  )


def test_each_kind_has_a_panel_with_its_points(tmp_path):
  one = calibration([0.1, 0.4, 0.9], [False, True, True])
  path = tmp_path / 'picture.png'
  figure = draw_reliability([one, one], title='a $title', path=path)
  assert len(figure.axes) == 2
  _, width, mass = figure.axes[0].lines
  np.testing.assert_allclose(width.get_xdata(), [0.1, 0.4, 0.9])
  np.testing.assert_allclose(width.get_ydata(), [0, 1, 1])
  np.testing.assert_allclose(mass.get_xdata(), [0.1, 0.4, 0.9])
  assert 'n = 3' in figure.axes[0].get_title()
  assert Image.open(path).size[0] > 1000


def test_a_kind_without_predictions_is_an_empty_panel():
  figure = draw_reliability([calibration([], [])])
  assert 'n = 0' in figure.axes[0].get_title()
