"""Whether a stream of image sequences waits for the disk.

python -m benchmarks.table image_sequences             one minute
python -m benchmarks.image_sequences --seconds 3600    an hour; kept, too

Writes JPEG files, then reads sequences of 96 of them as training does: loader
processes decode, stretch and stack, and batches come through shared memory. A
step is a pause that is as long as a stated rate of consumption makes it: 1
sequence a second is what a GPU of 312 TFLOP/s at 40 % of its peak would take of
timechat/seq2time_stage1, by that training's useful operations. Files are
dropped from the system's memory again and again, so that they come from the
disk. The row says for how long the stream really ran.

    wait   share of the time that steps wait for a batch
    rate   sequences a second when nothing else is done, over the stated rate
    read   milliseconds to read a file, dropped from memory and not
"""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from benchmarks import table
from input_pipeline.loader import Batches, LoaderOptions, make_batches
from input_pipeline.sequences.image_sequences import (
  ImageSequenceFiles,
  ImageSequenceRule,
  ImageSequences,
  open_image_sequences,
)
from input_pipeline.sequences.image_sets import CaptionedImages

N_WORKERS = 2
# As most pictures of COCO are.
_WIDTH, _HEIGHT = 640, 480


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampler:
  """The frames of a sequence as a sample; loader processes call it.

  Attributes:
    source: of sequences.
  """

  source: ImageSequences

  def __call__(self, source: int, index: int, rng: np.random.Generator) -> dict:
    del source, rng
    lesson = self.source.lesson(index)
    frames = lesson.video.get(range(lesson.video.n_frames))
    return {'frames': frames, 'faults': list(lesson.faults)}


def measure(
  seconds: float = 60.0,
  n_files: int = 2000,
  batch_size: int = 8,
  sequences_per_s: float = 1.0,
  n_images: int = 96,
  size: int = 224,
  folder: str | None = None,
) -> dict:
  """One row of figures; see the module.

  Args:
    seconds: of the stream.
    n_files: images there are.
    batch_size: sequences of a step.
    sequences_per_s: that steps are said to consume.
    n_images: of a sequence.
    size: pixels of a side that images are stretched to.
    folder: where the files are written for the time being; None for the
      system's place. A file system in memory has no disk to wait for.
  """
  with tempfile.TemporaryDirectory(dir=folder) as images:
    paths = write_images(pathlib.Path(images), n_files)
    source = open_image_sequences(
      ImageSequenceFiles(
        images=(
          CaptionedImages(images=images, captions=f'{images}/captions.json'),
        ),
        rule=ImageSequenceRule(n_images=n_images),
      ),
      size=size,
    )
    row = {
      'batch_size': batch_size,
      'n_workers': N_WORKERS,
      'n_images': n_images,
      'n_files': n_files,
      'file_kb': round(sum(map(os.path.getsize, paths)) / n_files / 1000, 1),
      'wanted_per_s': sequences_per_s,
      'read_ms_dropped': _read_ms(paths[:200], dropped=True),
      'read_ms_kept': _read_ms(paths[:200], dropped=False),
    }
    for n_workers in (0, N_WORKERS):
      rate = _rate(source, paths, n_workers, batch_size)
      row[f'sequences_per_s_{n_workers}'] = round(rate, 3)
    return row | _streamed(source, paths, seconds, batch_size, sequences_per_s)


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  what = f'sequences of {result["n_images"]} images'
  wanted, n = result['wanted_per_s'], result['n_workers']
  return [
    (
      f'{what}, {wanted:g} a second for {result["stream_s"]:.0f} s, {n} loader '
      'processes: share of the time that the step waits',
      f'{result["wait_share"]:.2%}',
      '< 1 %',
    ),
    (
      f'{what} a second with 0, {n} loader processes, over {wanted:g}',
      ', '.join(
        f'{result[f"sequences_per_s_{i}"] / wanted:.2f}' for i in (0, n)
      ),
      '> 1',
    ),
    (
      f'reading a file of {result["file_kb"]:g} kB, dropped from memory, kept',
      f'{result["read_ms_dropped"]:.2f} ms, {result["read_ms_kept"]:.2f} ms',
      '',
    ),
  ]


