"""Writes ShapeStories as files.

python -m vtg_jax.shape_stories OUT --seeds 2000000:2000500
"""

import argparse
import sys

from rich.console import Console
from rich.progress import Progress

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.benchmark_folder import write_benchmark
from vtg_jax.shape_stories.config import COMBINATIONS, PRESETS


def main(arguments: list[str] | None = None) -> int:
  """Reads the command line and writes the folder; returns the exit code."""
  parser = argparse.ArgumentParser(
    prog='python -m vtg_jax.shape_stories',
    description='Write videos and annotations of the ShapeStories benchmark.',
  )
  parser.add_argument('out', metavar='OUT', help='the folder')
  parser.add_argument(
    '--seeds', metavar='START:END', required=True, help='END is excluded'
  )
  parser.add_argument('--config', choices=PRESETS, default='standard')
  parser.add_argument('--combinations', choices=COMBINATIONS, default='seen')
  parser.add_argument('--workers', type=int, default=1, metavar='N')
  options = parser.parse_args(arguments)
  config = PRESETS[options.config](combinations=options.combinations)
  progress = Progress(console=Console(stderr=True))
  task = progress.add_task('videos', total=None)
  try:
    seeds = parse_seeds(options.seeds)
    with progress:
      write_benchmark(
        options.out,
        config,
        seeds,
        workers=options.workers,
        on_progress=lambda done, total: progress.update(
          task, completed=done, total=total
        ),
      )
      progress.update(task, completed=len(seeds), total=len(seeds))
  except BadInput as error:
    print(error, file=sys.stderr)
    return 2
  return 0


def parse_seeds(text: str) -> range:
  """'5:8' gives range(5, 8).

  Raises:
    BadInput: it is no such text, or no seed is in it.
  """
  start, _, end = text.partition(':')
  if start.isdecimal() and end.isdecimal() and int(start) < int(end):
    return range(int(start), int(end))
  raise BadInput(f'{text!r} is no range of seeds; give START:END, such as 0:9')


if __name__ == '__main__':
  sys.exit(main())
