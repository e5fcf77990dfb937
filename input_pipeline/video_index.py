"""Where every frame of a video file is: one pass over its packets.

No frame is decoded to index a file, except the first, which shows its size and
how it must be turned. Raw streams, and AVI with B-frames, do not say when a
frame is displayed: those are decoded once in full to count their frames.
"""

import dataclasses
import os
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from jaxtyping import Bool, Float64, Int64

from input_pipeline import video_file
from vtg_jax.errors import BadInput

# A declared frame rate further than this from the measured one is a fiction
# (variable rates, remuxed files).
_RATE_TOLERANCE = 0.05
# A declared duration may be rounded; a file cut short misses more than this.
_DURATION_TOLERANCE_S = 0.5
# What FFmpeg, too, assumes of a raw stream that states no rate.
_FALLBACK_FPS = Fraction(25)
# Of a file of one or two frames FFmpeg sometimes takes the clock for the rate.
_MAX_FPS = 1000


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class VideoIndex:
  """The frames of a video file in display order.

  Attributes:
    path: the file.
    times_s: seconds from the first displayed frame to the display of each.
    pts: the same times in ticks of the file's own clock. Where `in_order` is
      set they are 0, 1, 2, ..., the order in which frames are displayed.
    keyframe_pts: display ticks of the keyframes, hidden ones included.
    keyframe_dts: their decoding ticks (display ticks where not stored).
    tick_s: seconds of one tick.
    duration_s: seconds from the first frame to the end of the last one's
      display: its own duration, or else the median distance of frames.
    average_fps: frames per second: what the file declares if that is near what
      was measured, otherwise frames over duration.
    width: pixels across once frames are upright.
    height: pixels down once frames are upright.
    in_order: the file has no display times: it is read from its start.
  """

  path: str
  times_s: Float64[np.ndarray, 'F']
  pts: Int64[np.ndarray, 'F']
  keyframe_pts: Int64[np.ndarray, 'K']
  keyframe_dts: Int64[np.ndarray, 'K']
  tick_s: Fraction
  duration_s: float
  average_fps: float
  width: int
  height: int
  in_order: bool = False

  @property
  def n_frames(self) -> int:
    return len(self.pts)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Packets:
  """What a pass over a stream's packets tells; arrays are in file order.

  Attributes:
    undated: some packet has no display time.
    fault: why the pass ended before the end of the file, if it did.
  """

  pts: Int64[np.ndarray, 'P']
  dts: Int64[np.ndarray, 'P']
  duration: Int64[np.ndarray, 'P']
  keyframe: Bool[np.ndarray, 'P']
  discarded: Bool[np.ndarray, 'P']
  undated: bool
  fault: str | None


def index_video(path: str | os.PathLike) -> VideoIndex:
  """Finds every frame of a video file and when it is displayed.

  Frames that an edit list hides, and those before the first keyframe, are not
  displayed and not counted. Audio, cover pictures and the pixel aspect ratio
  are ignored, as the papers' readers do.

  Raises:
    BadInput: there is no such file, it is not a video, has no frame that can
      be decoded, or holds less than it declares (truncated).
  """
  path = os.fspath(path)
  with video_file.open_container(path) as (container, stream):
    packets = _read_packets(container, stream)
    _refuse_truncated(path, container, stream, packets)
    reordered_avi = (
      container.format.name == 'avi' and stream.codec_context.has_b_frames
    )
    rate = _plausible_rate(stream.average_rate, stream.guessed_rate)
    guessed_rate = _plausible_rate(stream.guessed_rate, stream.average_rate)
    tick_s = stream.time_base
  if packets.undated or reordered_avi:
    return _index_by_decoding(path, packets, tick_s, guessed_rate)
  height, width = _first_upright_size(path)
  pts, last_duration = _displayed(path, packets)
  if last_duration <= 0:
    last_duration = _usual_distance(pts, 1 / (rate * tick_s))
  duration_s = float((int(pts[-1] - pts[0]) + last_duration) * tick_s)
  by_pts = np.argsort(packets.pts[packets.keyframe], kind='stable')
  return VideoIndex(
    path=path,
    times_s=_to_seconds(pts - pts[0], tick_s),
    pts=pts,
    keyframe_pts=packets.pts[packets.keyframe][by_pts],
    keyframe_dts=packets.dts[packets.keyframe][by_pts],
    tick_s=tick_s,
    duration_s=duration_s,
    average_fps=_average_fps(rate, len(pts), duration_s),
    width=width,
    height=height,
  )


def _read_packets(container: InputContainer, stream: VideoStream) -> _Packets:
  rows = []
  undated = False
  fault = None
  try:
    for packet in video_file.demux(container, stream):
      if not packet.size:
        continue
      pts, dts = packet.pts, packet.dts
      undated |= pts is None
      pts = dts if pts is None else pts
      dts = pts if dts is None else dts
      rows.append(
        (
          pts or 0,
          dts or 0,
          packet.duration or 0,
          packet.is_keyframe,
          packet.is_discard,
        )
      )
  except av.error.FFmpegError as error:
    fault = error.strerror
  table = np.array(rows, np.int64).reshape(-1, 5)
  return _Packets(
    pts=table[:, 0],
    dts=table[:, 1],
    duration=table[:, 2],
    keyframe=table[:, 3].astype(bool),
    discarded=table[:, 4].astype(bool),
    undated=undated,
    fault=fault,
  )


