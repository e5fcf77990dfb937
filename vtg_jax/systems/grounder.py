"""What every system's grounder offers, whatever the system."""

import os
from collections.abc import Callable, Sequence
from typing import Protocol

from input_pipeline.video import FrameStore
from vtg_jax.moments import Absent, Moment


class Grounder(Protocol):
  """Finds moments in videos.

  Attributes:
    system: name of the system, such as 'hawkeye'.
    notice: one line the user must read with every answer; empty if none.
  """

  system: str
  notice: str

  def open_video(
    self,
    path: str | os.PathLike,
    *,
    resize: str = 'pil',
    on_progress: Callable[[int, int], None] | None = None,
  ) -> FrameStore:
    """Opens a video for any number of calls of `ground`.

    Args:
      path: a video file or a folder of frames.
      resize: 'pil' as the checkpoint expects, or the faster 'swscale'.
      on_progress: called with (frames read, frames to read).

    Raises:
      BadInput: when it cannot be read.
    """

  def ground(
    self,
    video: str | os.PathLike | FrameStore,
    queries: str | Sequence[str],
    *,
    top_k: int = 1,
    absent_below: float | None = None,
    **options,
  ) -> list[Moment | Absent]:
    """Says when each query happens.

    Args:
      video: a path, or what `open_video` returned.
      queries: one sentence or several.
      top_k: most answers a query.
      absent_below: answer `Absent` where the best score is lower.
      **options: the system's own.

    Returns:
      Answers grouped by query in the order asked, best first.

    Raises:
      BadInput: for an unreadable video, an empty or overlong query, or an
        option out of range.
    """
