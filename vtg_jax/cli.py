"""The `vtg` command: one verb a function, thin; heavy imports inside verbs."""

import contextlib
import errno
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

import vtg_jax
from vtg_jax import report
from vtg_jax.errors import BadInput

PICTURES = ('.png', '.svg', '.pdf')
THUMBNAILS = 10

app = typer.Typer(
  name='vtg',
  help='Video temporal grounding: when does it happen, how sure, or not at '
  'all.',
  add_completion=False,
  pretty_exceptions_enable=False,
  rich_markup_mode=None,
)

Json = Annotated[
  bool, typer.Option('--json', help='Print one JSON document instead.')
]


@app.callback(invoke_without_command=True)
def vtg(
  context: typer.Context,
  version: Annotated[
    bool, typer.Option('--version', help='Print the version and stop.')
  ] = False,
  debug: Annotated[
    bool, typer.Option('--debug', help='Show the traceback of an error.')
  ] = False,
) -> None:
  """What holds for every verb."""
  del debug  # main takes it from the command line, wherever it stands
  if version:
    print(f'vtg {vtg_jax.__version__}')
    raise typer.Exit
  if context.invoked_subcommand is None:
    print(context.get_help())
    raise typer.Exit(2)


@app.command()
def ground(
  video: Annotated[
    Path,
    typer.Argument(metavar='VIDEO', help='A video file or folder of frames.'),
  ],
  queries: Annotated[
    list[str],
    typer.Argument(metavar='QUERY', help='What to look for, in words.'),
  ],
  model: Annotated[
    str | None,
    typer.Option(
      metavar='DIR',
      help='A checkpoint folder; the small shipped one when left out.',
    ),
  ] = None,
  top_k: Annotated[
    int | None, typer.Option(help='Moments a query, best first.')
  ] = None,
  as_json: Json = False,
  plot: Annotated[
    Path | None,
    typer.Option(metavar='FILE', help='Draw a timeline: .png, .svg or .pdf.'),
  ] = None,
  sampling: Annotated[
    Literal['timestamp', 'paper'] | None,
    typer.Option(help="Frames by time, or by the paper's index arithmetic."),
  ] = None,
  resize: Annotated[
    Literal['pil', 'swscale'] | None,
    typer.Option(help='Exact resizing, or the fast one.'),
  ] = None,
  mode: Annotated[
    Literal['score', 'generate'] | None,
    typer.Option(help='Score the choices, or parse generated text.'),
  ] = None,
  rounds: Annotated[
    int | None, typer.Option(help='At most so many search rounds.')
  ] = None,
  orders: Annotated[
    int | None,
    typer.Option(help='Average scores over so many option orders.'),
  ] = None,
  beam: Annotated[
    int | None, typer.Option(help='Intervals kept in each round.')
  ] = None,
  absent_below: Annotated[
    float | None,
    typer.Option(
      metavar='P',
      help='Answer "not in this video" below this score. Off by default; '
      'scores are uncalibrated, so choose P on your own videos.',
    ),
  ] = None,
  seed: Annotated[
    int | None, typer.Option(help='Seed of the option orders.')
  ] = None,
) -> None:
  """Say when each QUERY happens in VIDEO, and how sure that is."""
  for query in queries:
    _check_query(query)
  if absent_below is not None and not 0 <= absent_below <= 1:
    raise BadInput(
      f'--absent-below is {absent_below}, which is no probability; give a '
      'number from 0 to 1'
    )
  _check_least(1, top_k=top_k, rounds=rounds, orders=orders, beam=beam)
  _check_least(0, seed=seed)
  if plot is not None:
    report.check_output(plot, PICTURES, keep=video)
  options = {
    'top_k': top_k,
    'sampling': sampling,
    'mode': mode,
    'max_rounds': rounds,
    'n_orders': orders,
    'beam_width': beam,
    'absent_below': absent_below,
    'seed': seed,
  }
  # What is not given is the system's to decide.
  given = {key: value for key, value in options.items() if value is not None}
  report.keep_compilations()
  grounder = vtg_jax.load(*([] if model is None else [model]))
  with report.progress('reading frames') as on_progress:
    frames = grounder.open_video(
      video, on_progress=on_progress, **({'resize': resize} if resize else {})
    )
    answers = grounder.ground(frames, queries, **given)
  if grounder.notice:
    report.notice(grounder.notice)
  if as_json:
    report.print_json(
      {
        'video': str(video),
        'duration_s': float(frames.duration_s),
        'notice': grounder.notice,
        'moments': [answer.to_json() for answer in answers],
      }
    )
  else:
    report.print_moments(answers)
  if plot is not None:
    _plot(answers, frames, video.name, grounder.notice, plot)


def _check_query(query: str) -> None:
  if not query.strip():
    raise BadInput(f'the query {query!r} is empty; say what to look for')
  try:
    query.encode()
  except UnicodeEncodeError:
    raise BadInput(
      f'the query {query!r} is not valid UTF-8; type it in a UTF-8 terminal'
    ) from None


def _check_least(least: int, **options: int | None) -> None:
  for name, value in options.items():
    if value is not None and value < least:
      option = name.replace('_', '-')
      raise BadInput(f'--{option} is {value}; give a number from {least} up')


def _plot(answers, frames, title: str, notice: str, path: Path) -> None:
  """Writes the timeline, with thumbnails at even times of the video."""
  from vtg_jax.timeline import draw_timeline

  n = min(THUMBNAILS, frames.n_frames)
  times_s = [(i + 0.5) * frames.duration_s / n for i in range(n)]
  thumbnails = frames.get(frames.frame_at(times_s))
  with report.written_whole(path) as partial:
    draw_timeline(
      answers,
      duration_s=frames.duration_s,
      thumbnails=thumbnails,
      thumbnail_times_s=times_s,
      title=title,
      notice=notice,
      path=partial,
    )


