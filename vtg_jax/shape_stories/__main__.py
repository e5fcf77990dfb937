"""Writes ShapeStories as files.

python -m vtg_jax.shape_stories OUT --seeds 2000000:2000500
python -m vtg_jax.shape_stories OUT --seeds 9800000:9800003 --long
"""

import argparse
import sys

from rich.console import Console
from rich.progress import Progress

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.benchmark_folder import write_benchmark
from vtg_jax.shape_stories.config import (
  COMBINATIONS,
  PRESETS,
  StoryConfig,
)
from vtg_jax.shape_stories.long_config import (
  LONG_PRESETS,
  LongConfig,
  parse_minutes,
)


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
  parser.add_argument(
    '--long', action='store_true', help='half an hour to two hours each'
  )
  parser.add_argument(
    '--minutes', metavar='LEAST:MOST', help='other lengths of long videos'
  )
  parser.add_argument('--workers', type=int, default=1, metavar='N')
  options = parser.parse_args(arguments)
  progress = Progress(console=Console(stderr=True))
  task = progress.add_task('videos', total=None)
  try:
    seeds = parse_seeds(options.seeds)
    config = _config(options)
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


def _config(options) -> StoryConfig | LongConfig:
  changes = {'combinations': options.combinations}
  if options.minutes is not None:
    changes['duration_s'] = parse_minutes(options.minutes)
  if options.long:
    return LONG_PRESETS[options.config](**changes)
  if options.minutes is not None:
    raise BadInput('--minutes is for long videos; add --long')
  return PRESETS[options.config](**changes)


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
