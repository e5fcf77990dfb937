"""`vtg train`: from a config to a trained checkpoint folder."""

import contextlib
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from vtg_jax import report
from vtg_jax.errors import BadInput

# What a plain line shows of a step, and how.
SHOWN = {
  'loss': '.4f',
  'learning_rate': '.2e',
  'grad_norm': '.3g',
  'samples_per_second': '.4g',
  'tokens_per_second': '.4g',
  'data_wait': '.1%',
  'mfu': '.1%',
}


def train(
  config: Annotated[
    str,
    typer.Argument(
      metavar='CONFIG',
      help='A Python file with get_config, or a name such as hawkeye/small; '
      'what follows a colon is its argument: hawkeye/small:quicktest.',
    ),
  ],
  overrides: Annotated[
    list[str] | None,
    typer.Argument(
      metavar='[KEY=VALUE]...', help='Entries to set: optimiser.peak=1e-4.'
    ),
  ] = None,
  folder: Annotated[
    Path | None,
    typer.Option(
      metavar='DIR',
      help='Where checkpoints, logs, curve and model go; a run found there '
      "goes on. out/ and the config's name when left out.",
    ),
  ] = None,
  distributed: Annotated[
    bool,
    typer.Option(
      '--distributed',
      help='One of several processes: found out on TPU, SLURM and GKE, else '
      'from JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID.',
    ),
  ] = False,
  cpu_devices: Annotated[
    int | None,
    typer.Option(
      metavar='N',
      min=1,
      help='Share the CPU among N devices, one for each core: each takes a '
      'part of every batch, which is faster than all cores on all of it.',
    ),
  ] = None,
) -> None:
  """Train by CONFIG on the devices there are, or go on where a run stood."""
  from vtg_jax import config_file

  values = config_file.read_config(config, overrides or ())
  folder = folder or Path('out') / _name(config)
  if cpu_devices is not None:
    _divide_cpu(cpu_devices)
  if distributed:
    _join_processes()
  from vtg_jax.commands.training_config import taken_apart
  from vtg_jax.train.loop import fit

  report.keep_compilations()
  system, options, rest = taken_apart(config, values)
  task = system.function('train')(rest)
  with _shown() as show:
    done = fit(
      task,
      options,
      folder=folder,
      config=values,
      show=show,
      notice=report.notice,
    )
  if done.stopped_by is not None:
    report.notice(
      f'{done.stopped_by} stopped training after step {done.step} of '
      f'{done.total_steps}, which is saved; the same command goes on from there'
    )
    raise typer.Exit(128 + getattr(signal, done.stopped_by))
  import jax

  if jax.process_index() == 0:
    from vtg_jax.train.curve import draw_curve
    from vtg_jax.train.log import FILE, read_json_lines

    draw_curve(read_json_lines(folder / FILE), path=folder / 'curve.png')
  print(done.model)


def _name(config: str) -> str:
  """hawkeye/small:quicktest -> hawkeye/small-quicktest; a/b.py -> b."""
  path, colon, argument = config.partition(':')
  name = Path(path).stem if path.endswith('.py') else path
  return f'{name}-{argument}' if colon and argument else name


def _divide_cpu(n_devices: int) -> None:
  import jax

  try:
    jax.config.update('jax_num_cpu_devices', n_devices)
  except RuntimeError as error:
    raise BadInput(
      f'--cpu-devices {n_devices} cannot be had ({error}); give it when '
      'nothing has used jax before, and not with XLA_FLAGS that say otherwise'
    ) from error


def _join_processes() -> None:
  import jax

  given = {}
  for name, variable in (
    ('num_processes', 'JAX_NUM_PROCESSES'),
    ('process_id', 'JAX_PROCESS_ID'),
  ):
    text = os.environ.get(variable)
    if text is not None and not text.isdecimal():
      raise BadInput(f'{variable} is {text!r}; give a whole number')
    if text is not None:
      given[name] = int(text)
  try:
    jax.distributed.initialize(**given)
  except ValueError as error:
    raise BadInput(
      f'--distributed found no other processes ({error}); set '
      'JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID'
    ) from error
  # They connect now, while all are here: on CPU a process waits only 30 s for
  # the others, and they do not load their data and compile equally fast.
  from jax.experimental import multihost_utils

  multihost_utils.sync_global_devices('vtg train')


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[int, int, Mapping[str, float]], None]]:
  """A bar with the time that is left on a terminal, plain lines elsewhere."""
  if not sys.stderr.isatty():
    yield lambda step, total, figures: print(
      f'step {step}/{total}  {_line(figures)}', file=sys.stderr, flush=True
    )
    return
  from rich import progress
  from rich.console import Console

  bar = progress.Progress(
    progress.TextColumn('step'),
    progress.MofNCompleteColumn(),
    progress.BarColumn(),
    progress.TimeElapsedColumn(),
    progress.TimeRemainingColumn(elapsed_when_finished=True),
    progress.TextColumn('{task.description}'),
    console=Console(stderr=True),
  )
  with bar:
    task = bar.add_task('compiling', total=None)
    yield lambda step, total, figures: bar.update(
      task, completed=step, total=total, description=_line(figures)
    )


def _line(figures: Mapping[str, float]) -> str:
  """'loss 2.3125  learning_rate 1.00e-05': what is there, of SHOWN."""
  shown = [
    f'{name} {figures[name]:{form}}'
    for name, form in SHOWN.items()
    if name in figures and math.isfinite(figures[name])
  ]
  parts = [
    f'{name} {value:.4f}' for name, value in figures.items() if '/' in name
  ]
  counts = [
    f'{name} {figures[name]:.0f}'
    for name in ('skipped', 'replaced')
    if figures.get(name)
  ]
  return '  '.join(shown[:1] + parts + shown[1:] + counts)