@app.command()
def verify(
  folder: Annotated[
    Path, typer.Argument(metavar='DIR', help='A folder of golden files.')
  ],
  out: Annotated[
    Path | None,
    typer.Option(metavar='FILE.npz', help='Write the replayed arrays.'),
  ] = None,
  as_json: Json = False,
  verbose: Annotated[
    bool, typer.Option('--verbose', help='A line for every single case.')
  ] = False,
) -> None:
  """Replay a golden folder through our modules; exit 1 on any difference."""
  if out is not None:
    report.check_output(out, ('.npz',), keep=folder)
  import dataclasses

  from vtg_jax.systems import registry

  report.keep_compilations()
  comparisons, arrays = registry.replay(folder)
  if out is not None:
    import numpy as np

    with report.written_whole(out) as partial:
      np.savez(partial, **arrays)
  passed = bool(comparisons) and all(c.passed for c in comparisons)
  if as_json:
    report.print_json(
      {
        'folder': str(folder),
        'passed': passed,
        'comparisons': [dataclasses.asdict(c) for c in comparisons],
      }
    )
  else:
    report.print_comparisons(comparisons, verbose=verbose)
  if not passed:
    raise typer.Exit(1)


@app.command()
def convert(
  system: Annotated[
    str, typer.Argument(metavar='SYSTEM', help='The published system.')
  ],
  sources: Annotated[
    list[Path],
    typer.Argument(metavar='SRC', help='Released files and folders.'),
  ],
  out: Annotated[
    Path, typer.Option(metavar='DIR', help='The checkpoint folder to make.')
  ],
  config: Annotated[
    str | None,
    typer.Option(
      metavar='NAME|FILE',
      help="A published size by name (HawkEye's are full and stage2), or JSON "
      'with the sizes.',
    ),
  ] = None,
  tokenizers: Annotated[
    list[Path] | None,
    typer.Option(
      '--tokenizer',
      metavar='FILE',
      help='A tokenizer file that lies in no source folder; may be repeated.',
    ),
  ] = None,
  overwrite: Annotated[
    bool, typer.Option('--overwrite', help='Replace an older checkpoint.')
  ] = False,
) -> None:
  """Turn released PyTorch files into a checkpoint folder of ours."""
  from vtg_jax.systems import registry

  options = {
    'config': config,
    'tokenizers': tokenizers,
    'overwrite': overwrite,
  }
  given = {key: value for key, value in options.items() if value}
  with report.progress('converting') as progress:
    done = registry.convert(system, sources, out, progress=progress, **given)
  report.print_conversion(done)


@app.command()
def export(
  folder: Annotated[
    Path, typer.Argument(metavar='DIR', help='A checkpoint folder of ours.')
  ],
  out: Annotated[
    Path, typer.Option(metavar='DIR', help='The PyTorch folder to make.')
  ],
  pth: Annotated[
    bool,
    typer.Option('--pth', help='Also as PyTorch files; needs PyTorch.'),
  ] = False,
) -> None:
  """Turn a checkpoint folder of ours back into the released layout."""
  from vtg_jax.systems import registry

  given = {'as_pth': True} if pth else {}
  with report.progress('exporting') as progress:
    files = registry.export(folder, out, progress=progress, **given)
  for file in files:
    print(file)


def main(arguments: Sequence[str] | None = None) -> int:
  """Runs one command line.

  Args:
    arguments: without the program's name; None takes the process's own.

  Returns:
    The exit code: 0, 1 when `verify` finds a difference or something
    unforeseen happens, 2 for bad input, 130 when interrupted.
  """
  arguments = list(sys.argv[1:] if arguments is None else arguments)
  options = arguments[: _index(arguments, '--')]
  debug = '--debug' in options
  arguments = [a for a in options if a != '--debug'] + arguments[len(options) :]
  for stream in (sys.stdout, sys.stderr):
    with contextlib.suppress(AttributeError):
      stream.reconfigure(errors='backslashreplace')
  # A job that is ended from outside cleans up as an interrupted one does.
  for name in ('SIGTERM', 'SIGHUP'):
    with contextlib.suppress(AttributeError, ValueError):
      signal.signal(getattr(signal, name), _leave)
  try:
    code = app(arguments, prog_name='vtg', standalone_mode=False)
    return code if isinstance(code, int) else 0
  except Exception as error:
    if debug:
      raise
    said, code = explain(error)
    print(f'vtg: error: {said}', file=sys.stderr)
    return code


def _leave(number: int, _) -> None:
  raise SystemExit(128 + number)


def explain(error: Exception) -> tuple[str, int]:
  """One sentence for the user, and the exit code."""
  match error:
    case BadInput():
      return _sentence(str(error)), 2
    case TyperException():
      said = _sentence(error.format_message()).rstrip('.')
      return f'{said}; vtg --help lists what there is', error.exit_code
    case OSError(errno=errno.ENOSPC | errno.EDQUOT):
      where = f' for {error.filename!r}' if error.filename else ''
      return f'the disk is full{where}; free some space and run it again', 2
    case OSError(strerror=str(), filename=str() | bytes() | Path()):
      reason = error.strerror.lower()
      return f'{str(error.filename)!r}: {reason}; check the path', 2
    case MemoryError():
      return 'out of memory; use a smaller model, or fewer queries at once', 1
  name = type(error).__name__
  said = _sentence(str(error))
  return f'{name}: {said}; run with --debug for the traceback', 1


def _sentence(said: str) -> str:
  return ' '.join(said.split())


def _index(arguments: list[str], word: str) -> int:
  return arguments.index(word) if word in arguments else len(arguments)
