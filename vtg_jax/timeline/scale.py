"""The time axis: seconds to inches, and times as they are written."""

import dataclasses
import math

from vtg_jax.timeline.text_fit import bound_in

# Seconds between ticks may be one of these, or whole hours.
_STEPS_S = (
  *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
  *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600),
)  # fmt: skip
_MOST_TICKS = 12
# A bar is at least this share of the axis, or nobody would see it.
_THINNEST = 0.003
# Shorter videos are told in seconds, longer ones by the clock.
_CLOCK_FROM_S = 120


@dataclasses.dataclass(frozen=True)
class Scale:
  """The time axis of a picture.

  Attributes:
    duration_s: length of the video, seconds.
    width_in: length of the axis, inches.
  """

  duration_s: float
  width_in: float

  def inches(self, time_s: float) -> float:
    return time_s / self.duration_s * self.width_in

  def seconds(self, wide_in: float) -> float:
    return wide_in / self.width_in * self.duration_s

  def visible(self, start_s: float, end_s: float) -> tuple[float, float]:
    """Start and width clipped to the axis, never too thin to be seen."""
    thinnest_s = self.duration_s * _THINNEST
    start_s = min(max(start_s, 0.0), self.duration_s - thinnest_s)
    end_s = min(max(end_s, start_s), self.duration_s)
    return start_s, max(end_s - start_s, thinnest_s)

  @property
  def tick_step_s(self) -> float:
    """Seconds between ticks: a round step that leaves at most twelve."""
    steps = (s for s in _STEPS_S if self.duration_s / s <= _MOST_TICKS)
    hours = math.ceil(self.duration_s / 3600 / _MOST_TICKS)
    return next(steps, 3600 * hours)

  def clock(self, time_s: float) -> str:
    """12.5 -> '12.5 s' in a short video, '0:12' or '1:00:12' in a long one."""
    if self.duration_s < _CLOCK_FROM_S:
      return f'{time_s:.4g} s'
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{seconds:02}' if hours else (
      f'{minutes}:{seconds:02}'
    )  # fmt: skip

  def span(self, start_s: float, end_s: float) -> str:
    """'7.5-11.2 s', '0:07-0:11': both times as fine as the axis needs."""
    if self.duration_s >= _CLOCK_FROM_S:
      return f'{self.clock(start_s)}\u2013{self.clock(end_s)}'
    digits = max(1, 1 - math.floor(math.log10(self.duration_s)))
    return f'{start_s:.{digits}f}\u2013{end_s:.{digits}f} s'

  def label_place(
    self, said: str, size: float, start_s: float, end_s: float
  ) -> tuple[float, str]:
    """Where a bar's label stands: right, else left of it, else inside.

    Returns:
      Seconds, and 'left', 'right' or 'inside'.
    """
    gap_s = self.seconds(0.06)
    room_s = self.seconds(bound_in(said, size)) + 2 * gap_s
    if self.duration_s - end_s > room_s:
      return end_s + gap_s, 'right'
    if start_s > room_s:
      return start_s - gap_s, 'left'
    return start_s + gap_s, 'inside'
