"""Chosen frames of a long video: our reader against plain decoding.

python -m benchmarks.table reader

Encodes 10 minutes of 720p H.264 (keyframes 10 s apart, 3 B-frames) into a
temporary folder, then reads the frames on display at 96 evenly spaced times in
four ways, each in a process of its own:

    indexed     index the file, seek to keyframes, decode what is needed
    sequential  decode the file from its start to the last wanted frame
    pil         as indexed, each frame resized to 224 with PIL's bicubic
    swscale     as indexed, each frame resized to 224 with FFmpeg's bicubic

Frames of the first two are checked by the number burnt into each. Run alone
(`python -m benchmarks.reader`) it prints one line of JSON.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence

import av
import numpy as np
from jaxtyping import UInt8

from input_pipeline.encode_video import Encoding, encode_video
from input_pipeline.pixels import Resize
from input_pipeline.video import open_video
from vtg_jax.testing.frame_number import burn_number, read_number

N_TIMES = 96
WAYS = ('indexed', 'sequential', 'pil', 'swscale')
_FPS = 25
_HEIGHT, _WIDTH = 720, 1280
_DURATION_S = 600


def measure(duration_s: float = _DURATION_S) -> dict:
  """Frames per second and peak memory of each way, as one row of a table.

  Returns:
    `<way>_frames_per_s` (wanted frames over seconds, indexing included),
    `<way>_peak_mb` (largest resident size of that process) for each of `WAYS`,
    `ratio` = indexed over sequential speed, and `exact` = how many of the
    wanted frames were right in the worse of those two.
  """
  row = {'video_s': duration_s, 'frames': N_TIMES}
  exact = []
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / 'long.mp4'
    write_long_video(path, duration_s)
    row['file_mb'] = round(path.stat().st_size / 1e6, 1)
    for way in WAYS:
      result = _in_own_process(way, path)
      row[f'{way}_frames_per_s'] = round(N_TIMES / result['seconds'], 2)
      row[f'{way}_peak_mb'] = round(result['peak_mb'])
      if result['exact'] is not None:
        exact.append(result['exact'])
  row['ratio'] = round(
    row['indexed_frames_per_s'] / row['sequential_frames_per_s'], 2
  )
  row['exact'] = min(exact)
  return row


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  what = f'{result["frames"]} frames of {result["video_s"] / 60:g} min of 720p'
  return [
    (
      f'{what}: frames/s over decoding in order',
      f'{result["ratio"]:.2f} ({result["indexed_frames_per_s"]:.1f} against '
      f'{result["sequential_frames_per_s"]:.1f}; {result["exact"]} exact)',
      '',
    ),
    (
      f'{what}: frames/s resized to 224 by PIL, by swscale',
      f'{result["pil_frames_per_s"]:.1f}, {result["swscale_frames_per_s"]:.1f}',
      '',
    ),
    (
      f'{what}: peak memory at full size, at 224',
      f'{result["indexed_peak_mb"]} MB, {result["pil_peak_mb"]} MB',
      '',
    ),
  ]


def write_long_video(path: pathlib.Path, duration_s: float) -> None:
  """Writes 720p H.264 of a moving texture with every frame's number in it."""
  frames = _moving_texture(round(duration_s * _FPS))
  encoding = Encoding(fps=_FPS, gop=250, b_frames=3, preset='ultrafast', crf=28)
  encode_video(path, frames, encoding)


def read_way(way: str, path: str) -> dict:
  """Reads the wanted frames in one way, in this process, and says the cost."""
  start = time.perf_counter()
  times_s = None
  if way == 'sequential':
    frames = read_sequentially(path)
  else:
    resize = None if way == 'indexed' else Resize(size=224, method=way)
    store = open_video(path, resize=resize)
    times_s = wanted_times_s(store.duration_s)
    frames = store.get(store.frame_at(times_s))
  seconds = time.perf_counter() - start
  exact = None
  if way in ('indexed', 'sequential'):
    if times_s is None:
      times_s = wanted_times_s(open_video(path, resize=None).duration_s)
    numbers = [read_number(frame) for frame in frames]
    exact = sum(
      number == int(time_s * _FPS)
      for number, time_s in zip(numbers, times_s, strict=True)
    )
  peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return {'seconds': seconds, 'peak_mb': peak_kb / 1024, 'exact': exact}


def wanted_times_s(duration_s: float) -> np.ndarray:
  """Centres of `N_TIMES` equal slots of the video, in seconds."""
  return (np.arange(N_TIMES) + 0.5) * duration_s / N_TIMES


def read_sequentially(path: str) -> list[UInt8[np.ndarray, 'h w 3']]:
  """The same frames from decoding in order, with PyAV alone."""
  frames = []
  with av.open(path) as container:
    stream = container.streams.video[0]
    stream.thread_type = 'AUTO'
    duration_s = float(stream.duration * stream.time_base)
    waiting = list(wanted_times_s(duration_s)[::-1])
    for picture in container.decode(stream):
      while waiting and picture.time + 1 / _FPS > waiting[-1]:
        frames.append(picture.to_ndarray(format='rgb24'))
        waiting.pop()
      if not waiting:
        break
  return frames


def _moving_texture(
  n_frames: int,
) -> Iterator[UInt8[np.ndarray, 'h w 3']]:
  """A smooth texture that pans, so that motion is coded as in a film."""
  rng = np.random.default_rng(0)
  coarse = rng.integers(0, 256, (48, 80, 3), np.uint8)
  texture = np.kron(coarse, np.ones((32, 32, 1), np.uint8))
  rows, columns = texture.shape[0] - _HEIGHT, texture.shape[1] - _WIDTH
  for i in range(n_frames):
    top = round(rows * (0.5 + 0.5 * np.sin(i / 150)))
    left = round(columns * (0.5 + 0.5 * np.sin(i / 200)))
    view = texture[top : top + _HEIGHT, left : left + _WIDTH]
    yield burn_number(view, i)


def _in_own_process(way: str, path: pathlib.Path) -> dict:
  finished = subprocess.run(
    [sys.executable, '-m', 'benchmarks.reader', '--way', way, str(path)],
    cwd=pathlib.Path(__file__).resolve().parents[1],
    capture_output=True,
    text=True,
    check=True,
  )
  return json.loads(finished.stdout)


def main(arguments: Sequence[str] | None = None) -> None:
  """Prints the row, or with --way the cost of one way on a given file."""
  parser = argparse.ArgumentParser(description='Benchmark the video reader.')
  parser.add_argument('--duration-s', type=float, default=_DURATION_S)
  parser.add_argument('--way', choices=WAYS)
  parser.add_argument('path', nargs='?')
  options = parser.parse_args(arguments)
  if options.way:
    print(json.dumps(read_way(options.way, options.path)))
  else:
    print(json.dumps(measure(options.duration_s)))


if __name__ == '__main__':
  main()
