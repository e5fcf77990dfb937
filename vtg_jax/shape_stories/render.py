"""Draws frames of a story, in any order and of any size, many at once."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, UInt8

from input_pipeline.video_frames import check_frame_ids
from vtg_jax.shape_stories.background import (
  Look,
  View,
  draw_background,
  make_look,
  make_view,
)
from vtg_jax.shape_stories.motion import Pose, pose
from vtg_jax.shape_stories.outlines import DEPTHS, REACH, distance
from vtg_jax.shape_stories.story import Event, Story
from vtg_jax.shape_stories.words import COLOURS

# So many float32 planes at once stay in the cache.
_PIXELS_AT_ONCE = 40_000
_RIM = 0.08  # dark edge of an object, in its radii
_RIM_LEVEL = 0.25
_RINGS = ((0.42, 0.75), (0.85, 0.45))  # (distance, opacity), in radii
_RING_HALF_WIDTH = 0.12
_CORES = ((0.48, 0.4), (0.66, 0.95))  # (depth in the object's depths, opacity)
_GLOW_REACH = 0.5  # where it is a quarter as bright, in radii
_WHITE = (255.0, 255.0, 255.0)


def render(
  story: Story, frame_ids: Sequence[int], *, size: int | None = None
) -> UInt8[np.ndarray, 'n h w 3']:
  """Frames by number, in the order asked for, repeats included.

  Args:
    story: what to draw.
    frame_ids: any of 0 .. n_frames - 1.
    size: side of the central square that is drawn; None draws whole frames of
      the story's own size. Shapes are drawn at this size, nothing is resized.

  Raises:
    BadInput: a frame that the story does not have.
  """
  height, width = (story.height, story.width) if size is None else (size, size)
  frame_ids = np.asarray(frame_ids, np.int64)
  check_frame_ids(frame_ids.tolist(), story.n_frames)
  look = look_of(story)
  frames = np.empty((len(frame_ids), height, width, 3), np.uint8)
  step = max(1, _PIXELS_AT_ONCE // (height * width))
  for start in range(0, len(frame_ids), step):
    some = frame_ids[start : start + step]
    planes = _draw(story, look, some, height, width)
    frames[start : start + step] = planes.transpose(0, 2, 3, 1)
  return frames


def look_of(story: Story) -> Look:
  """The story's look, made once a story."""
  look = story.__dict__.get('_look')
  if look is None:
    look = make_look(story.config, story.seed)
    # A frozen dataclass keeps what follows from its fields.
    story.__dict__['_look'] = look
  return look


def _draw(
  story: Story, look: Look, frame_ids: np.ndarray, height: int, width: int
) -> UInt8[np.ndarray, 'n 3 h w']:
  config = story.config
  view = make_view(config, look, story.seed, frame_ids, height, width)
  planes = draw_background(look, view, frame_ids / config.fps)
  for thing in look.clutter:
    x, y, radius = (
      np.full(len(frame_ids), value, np.float32)
      for value in (thing.x_frac, thing.y_frac, thing.radius_frac)
    )
    shape = _Shape(view, slice(None), thing.shape, x, y, radius)
    alpha = shape.coverage() * np.float32(0.8)
    shape.paint(planes, (thing.level,) * 3, alpha)
  acts = [
    _Act(story, event, view, on, frame_ids[on])
    for event in story.events
    if (on := _frames_of(event, frame_ids)) is not None
  ]
  for act in acts:
    act.draw_marks(planes)
  for act in acts:
    act.draw_object(planes)
  planes *= view.gain[:, None, None, None]
  np.clip(planes, 0, 255, out=planes)
  planes += np.float32(0.5)
  return planes.astype(np.uint8)


def _frames_of(event: Event, frame_ids: np.ndarray):
  """Which of some frames show an event: a slice, numbers, or None."""
  is_on = (event.start_frame <= frame_ids) & (frame_ids < event.end_frame)
  places = np.flatnonzero(is_on)
  if not len(places):
    return None
  first, last = int(places[0]), int(places[-1]) + 1
  # A slice spares a copy.
  return slice(first, last) if last - first == len(places) else places


