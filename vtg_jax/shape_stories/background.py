"""The moving texture behind a story, and the unsteady camera before it.

A texture is a small periodic grid of random colours, drawn smoothly, plus two
drifting gratings. All are sums of products of a function of x and one of y,
so n frames of any size come from one batched matrix product.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float32

from vtg_jax.shape_stories.config import StoryConfig
from vtg_jax.shape_stories.make_story import LOOK_STREAM, random_numbers

_CELLS = 10  # of the texture's grid, to a side of the central square
_SWINGS = 3  # channels of the camera: right, down, nearer
_DISTURBANCES = 4  # of a frame: camera right, down; texture; brightness


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clutter:
  """A grey thing that stands in the background and does nothing."""

  shape: str
  x_frac: float
  y_frac: float
  radius_frac: float
  level: float


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Look:
  """How a story's world looks, apart from what happens in it.

  Attributes:
    texture: colours of the grid's points, 0..255.
    drift: of the texture in a second, of the central square's side.
    waves: of each grating its x and y frequency (periods a side), periods a
      second, and phase in periods.
    wave_colours: amplitude of each grating in each channel.
    swings: of each camera channel its period in seconds and its phase.
    clutter: grey things.
  """

  texture: Float32[np.ndarray, '3 cells cells']
  drift: tuple[float, float]
  waves: tuple[tuple[float, float, float, float], ...]
  wave_colours: Float32[np.ndarray, 'waves 3']
  swings: tuple[tuple[float, float], ...]
  clutter: tuple[Clutter, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
  """Where the camera looks in n frames.

  Attributes:
    x: of the world, at the middle of each column of pixels.
    y: the same of each row.
    zoom: how much nearer it is than usual.
    gain: brightness.
  """

  x: Float32[np.ndarray, 'n w']
  y: Float32[np.ndarray, 'n h']
  zoom: Float32[np.ndarray, 'n']
  gain: Float32[np.ndarray, 'n']


def make_look(config: StoryConfig, seed: int) -> Look:
  """The look of a seed's story."""
  rng = random_numbers(seed, LOOK_STREAM)
  contrast = 255 * config.background_contrast
  tint = rng.uniform(65, 145) + rng.uniform(-22, 22, 3)
  grey = rng.normal(0, 0.28 * contrast, (1, _CELLS, _CELLS))
  hue = rng.normal(0, 0.1 * contrast, (3, _CELLS, _CELLS))
  waves, colours = [], []
  for _ in range(2):
    angle = rng.uniform(0, math.pi)
    periods = rng.uniform(2, 7)
    waves.append(
      (
        periods * math.cos(angle),
        periods * math.sin(angle),
        rng.uniform(-1, 1) * periods * config.background_drift * 2,
        rng.uniform(),
      )
    )
    strength = 0.14 * contrast * rng.uniform(0.3, 1)
    colours.append(strength * (1 + rng.uniform(-0.4, 0.4, 3)))
  heading = rng.uniform(0, 2 * math.pi)
  speed = config.background_drift * rng.uniform(0.3, 1)
  return Look(
    texture=(tint[:, None, None] + grey + hue).astype(np.float32),
    drift=(speed * math.cos(heading), speed * math.sin(heading)),
    waves=tuple(waves),
    wave_colours=np.asarray(colours, np.float32),
    swings=tuple(
      (rng.uniform(6, 20), rng.uniform(0, 2 * math.pi)) for _ in range(_SWINGS)
    ),
    clutter=tuple(
      Clutter(
        shape=('circle', 'square', 'triangle', 'cross')[rng.integers(4)],
        x_frac=rng.uniform(0, 1),
        y_frac=rng.uniform(0, 1),
        radius_frac=rng.uniform(0.025, 0.05),
        level=rng.uniform(60, 190),
      )
      for _ in range(config.n_clutter)
    ),
  )