def write_images(folder: pathlib.Path, n: int) -> list[pathlib.Path]:
  """Writes images about as detailed as photographs, and their captions."""
  rng = np.random.default_rng(0)
  captions, paths = {}, []
  for i in range(n):
    picture = np.zeros((_HEIGHT, _WIDTH, 3), np.float32)
    for cells in (4, 16, 64):  # details of three sizes
      coarse = rng.uniform(0, 85, (cells * 3 // 4, cells, 3))
      small = Image.fromarray(coarse.astype(np.uint8))
      picture += np.asarray(small.resize((_WIDTH, _HEIGHT)), np.float32)
    picture += rng.normal(0, 6, picture.shape)
    name = f'{i:06d}.jpg'
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(
      folder / name, quality=85
    )
    captions[name] = f'This is picture number {i} of all that there are.'
    paths.append(folder / name)
  (folder / 'captions.json').write_text(json.dumps(captions))
  os.sync()  # what is not written yet cannot be dropped from memory
  return paths


def drop_from_memory(paths: Sequence[pathlib.Path]) -> None:
  """Asks the system to forget what it keeps of some files, where it can."""
  if not hasattr(os, 'posix_fadvise'):
    return
  for path in paths:
    descriptor = os.open(path, os.O_RDONLY)
    try:
      os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
      os.close(descriptor)


def _read_ms(paths: Sequence[pathlib.Path], *, dropped: bool) -> float:
  if dropped:
    drop_from_memory(paths)
  seconds = []
  for path in paths:
    begin = time.perf_counter()
    path.read_bytes()
    seconds.append(time.perf_counter() - begin)
  return round(1000 * statistics.mean(seconds), 3)


def _running(
  source: ImageSequences, n_workers: int, batch_size: int
) -> Batches:
  """Batches whose loaders run.

  What loaders keep ready was made before any clock starts.
  """
  batches = make_batches(
    Sampler(source=source),
    [len(source)],
    LoaderOptions(n_workers=n_workers),
    batch_size=batch_size,
    seed=0,
  )
  for _ in range(1 + n_workers * LoaderOptions().n_buffered):
    next(batches)
  return batches


def _rate(source, paths, n_workers: int, batch_size: int) -> float:
  """Sequences a second, once the loaders run."""
  batches = _running(source, n_workers, batch_size)
  drop_from_memory(paths)
  n_batches = 1 + 2 * n_workers
  begin = time.perf_counter()
  for _ in range(n_batches):
    next(batches)
  seconds = time.perf_counter() - begin
  batches.close()
  return n_batches * batch_size / seconds


def _streamed(
  source, paths, seconds: float, batch_size: int, sequences_per_s: float
) -> dict:
  """Steps of a stated length, and how long each waits for its batch."""
  batches = _running(source, N_WORKERS, batch_size)
  step_s, waits = batch_size / sequences_per_s, []
  time.sleep(step_s)  # one step, in which the loaders fill up again
  begin = time.perf_counter()
  while time.perf_counter() - begin < seconds:
    asked = time.perf_counter()
    next(batches)
    got = time.perf_counter()
    waits.append(got - asked)
    drop_from_memory(paths)
    time.sleep(max(0.0, step_s - (time.perf_counter() - got)))
  stream_s = time.perf_counter() - begin
  batches.close()
  return {
    'stream_s': round(stream_s, 1),
    'steps': len(waits),
    'wait_share': round(sum(waits) / stream_s, 5),
    'longest_wait_s': round(max(waits), 3),
    'replaced': sum(batches.replaced.values()),
  }


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--seconds', type=float, default=60.0)
  parser.add_argument('--files', type=int, default=2000)
  parser.add_argument('--batch-size', type=int, default=8)
  parser.add_argument('--sequences-per-s', type=float, default=1.0)
  parser.add_argument('--folder')
  parser.add_argument('--keep', action=argparse.BooleanOptionalAction)
  asked = parser.parse_args()
  found = measure(
    seconds=asked.seconds,
    n_files=asked.files,
    batch_size=asked.batch_size,
    sequences_per_s=asked.sequences_per_s,
    folder=asked.folder,
  )
  print(json.dumps(found))
  if asked.keep is not False:
    table.keep('image_sequences', found)
