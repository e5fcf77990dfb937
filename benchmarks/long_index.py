"""Indexing a long file with the small model: against its length, and memory.

    VTG_LONG_FILE=bbb.mp4 python -m benchmarks.table long_index

`vtg index` runs in a process of its own, once over the first minute of the
file, once over all of it: what it holds must not grow with the length.
"""

import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import av

from benchmarks.long_model import has_model, long_file, model_folder
from input_pipeline.video_index import index_video

FPS = 2.0
_SHORT_S = 60.0


def can_run() -> bool:
  """Whether there are a file and a model."""
  return long_file() is not None and has_model()


def measure() -> dict:
  """Seconds and peak memory of both."""
  path = long_file()
  with tempfile.TemporaryDirectory() as folder:
    short = pathlib.Path(folder) / f'short{path.suffix}'
    copy_beginning(path, short, _SHORT_S)
    found = {
      name: _in_own_process(file, folder)
      for name, file in (('short', short), ('whole', path))
    }
  index = index_video(path)
  return {
    'file': path.name,
    'duration_s': round(float(index.duration_s), 1),
    'size': f'{index.width} x {index.height}',
    'file_fps': round(float(index.average_fps), 2),
    'fps': FPS,
    **found,
  }


def rows(result: dict) -> list[tuple[str, str, str]]:
  """(what, measured, target)."""
  short, whole = result['short'], result['whole']
  return [
    (
      f'`vtg index` of {result["file"]} ({result["duration_s"]:.0f} s, '
      f'{result["size"]}, {result["file_fps"]:g} frames/s) at '
      f'{result["fps"]:g} frames/s: its length over the time',
      f'{result["duration_s"] / whole["seconds"]:.2f} '
      f'({whole["seconds"]:.0f} s)',
      '> 1',
    ),
    (
      'the same: peak memory over that of its first minute',
      f'{whole["peak_mb"] / short["peak_mb"]:.2f} '
      f'({whole["peak_mb"]:.0f} MB, {short["peak_mb"]:.0f} MB)',
      'bounded',
    ),
  ]


def copy_beginning(
  source: pathlib.Path, out: pathlib.Path, seconds: float
) -> None:
  """Copies the packets of the first seconds of the pictures, not decoded."""
  with av.open(str(source)) as old, av.open(str(out), 'w') as new:
    video = old.streams.video[0]
    stream = new.add_stream_from_template(video)
    for packet in old.demux(video):
      if packet.dts is None:
        continue
      if float(packet.dts * packet.time_base) > seconds:
        break
      packet.stream = stream
      new.mux(packet)


def _in_own_process(path: pathlib.Path, folder: str) -> dict:
  run = subprocess.run(
    [sys.executable, '-m', 'benchmarks.long_index', str(path), folder],
    check=True,
    capture_output=True,
    text=True,
  )
  return json.loads(run.stdout.splitlines()[-1])


def index(path: str, folder: str) -> dict:
  """Runs the command and waits for it."""
  command = [sys.executable, '-m', 'vtg_jax', 'index', path, '--out', folder]
  command += ['--model', str(model_folder()), '--fps', f'{FPS:g}']
  begin = time.perf_counter()
  subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
  seconds = time.perf_counter() - begin
  # Of the one child that there was.
  peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
  return {
    'seconds': round(seconds, 2),
    'peak_mb': round(peak_kb * 1024 / 1e6, 1),
  }


if __name__ == '__main__':
  print(json.dumps(index(*sys.argv[1:])))
