"""Shapes as signed distances: below 0 inside, about a radius further by 1.

Each fits into the square from -REACH to REACH; v points down. Level sets are
the shape drawn smaller or larger, so one evaluation serves it, its rim and the
rings round it. The set at a distance d fits into the square to REACH + d.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

REACH = 1.2
_Distance = Callable[
  [Float32[np.ndarray, '... 1 w'], Float32[np.ndarray, '... h 1']],
  Float32[np.ndarray, '... h w'],
]

_f = np.float32


def distance(
  shape: str, u: Float32[np.ndarray, '... w'], v: Float32[np.ndarray, '... h']
) -> Float32[np.ndarray, '... h w']:
  """Distance of a grid of points to a shape's outline.

  Args:
    shape: one of SHAPES.
    u: columns' places, in radii to the right of the middle.
    v: rows' places, in radii below the middle.
  """
  u, v = u[..., None, :], v[..., :, None]
  # Level sets of pointed shapes would reach far beyond their tips.
  box = np.maximum(np.abs(u), np.abs(v)) - _f(REACH)
  return np.maximum(_DISTANCES[shape](u, v), box, out=box)


def _circle(u, v):
  return np.sqrt(u * u + v * v) - _f(0.92)


def _square(u, v):
  return np.maximum(np.abs(u), np.abs(v)) - _f(0.82)


def _diamond(u, v):
  return (np.abs(u) + np.abs(v)) * _f(math.sqrt(0.5)) - _f(0.74)


def _triangle(u, v):
  v = v - _f(0.22)
  slope = np.abs(u) * _f(math.sqrt(0.75)) - v * _f(0.5)
  return np.maximum(slope, v) - _f(0.58)


def _cross(u, v):
  u, v = np.abs(u), np.abs(v)
  near, far = np.minimum(u, v), np.maximum(u, v)
  return np.maximum(near - _f(0.34), far - _f(0.98))


def _star(u, v):
  """Five spikes, folded onto the right half of the one on top."""
  u, v = np.abs(u), -v - _f(0.06)
  for x, y in (
    (math.cos(0.2 * math.pi), -math.sin(0.2 * math.pi)),
    (-math.cos(0.2 * math.pi), -math.sin(0.2 * math.pi)),
  ):
    excess = np.maximum(u * _f(x) + v * _f(y), 0) * _f(2)
    u, v = u - excess * _f(x), v - excess * _f(y)
  # From the tip (0, 1.12) to the inner corner at 36 degrees.
  inner = (0.5 * math.sin(0.2 * math.pi), 0.5 * math.cos(0.2 * math.pi))
  along = (inner[0], inner[1] - 1.12)
  length = math.hypot(*along)
  normal_u, normal_v = -along[1] / length, along[0] / length
  return np.abs(u) * _f(normal_u) + (v - _f(1.12)) * _f(normal_v)


_DISTANCES: dict[str, _Distance] = {
  'circle': _circle,
  'square': _square,
  'triangle': _triangle,
  'star': _star,
  'cross': _cross,
  'diamond': _diamond,
}
# How far inside the innermost point of each is.
DEPTHS = {
  'circle': 0.92,
  'square': 0.82,
  'triangle': 0.58,
  'star': 0.42,
  'cross': 0.34,
  'diamond': 0.74,
}
