"""Write small video files of every awkward kind, with PyAV and libx264."""

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from jaxtyping import UInt8

from vtg_jax.testing import frame_number

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
      picture = picture.reformat(format=encoding.pixel_format)
      time_s = Fraction(i) / rate if times_s is None else Fraction(times_s[i])
      picture.pts = round((time_s + Fraction(encoding.start_s)) / _TIME_BASE)
      picture.time_base = _TIME_BASE
      container.mux(stream.encode(picture))
    if stream is not None:
      container.mux(stream.encode(None))


def numbered_frames(
  n_frames: int, *, width: int = 96, height: int = 64, seed: int = 0
) -> Iterator[UInt8[np.ndarray, 'h w 3']]:
  """Frames with their own number burnt in, over a drifting colour gradient."""
  phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, 3)
  across = np.linspace(0, 2, width)[None, :, None]
  down = np.linspace(0, 2, height)[:, None, None]
  for i in range(n_frames):
    waves = np.sin(across + down + phase + 0.2 * i)
    frame = (127 + 90 * waves).astype(np.uint8)
    yield frame_number.burn_number(frame, i)


def write_numbered_video(
  path: str | os.PathLike,
  n_frames: int,
  encoding: Encoding = Encoding(),
  *,
  width: int = 96,
  height: int = 64,
  times_s: Sequence[float] | None = None,
) -> None:
  """Writes a file whose frame i carries the number i."""
  frames = numbered_frames(n_frames, width=width, height=height)
  encode_video(path, frames, encoding, times_s=times_s)


def cut_video(
  source: str | os.PathLike, target: str | os.PathLike, start_s: float
) -> None:
  """Copies packets so that the target starts at `start_s` of the source.

  Nothing is encoded anew: packets from the keyframe before the cut are kept. In
  MP4 an edit list then hides those before it (in MKV the times begin later).
  """
  with (
    av.open(os.fspath(source)) as reader,
    av.open(os.fspath(target), 'w') as writer,
  ):
    stream = reader.streams.video[0]
    copy = writer.add_stream_from_template(stream)
    start = round(Fraction(start_s) / stream.time_base)
    reader.seek(start, stream=stream)
    for packet in reader.demux(stream):
      if not packet.size:
        continue
      packet.pts -= start
      if packet.dts is not None:
        packet.dts -= start
      packet.stream = copy
      writer.mux(packet)


def write_audio(path: str | os.PathLike, *, duration_s: float = 0.5) -> None:
  """Writes silence without any picture."""
  with av.open(os.fspath(path), 'w') as container:
    stream = container.add_stream('aac', rate=16_000)
    stream.layout = 'mono'
    for start in range(0, int(duration_s * 16_000), 1024):
      silence = np.zeros((1, 1024), np.float32)
      frame = av.AudioFrame.from_ndarray(silence, format='fltp', layout='mono')
      frame.sample_rate, frame.pts = 16_000, start
      container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _add_stream(container, encoding: Encoding, rate: Fraction, shape):
  """A video stream of `container`, ready for its first frame."""
  stream = container.add_stream('libx264', rate=rate)
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
    # Keyframes only where the group of pictures says, so tests know where.
    'sc_threshold': '0',
    'bf': str(encoding.b_frames),
    **encoding.codec_options,
  }
  if encoding.rotation:
    stream.set_display_rotation(encoding.rotation)
  return stream
