import numpy as np
import pytest

from vtg_jax.shape_stories.outlines import DEPTHS, REACH, distance
from vtg_jax.shape_stories.words import SHAPES

GRID = np.linspace(-2.5, 2.5, 501, dtype=np.float32)


def field(shape):
  return distance(shape, GRID, GRID)


@pytest.mark.parametrize('shape', SHAPES)
def test_level_sets_end_where_they_promise(shape):
  far = np.maximum(np.abs(GRID)[None], np.abs(GRID)[:, None])
  for level in (0.0, 0.5, 1.0):
    assert far[field(shape) <= level].max() <= REACH + level + 1e-6


@pytest.mark.parametrize('shape', SHAPES)
def test_the_depth_is_the_deepest_point(shape):
  assert field(shape).min() == pytest.approx(-DEPTHS[shape], abs=0.02)


@pytest.mark.parametrize('shape', SHAPES)
def test_shapes_are_mirrored_and_about_as_large(shape):
  inside = field(shape) < 0
  np.testing.assert_array_equal(inside, inside[:, ::-1])
  assert 0.9 < inside.sum() * 0.01**2 < 3


def test_no_two_shapes_cover_the_same():
  masks = [field(shape) < 0 for shape in SHAPES]
  for i, one in enumerate(masks):
    for other in masks[:i]:
      assert (one & other).sum() < 0.85 * (one | other).sum()


@pytest.mark.parametrize('shape', SHAPES)
def test_distances_grow_no_faster_than_the_way(shape):
  step = np.abs(np.diff(field(shape), axis=1)).max()
  assert step <= 0.0101