def _refuse_truncated(
  path: str,
  container: InputContainer,
  stream: VideoStream,
  packets: _Packets,
) -> None:
  """Raises BadInput if the file declares more than it holds.

  An answer about the first half of a video must not pass for one about all of
  it. MP4 declares each frame's place, Matroska the duration; a cut transport
  stream or AVI cannot be told from a short one.
  """
  n_packets = len(packets.pts)
  remedy = 'copy or download it again'
  if packets.fault is not None:
    raise BadInput(
      f'{path} is damaged after {n_packets} frames ({packets.fault}); {remedy}'
    )
  if 'mp4' in container.format.name:
    entries = stream.index_entries
    n_there = sum(entry.pos + entry.size <= container.size for entry in entries)
    if n_there < len(entries):
      raise BadInput(
        f'{path} is truncated: {n_there} of {len(entries)} frames are there; '
        f'{remedy}'
      )
  declared_s = _tagged_seconds(stream.metadata.get('DURATION', ''))
  if n_packets and declared_s and not packets.undated:
    end = int((packets.pts + packets.duration).max())
    end_s = float(end * stream.time_base)
    if end_s < declared_s - _DURATION_TOLERANCE_S:
      raise BadInput(
        f'{path} is truncated: {end_s:.1f} of {declared_s:.1f} s '
        f'({n_packets} frames) are there; {remedy}'
      )
  if not n_packets:
    raise BadInput(f'{path} holds no frame; give a file with a picture')


def _displayed(
  path: str, packets: _Packets
) -> tuple[Int64[np.ndarray, 'F'], int]:
  """Display ticks of the frames that are shown, and the last one's duration."""
  shown = ~packets.discarded
  if packets.keyframe.any():
    # What comes before the first keyframe refers to frames that are not there.
    shown &= packets.pts >= packets.pts[packets.keyframe.argmax()]
  pts, at = np.unique(packets.pts[shown], return_index=True)
  if not len(pts):
    raise BadInput(f'{path} displays no frame; give a file with a picture')
  return pts, int(packets.duration[shown][at[-1]])


def _index_by_decoding(
  path: str, packets: _Packets, tick_s: Fraction, rate: Fraction
) -> VideoIndex:
  """Counts the frames of a file that does not say when they are displayed.

  Packets that carry decoding times give the display times, sorted; raw streams
  are taken at the rate that FFmpeg guesses.
  """
  n_frames = 0
  height = width = 0
  with video_file.open_container(path) as (container, stream):
    packet_iterator = video_file.demux(container, stream)
    for picture in video_file.decode(stream, packet_iterator, faults=[]):
      if not n_frames:
        height, width = video_file.upright_size(picture)
      n_frames += 1
  if not n_frames:
    raise BadInput(f'{path} has no frame that can be decoded; re-encode it')
  ticks = np.unique(packets.pts)
  if packets.undated or len(ticks) != n_frames:
    ticks, tick_s = np.arange(n_frames), 1 / rate
  ticks = ticks - ticks[0]
  last_duration = _usual_distance(ticks, 1 / (rate * tick_s))
  duration_s = float((int(ticks[-1]) + last_duration) * tick_s)
  nothing = np.zeros(0, np.int64)
  return VideoIndex(
    path=path,
    times_s=_to_seconds(ticks, tick_s),
    pts=np.arange(n_frames, dtype=np.int64),
    keyframe_pts=nothing,
    keyframe_dts=nothing,
    tick_s=tick_s,
    duration_s=duration_s,
    average_fps=_average_fps(rate, n_frames, duration_s),
    width=width,
    height=height,
    in_order=True,
  )


def _first_upright_size(path: str) -> tuple[int, int]:
  with video_file.open_container(path) as (container, stream):
    packets = video_file.demux(container, stream)
    for picture in video_file.decode(stream, packets, faults=[]):
      return video_file.upright_size(picture)
  raise BadInput(f'{path} has no frame that can be decoded; re-encode it')


def _usual_distance(ticks: Int64[np.ndarray, 'F'], alone: Fraction) -> int:
  """Median ticks between frames; a single frame lasts `alone`."""
  if len(ticks) < 2:
    return max(1, round(alone))
  return max(1, round(float(np.median(np.diff(ticks)))))


def _plausible_rate(*declared: Fraction | None) -> Fraction:
  """The first declared rate that frames can have."""
  for rate in declared:
    if rate and 0 < rate <= _MAX_FPS:
      return rate
  return _FALLBACK_FPS


def _to_seconds(
  ticks: Int64[np.ndarray, 'F'], tick_s: Fraction
) -> Float64[np.ndarray, 'F']:
  # One correctly rounded division: tick 3 of 1/10 s is 0.3, not 3 * 0.1.
  return (ticks * tick_s.numerator) / tick_s.denominator


def _average_fps(declared: Fraction, n_frames: int, duration_s: float) -> float:
  measured = n_frames / duration_s
  if abs(float(declared) - measured) <= _RATE_TOLERANCE * measured:
    return float(declared)
  return measured


def _tagged_seconds(tag: str) -> float | None:
  """Seconds of Matroska's per-track tag, '00:10:34.500000000'."""
  try:
    hours, minutes, seconds = tag.split(':')
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
  except ValueError:
    return None