def disturbances(seed: int, frame_ids: np.ndarray) -> np.ndarray:
  """Noise in -1..1, float32 [4, n], that depends on seed and frame only."""
  with np.errstate(over='ignore'):
    channels = np.arange(_DISTURBANCES, dtype=np.uint64)[:, None]
    x = frame_ids.astype(np.uint64) * np.uint64(_DISTURBANCES) + channels
    x = x + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
      x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    x = x ^ (x >> np.uint64(31))
  return ((x >> np.uint64(11)) * 2.0**-52 - 1).astype(np.float32)


def make_view(
  config: StoryConfig,
  look: Look,
  seed: int,
  frame_ids: np.ndarray,
  height: int,
  width: int,
) -> View:
  """Where the camera looks in some frames of `height` x `width` pixels."""
  times_s = frame_ids / config.fps
  noise = disturbances(seed, frame_ids)
  right, down, nearer = (
    np.sin(2 * np.pi * times_s / period_s + phase)
    for period_s, phase in look.swings
  )
  zoom = 1 + config.camera_zoom * nearer
  middle_x = 0.5 + config.camera_pan * right + config.camera_jitter * noise[0]
  middle_y = 0.5 + config.camera_pan * down + config.camera_jitter * noise[1]
  side = min(height, width)
  across = (np.arange(width) + 0.5 - width / 2) / side
  along = (np.arange(height) + 0.5 - height / 2) / side
  return View(
    x=(middle_x[:, None] + across / zoom[:, None]).astype(np.float32),
    y=(middle_y[:, None] + along / zoom[:, None]).astype(np.float32),
    zoom=zoom.astype(np.float32),
    gain=(1 + config.brightness_noise * noise[3]).astype(np.float32),
  )


def draw_background(
  look: Look, view: View, times_s: np.ndarray
) -> Float32[np.ndarray, 'n 3 h w']:
  """The texture as the camera sees it at some times, levels 0..255."""
  n, width = view.x.shape
  times_s = times_s.astype(np.float32)[:, None]
  columns = _weights(view.x + np.float32(look.drift[0]) * times_s)
  rows = _weights(view.y + np.float32(look.drift[1]) * times_s)
  # [cells 3, cells] @ [n, cells, w]: the grid, smooth across.
  grid = look.texture.transpose(1, 0, 2).reshape(-1, _CELLS)
  across = [np.matmul(grid, columns).reshape(n, _CELLS, 3, width)]
  along = [rows.transpose(0, 2, 1)]
  for (fx, fy, rate, phase), colour in zip(
    look.waves, look.wave_colours, strict=True
  ):
    turn = np.float32(2 * np.pi)
    a = turn * (np.float32(fx) * view.x)
    b = turn * (
      np.float32(fy) * view.y + np.float32(rate) * times_s + np.float32(phase)
    )
    # sin(a + b) = sin a cos b + cos a sin b
    sines = np.stack([np.sin(a), np.cos(a)], axis=1)[:, :, None]
    across.append(sines * colour[:, None])
    along.append(np.stack([np.cos(b), np.sin(b)], axis=2))
  across = np.concatenate(across, axis=1).reshape(n, -1, 3 * width)
  along = np.concatenate(along, axis=2)
  planes = np.matmul(along, across).reshape(n, -1, 3, width)
  return planes.transpose(0, 2, 1, 3)


def _weights(
  x: Float32[np.ndarray, 'n w'],
) -> Float32[np.ndarray, 'n cells w']:
  """Of each point of the periodic grid in each place: a cubic B-spline."""
  points = np.arange(_CELLS, dtype=np.float32)[:, None]
  x = (x * np.float32(_CELLS))[:, None, :] - points
  x -= np.rint(x * np.float32(1 / _CELLS)) * np.float32(_CELLS)
  np.abs(x, out=x)
  far = np.maximum(np.float32(2) - x, 0)
  near = np.maximum(np.float32(1) - x, 0)
  return (far * far * far - 4 * near * near * near) * np.float32(1 / 6)
