"""What each part of a frame shows, for losses on single frames."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int16

from vtg_jax.shape_stories.story import Story
from vtg_jax.shape_stories.words import PAIRS

NOTHING = -1
# Cells whose centres are nearer to an object than this many of their sides
# show it, however small it is.
_REACH_CELLS = 0.75


def cell_pairs(
  story: Story, frame_ids: Sequence[int], grid: int
) -> Int16[np.ndarray, 'n grid grid']:
  """Which object and action is seen in each cell of a grid over the frames.

  A cell belongs to the nearest of the events that its centre is in reach of:
  by the object's radius, or three quarters of a cell's side if that is more.
  Where an object is, is where its action has its place; swings of the camera
  and of the action are left out.

  Args:
    story: What the frames are of.
    frame_ids: Any of 0 .. n_frames - 1.
    grid: Cells along a side.

  Returns:
    Number in `words.PAIRS`, or `NOTHING`.
  """
  frame_ids = np.asarray(frame_ids, np.int64)
  centres = (np.arange(grid) + 0.5) / grid
  out = np.full((len(frame_ids), grid, grid), NOTHING, np.int16)
  nearest = np.full(out.shape, np.inf)
  for event in story.events:
    is_on = (event.start_frame <= frame_ids) & (frame_ids < event.end_frame)
    away = np.hypot(
      centres[None, :] - event.x_frac, centres[:, None] - event.y_frac
    )
    reach = max(event.diameter_frac / 2, _REACH_CELLS / grid)
    shown = is_on[:, None, None] & (away < np.minimum(nearest, reach))
    out[shown] = _NUMBERS[event.pair]
    nearest = np.where(shown, away, nearest)
  return out


_NUMBERS = {pair: number for number, pair in enumerate(PAIRS)}
