"""What an action makes of an object at each moment, afterimages included.

Every action repeats within a second or two and leaves a mark that a single
frame shows: what travels trails a tail, what shakes has echoes on both sides,
what grows shines at its heart, where it was small, what shrinks leaves rings
where it was large, what blinks glows.
"""

import dataclasses

import numpy as np
from jaxtyping import Float32

# Of the central square's side: from one end of the repeated way to the other,
# and the way in a second by which afterimages are counted.
_WAY, _SPEED = 0.1, 0.17
_LEAN = 0.03
_SHAKE = 0.025
_DIRECTIONS = {
  'slides right': (1, 0),
  'slides left': (-1, 0),
  'rises': (0, -1),
  'falls': (0, 1),
}
# Opacity of afterimages, newest first.
_TAIL = (0.6, 0.46, 0.33, 0.2)
_ECHOES = (0.55, 0.4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ghost:
  """An afterimage beside the object: its offset and opacity."""

  dx_frac: float
  dy_frac: float
  opacity: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pose:
  """An object at n moments.

  Attributes:
    dx: off its place to the right, of the central square's side.
    dy: off its place downwards.
    scale: its size over its usual size.
    opacity: of the object.
    ghosts: afterimages beside it.
    rings: opacity of the rings outside it.
    core: opacity of the bright heart inside it.
    glow: opacity of the white glow round it.
  """

  dx: Float32[np.ndarray, 'n']
  dy: Float32[np.ndarray, 'n']
  scale: Float32[np.ndarray, 'n']
  opacity: Float32[np.ndarray, 'n']
  ghosts: tuple[Ghost, ...] = ()
  rings: float = 0.0
  core: float = 0.0
  glow: Float32[np.ndarray, 'n'] | None = None


def pose(
  action: str,
  phase: Float32[np.ndarray, 'n'],
  *,
  trail_s: float,
  trail_strength: float,
) -> Pose:
  """How an action looks at each phase, in 0..1, of its period."""
  still, full = np.zeros_like(phase), np.ones_like(phase)
  at_rest = {'dx': still, 'dy': still, 'scale': full, 'opacity': full}
  tail = _SPEED * trail_s
  if action in _DIRECTIONS:
    x, y = _DIRECTIONS[action]
    way = (phase - np.float32(0.5)) * np.float32(_WAY) + np.float32(_LEAN)
    backs = [tail * (k + 1) / len(_TAIL) for k in range(len(_TAIL))]
    ghosts = tuple(
      Ghost(
        dx_frac=-x * back, dy_frac=-y * back, opacity=opacity * trail_strength
      )
      for back, opacity in zip(backs, _TAIL, strict=True)
    )
    return Pose(**(at_rest | {'dx': x * way, 'dy': y * way}), ghosts=ghosts)
  if action == 'shakes':
    swing = np.sin(phase * np.float32(4 * np.pi)) * np.float32(_SHAKE)
    ghosts = tuple(
      Ghost(
        dx_frac=side * tail * 0.7 * (k + 1) / len(_ECHOES),
        dy_frac=0.0,
        opacity=opacity * trail_strength,
      )
      for k, opacity in enumerate(_ECHOES)
      for side in (-1, 1)
    )
    return Pose(**(at_rest | {'dx': swing}), ghosts=ghosts)
  if action == 'grows':
    return Pose(
      **(at_rest | {'scale': 0.8 + np.float32(0.35) * phase}),
      core=trail_strength,
    )
  if action == 'shrinks':
    return Pose(
      **(at_rest | {'scale': 0.95 - np.float32(0.4) * phase}),
      rings=trail_strength,
    )
  if action == 'blinks':
    is_on = phase < 0.6
    dim = np.float32(0.6 * trail_strength)
    return Pose(
      **(at_rest | {'opacity': np.where(is_on, 1, dim).astype(np.float32)}),
      glow=np.float32(trail_strength)
      * np.where(is_on, 1, 0.8).astype(np.float32),
    )
  raise ValueError(f'action {action!r} has no pose')
