"""Whether the input pipeline keeps up: waiting, loading, seeking.

python -m benchmarks.table input_pipeline

    wait   trains the small HawkEye for a few steps, 2 loader processes, data
           drawn while it trains and data from MP4 files; how much of the wall
           time the step waited for a batch
    load   samples a second of the same data with 0, 1 and 2 loader processes
    seek   random crops of 60 s out of a file of 10 minutes, 12 frames each:
           pictures decoded, against decoding from the start of the file
"""

import json
import pathlib
import random
import statistics
import tempfile
import time
from collections.abc import Mapping

import numpy as np

from input_pipeline import hawkeye_samples, training_sources
from input_pipeline.encode_video import Encoding
from input_pipeline.hawkeye_clips import choose_frames
from input_pipeline.video import open_video
from vtg_jax import config_file
from vtg_jax.shape_stories import make_story, standard, write_mp4
from vtg_jax.systems import registry
from vtg_jax.systems.config_json import from_json
from vtg_jax.testing.numbered_video import write_numbered_video
from vtg_jax.train.loop import fit
from vtg_jax.train.options import FitOptions

N_WORKERS = 2
_BATCH_SIZE = 16
_WHERE = {'stories': 'drawn', 'files': 'from MP4 files'}


def measure(steps: int = 40, n_files: int = 48, n_crops: int = 20) -> dict:
  """One row of figures; see the module.

  Returns:
    `wait_share_<data>`, `step_s_<data>` and `samples_per_s_<data>_<workers>`
    for data in stories and files; `seek_pictures` and `seek_share`, medians
    over the crops, and `seek_ms`.
  """
  row = {'steps': steps, 'batch_size': _BATCH_SIZE, 'n_workers': N_WORKERS}
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    _write_files(folder, n_files)
    for data in _WHERE:
      config = _config(folder, data, steps)
      row |= _trained(config, folder / f'run_{data}', data)
      for n_workers in (0, 1, N_WORKERS):
        rate = _loaded(config, n_workers, n_batches=8)
        row[f'samples_per_s_{data}_{n_workers}'] = round(rate, 1)
    row |= _sought(folder / 'long.mp4', n_crops)
  return row


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  out = []
  for data, where in _WHERE.items():
    loaded = ', '.join(
      f'{result[f"samples_per_s_{data}_{n}"]:g}' for n in (0, 1, N_WORKERS)
    )
    out += [
      (
        f'small HawkEye, data {where}, {result["n_workers"]} loader processes: '
        'share of the time that the step waits',
        f'{result[f"wait_share_{data}"]:.1%} of '
        f'{result[f"step_s_{data}"]:.2f} s a step',
        '< 5 %',
      ),
      (
        f'samples/s {where} with 0, 1, {N_WORKERS} loader processes',
        loaded,
        '',
      ),
    ]
  out.append(
    (
      '12 frames of a random 60 s out of 10 minutes: pictures decoded, over '
      'decoding from the start',
      f'{result["seek_share"]:.2f} ({result["seek_pictures"]} pictures, '
      f'{result["seek_ms"]:.0f} ms)',
      '< 1',
    )
  )
  return out


def _write_files(folder: pathlib.Path, n_files: int) -> None:
  """Stories as MP4 files, and the items about them."""
  (folder / 'videos').mkdir()
  sentences = []
  for seed in range(n_files):
    story = make_story(standard(), seed)
    write_mp4(story, folder / 'videos' / f'{seed}.mp4')
    sentences += [
      hawkeye_samples.GroundedSentence(
        video=f'{seed}.mp4',
        sentence=query.text,
        start_s=query.start_s,
        end_s=query.end_s,
        negative_start_s=query.negative_start_s,
        negative_end_s=query.negative_end_s,
      )
      for query in story.queries
    ]
  items = hawkeye_samples.choice_items(
    sentences,
    training_sources.INSTRUCTIONS,
    training_sources.QUESTIONS,
    random.Random(0),
  )
  (folder / 'train.json').write_text(json.dumps(items))


def _config(folder: pathlib.Path, data: str, steps: int) -> dict:
  """The small experiment on one kind of data, shortened."""
  config = config_file.read_config(
    'hawkeye/small',
    [
      'start.preset=small',
      'start.init_from=None',
      # Files do not say what each part of a frame shows.
      'task=answers',
      'data.label_grid=0',
      f'steps={steps}',
      f'batch_size={_BATCH_SIZE}',
      'log_every=1000000',
      'checkpoint_every=1000000',
      f'data.loader.n_workers={N_WORKERS}',
    ],
  )
  if data == 'files':
    config['data']['stories'] = ()
    config['data']['files'] = (
      {
        'annotations': str(folder / 'train.json'),
        'videos': str(folder / 'videos'),
      },
    )
  return config


def _task(config: Mapping) -> tuple[object, FitOptions]:
  own = {name for name in FitOptions.__dataclass_fields__ if name in config}
  options = from_json(FitOptions, {n: config[n] for n in own}, 'the config')
  rest = {n: v for n, v in config.items() if n not in own | {'system'}}
  return registry.system(config['system']).function('train')(rest), options


def _trained(config: Mapping, folder: pathlib.Path, data: str) -> dict:
  task, options = _task(config)
  begin = time.perf_counter()
  done = fit(task, options, folder=folder, config=config)
  seconds = time.perf_counter() - begin
  return {
    f'wait_share_{data}': round(done.wait_share, 4),
    f'step_s_{data}': round(seconds / done.step, 3),
  }


def _loaded(config: Mapping, n_workers: int, *, n_batches: int) -> float:
  """Samples a second, once the loaders run."""
  loader = {**config['data']['loader'], 'n_workers': n_workers}
  data = {**config['data'], 'loader': loader}
  task, _ = _task({**config, 'data': data})
  batches = task.batches(batch_size=_BATCH_SIZE, seed=0)
  # What the loaders keep ready was made before the clock starts.
  for _ in range(1 + n_workers * loader['n_buffered']):
    next(batches)
  begin = time.perf_counter()
  for _ in range(n_batches):
    next(batches)
  seconds = time.perf_counter() - begin
  batches.close()
  return n_batches * _BATCH_SIZE / seconds


def _sought(path: pathlib.Path, n_crops: int) -> dict:
  fps, duration_s, crop_s = 25.0, 600.0, 60.0
  encoding = Encoding(fps=fps, gop=250, preset='ultrafast')
  n_frames = int(fps * duration_s)
  write_numbered_video(path, n_frames, encoding, width=160, height=96)
  rng = np.random.default_rng(0)
  pictures, shares, seconds = [], [], []
  for start_s in rng.uniform(0, duration_s - crop_s, n_crops):
    video = open_video(path, resize=None)
    chosen = choose_frames(
      video, (start_s, start_s + crop_s), 'rand', num_frames=12, rng=rng
    )
    begin = time.perf_counter()
    video.get(chosen.ids)
    seconds.append(time.perf_counter() - begin)
    pictures.append(video.count.pictures)
    shares.append(video.count.pictures / (int(chosen.ids[-1]) + 1))
  return {
    'seek_pictures': statistics.median(pictures),
    'seek_share': round(statistics.median(shares), 3),
    'seek_ms': round(1000 * statistics.median(seconds), 1),
  }


if __name__ == '__main__':
  print(json.dumps(measure()))
