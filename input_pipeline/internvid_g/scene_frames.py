"""Which frames of a scene are looked at: for likeness, caption and match.

The paper counts frames at the file's rate from int(start_s * fps). Frames n of
a scene, and k = 1 .. m of the m frames looked at:

    likeness   k * (n // (m + 1) + 1)
    match      k * (n // (m + 1))
    caption    ceil(n / 2)

Source: HawkEye `internvid_g/code/clip_sim.py` and `caption_clips.py`.
Deviates: counts become times, and the frame on display is taken, so that files
  of a variable rate work. A frame that would lie outside the scene (in scenes
  of a dozen frames or fewer) is replaced by the scene's first or last.
"""

import numpy as np
from jaxtyping import Float64

# A scene's times are rounded to three decimals: its edges lie within half of
# this, so this far inside is surely inside.
_EDGE_S = 1e-3


def likeness_times_s(
  scene: tuple[float, float], fps: float, n_looked_at: int
) -> Float64[np.ndarray, 'F']:
  """Times of the frames by which scenes are compared, in seconds.

  Example: (0.0, 4.0) at 10 fps and 3 frames gives [1.1, 2.2, 3.3].
  """
  n_frames = _n_frames(scene, fps)
  step = n_frames // (n_looked_at + 1) + 1
  return _inside(scene, fps, step * np.arange(1, n_looked_at + 1))


def match_times_s(
  scene: tuple[float, float], fps: float, n_looked_at: int
) -> Float64[np.ndarray, 'F']:
  """Times of the frames that a caption is compared with, in seconds.

  Example: (0.0, 4.0) at 10 fps and 3 frames gives [1.0, 2.0, 3.0].
  """
  step = _n_frames(scene, fps) // (n_looked_at + 1)
  return _inside(scene, fps, step * np.arange(1, n_looked_at + 1))


def caption_time_s(scene: tuple[float, float], fps: float) -> float:
  """Time of the frame that is captioned: the middle, in seconds."""
  half = -(-_n_frames(scene, fps) // 2)
  return float(_inside(scene, fps, np.array([half]))[0])


def _n_frames(scene: tuple[float, float], fps: float) -> int:
  start_s, end_s = scene
  return int(end_s * fps) - int(start_s * fps)


def _inside(
  scene: tuple[float, float], fps: float, offsets: np.ndarray
) -> Float64[np.ndarray, 'F']:
  start_s, end_s = scene
  times_s = (int(start_s * fps) + offsets) / fps
  last_s = max(start_s, end_s - _EDGE_S)
  return np.clip(times_s, min(start_s + _EDGE_S, last_s), last_s)