class _Shape:
  """A shape in n frames, on the window of pixels that it may cover.

  Attributes:
    distance: of each pixel of the window to the outline, in radii.
  """

  def __init__(self, view: View, on, shape, x, y, radius, beyond=0.0):
    """Finds the window and the distances.

    Args:
      view: of all frames.
      on: which n frames show it.
      shape: one of SHAPES.
      x: float32 [..., n], of its middle in the world; leading axes are copies
        of the shape.
      y: the same.
      radius: float32 [n].
      beyond: how far outside its outline something shows, in radii.
    """
    u = (view.x[on] - x[..., None]) / radius[:, None]
    v = (view.y[on] - y[..., None]) / radius[:, None]
    side = np.float32(min(view.x.shape[1], view.y.shape[1]))
    pixels_per_radius = (radius * view.zoom[on] * side)[:, None]
    # A pixel is touched up to half of it away. Outside the window nothing is,
    # so it does not matter with which other frames a frame is drawn.
    reach = np.float32(REACH + beyond) + np.float32(0.5) / pixels_per_radius
    columns, rows = _window(u, reach), _window(v, reach)
    self.distance = distance(shape, u[..., columns], v[..., rows])
    self._window = (on, slice(None), rows, columns)
    self._pixels = pixels_per_radius[:, :, None]

  def coverage(self, inside=None) -> Float32[np.ndarray, '... n h w']:
    """How much of each pixel lies where a distance is negative.

    Args:
      inside: the distance, in radii; to the shape's outline when None.
    """
    inside = self.distance if inside is None else inside
    alpha = inside * -self._pixels
    alpha += np.float32(0.5)
    np.maximum(alpha, 0, out=alpha)
    return np.minimum(alpha, 1, out=alpha)

  def paint(self, planes, colour, alpha) -> None:
    """Lays a colour over the planes' window; `alpha` is its opacity there."""
    window = planes[self._window]
    change = np.asarray(colour, np.float32)[:, None, None] - window
    change *= alpha[:, None]
    window += change
    if not isinstance(self._window[0], slice):
      planes[self._window] = window


class _Act:
  """An event in those frames that show it."""

  def __init__(self, story: Story, event: Event, view: View, on, frame_ids):
    config = story.config
    self.event, self.view, self.on = event, view, on
    turns = (frame_ids - event.start_frame) / (config.fps * event.period_s)
    phase = ((turns + event.phase_frac) % 1).astype(np.float32)
    self.pose: Pose = pose(
      event.action,
      phase,
      trail_s=config.trail_s,
      trail_strength=config.trail_strength,
    )
    self.colour = COLOURS[event.colour]
    self.x = np.float32(event.x_frac) + self.pose.dx
    self.y = np.float32(event.y_frac) + self.pose.dy
    self.radius = np.float32(event.diameter_frac / 2) * self.pose.scale

  def draw_marks(self, planes) -> None:
    """The afterimages, which lie behind all objects."""
    ghosts = [ghost for ghost in self.pose.ghosts if ghost.opacity > 0]
    if ghosts:
      column = np.asarray(
        [(ghost.dx_frac, ghost.dy_frac, ghost.opacity) for ghost in ghosts],
        np.float32,
      ).T[:, :, None]
      shape = self._shape(column[0], column[1])
      # Laid over one another, layers of one colour are one layer.
      clear = 1 - shape.coverage() * column[2][..., None, None]
      shape.paint(planes, self.colour, 1 - clear.prod(axis=0))
    if self.pose.rings > 0:
      shape = self._shape(beyond=_RINGS[-1][0] + _RING_HALF_WIDTH)
      alpha = 0
      for distance, opacity in _RINGS:
        ring = np.abs(shape.distance - np.float32(distance))
        ring = shape.coverage(ring - np.float32(_RING_HALF_WIDTH))
        alpha = alpha + ring * np.float32(opacity * self.pose.rings)
      shape.paint(planes, self.colour, alpha)
    if self.pose.glow is not None and self.pose.glow.any():
      shape = self._shape(beyond=2 * _GLOW_REACH)
      alpha = 1 - shape.distance * np.float32(0.5 / _GLOW_REACH)
      np.clip(alpha, 0, 1, out=alpha)
      alpha *= alpha
      alpha *= self.pose.glow[:, None, None] * np.float32(0.95)
      shape.paint(planes, _WHITE, alpha)

  def draw_object(self, planes) -> None:
    """The object, its dark rim and, where it grows, its bright heart."""
    shape = self._shape()
    opacity = self.pose.opacity[:, None, None]
    rim = [level * _RIM_LEVEL for level in self.colour]
    shape.paint(planes, rim, shape.coverage() * opacity)
    inside = shape.coverage(shape.distance + np.float32(_RIM))
    shape.paint(planes, self.colour, inside * opacity)
    if self.pose.core > 0:
      alpha = 0
      for depth, strength in _CORES:
        depth = np.float32(depth * DEPTHS[self.event.shape])
        alpha = np.maximum(
          alpha, shape.coverage(shape.distance + depth) * np.float32(strength)
        )
      shape.paint(planes, _WHITE, alpha * np.float32(self.pose.core))

  def _shape(self, dx=0, dy=0, beyond=0.0) -> _Shape:
    return _Shape(
      self.view,
      self.on,
      self.event.shape,
      self.x + dx,
      self.y + dy,
      self.radius,
      beyond,
    )


def _window(
  u: Float32[np.ndarray, '... n w'], reach: Float32[np.ndarray, 'n 1']
) -> slice:
  """The columns (rows) that come within `reach` of the middle in any frame."""
  near = (np.abs(u) < reach).reshape(-1, u.shape[-1]).any(axis=0)
  near = np.flatnonzero(near)
  if not len(near):
    return slice(0, 0)
  return slice(int(near[0]), int(near[-1]) + 1)
