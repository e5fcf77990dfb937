"""Write frames as a video file, with PyAV and libx264."""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from fractions import Fraction

import av
import numpy as np
from jaxtyping import UInt8

# Fine enough for any frame time, and MPEG-TS's own clock.
_TIME_BASE = Fraction(1, 90_000)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encoding:
  """How a file is encoded; the container comes from its extension.

  Attributes:
    fps: frames per second where no frame times are given.
    gop: most frames from one keyframe to the next.
    b_frames: most B-frames between two reference frames.
    pixel_format: 'yuv420p' needs even sides; 'yuv444p' takes odd ones;
      'yuv420p10le' has 10 bits.
    rotation: anticlockwise degrees (a multiple of 90) by which a player turns
      the frames, stored as a display matrix.
    start_s: time of the first frame in the file's own clock.
    crf: quality of libx264; a larger number is a smaller file.
    preset: speed of libx264.
    codec_options: more options of libx264, such as {'intra-refresh': '1'}.
    container_options: FFmpeg muxer options, such as {'live': '1'}.
  """

  fps: float = 10.0
  gop: int = 12
  b_frames: int = 2
  pixel_format: str = 'yuv420p'
  rotation: int = 0
  start_s: float = 0.0
  crf: int = 20
  preset: str = 'veryfast'
  codec_options: dict[str, str] = dataclasses.field(default_factory=dict)
  container_options: dict[str, str] = dataclasses.field(default_factory=dict)


def encode_video(
  path: str | os.PathLike,
  frames: Iterable[UInt8[np.ndarray, 'h w 3']],
  encoding: Encoding = Encoding(),
  *,
  times_s: Sequence[float] | None = None,
) -> None:
  """Writes frames as H.264.

  libx264 does not always make the same bytes of the same frames, not even with
  one thread: a block of pixels may be quantised more finely, which shows as a
  fraction of a grey level. What was encoded is to be compared as pictures.

  Args:
    path: where to; the extension names the container (mp4, mkv, ts, avi, h264).
    frames: uint8 RGB frames of one size.
    encoding: see `Encoding`.
    times_s: when each frame is first shown, for a variable frame rate; default
      is a constant `encoding.fps`.
  """
  rate = Fraction(encoding.fps).limit_denominator(1001)
  with av.open(
    os.fspath(path), 'w', options=dict(encoding.container_options)
  ) as container:
    stream = None
    for i, frame in enumerate(frames):
      if stream is None:
        stream = _add_stream(container, encoding, rate, frame.shape)
      picture = av.VideoFrame.from_ndarray(frame, format='rgb24')
      picture = picture.reformat(format=encoding.pixel_format, threads=1)
      time_s = Fraction(i) / rate if times_s is None else Fraction(times_s[i])
      picture.pts = round((time_s + Fraction(encoding.start_s)) / _TIME_BASE)
      picture.time_base = _TIME_BASE
      container.mux(stream.encode(picture))
    if stream is not None:
      container.mux(stream.encode(None))


def _add_stream(container, encoding: Encoding, rate: Fraction, shape):
  """A video stream of `container`, ready for its first frame."""
  stream = container.add_stream('libx264', rate=rate)
  # More threads would give other bytes on another number of cores.
  stream.codec_context.thread_count = 1
  stream.height, stream.width = shape[:2]
  stream.pix_fmt = encoding.pixel_format
  # AVI counts frames and has no other clock.
  is_avi = container.format.name == 'avi'
  stream.codec_context.time_base = 1 / rate if is_avi else _TIME_BASE
  stream.codec_context.gop_size = encoding.gop
  stream.codec_context.max_b_frames = encoding.b_frames
  stream.codec_context.options = {
    'crf': str(encoding.crf),
    'preset': encoding.preset,
    # Keyframes only where the group of pictures says: whoever asks knows.
    'sc_threshold': '0',
    'bf': str(encoding.b_frames),
    **encoding.codec_options,
  }
  if encoding.rotation:
    stream.set_display_rotation(encoding.rotation)
  return stream
