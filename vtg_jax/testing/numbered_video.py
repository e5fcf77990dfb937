"""Small video files of every awkward kind, for tests of what reads them."""

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from jaxtyping import UInt8

from input_pipeline.encode_video import Encoding, encode_video
from vtg_jax.testing import frame_number


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
  encoding: Encoding | None = None,
  *,
  width: int = 96,
  height: int = 64,
  times_s: Sequence[float] | None = None,
) -> None:
  """Writes a file whose frame i carries the number i."""
  frames = numbered_frames(n_frames, width=width, height=height)
  encode_video(path, frames, encoding or Encoding(), times_s=times_s)


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
