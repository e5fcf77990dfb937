"""What every system's grounder offers, whatever the system."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from input_pipeline.video import FrameStore
from vtg_jax.moments import Absent, Moment


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchmarkOptions:
  """How a system is asked on benchmarks.

  Each table names every option of one method that a benchmark may set, with
  the value it has where the benchmark sets none. A type in place of a value
  leaves the option to the method and says what it may be set to; None leaves
  it, too, and may be set to anything.

  Attributes:
    ground: of `ground`.
    answer: of `answer`.
    dense_caption: of `dense_caption`.
    highlights: of `highlights`.
    other_orders: with how many further values of its `seed`, which orders the
      options that are shown, `ground` is asked again; None where it shows none.
    strict: whether an IoU must exceed a threshold, not only reach it.
    checks: Method -> raises BadInput where options of it, every one that its
      table names, cannot be used. Within a run every sample would fail of it.
  """

  ground: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  answer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  dense_caption: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  highlights: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  other_orders: int | None = None
  strict: bool = True
  checks: Mapping[str, Callable[[Mapping[str, Any]], None]] = dataclasses.field(
    default_factory=dict
  )


class AnnouncesFrames(Protocol):
  """A grounder that knows which frames it will look at."""

  def announce(self, video: FrameStore, **options) -> None:
    """Announces all frames that `ground` may ask for; see `FrameStore`.

    Args:
      video: opened by `open_video`.
      **options: of `ground`; those that do not change the frames are ignored.

    Raises:
      BadInput: for an option out of range.
    """


class Grounder(Protocol):
  """Finds moments in videos.

  One that knows which frames it will look at is an `AnnouncesFrames` too; one
  that reads a video from end to end has `ready`, which does that; one with
  options that change what a score is worth has `other_scores`, which tells
  those among some that do.

  Attributes:
    system: name of the system, such as 'hawkeye'.
    notice: one line the user must read with every answer; empty if none.
    benchmark_options: under 'paper' as the system's paper asks, for scores
      beside its own; under 'best' what we advise, for scores beside other
      systems'.
  """

  system: str
  notice: str
  benchmark_options: Mapping[str, BenchmarkOptions]

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
