"""The `vtg` command: what holds for every verb of `commands/`."""

import contextlib
import errno
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

import vtg_jax
from vtg_jax import report
from vtg_jax.commands import (
  answer,
  build_grounded_qa,
  build_internvid_g,
  calibrate,
  caption,
  conversion,
  describe,
  evaluate,
  ground,
  highlight,
  index,
  plan,
  search,
  train,
  verify,
)
from vtg_jax.errors import BadInput

app = typer.Typer(
  name='vtg',
  help='Video temporal grounding: when does it happen, how sure, or not at '
  'all.',
  add_completion=False,
  pretty_exceptions_enable=False,
  rich_markup_mode=None,
)


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


for _verb in (
  ground.ground,
  caption.caption,
  describe.describe,
  answer.answer,
  highlight.highlight,
  index.index,
  search.search,
  verify.verify,
  conversion.convert,
  conversion.export,
  build_internvid_g.build_internvid_g,
  build_grounded_qa.build_grounded_qa,
  train.train,
  plan.plan,
  evaluate.evaluate,
  calibrate.calibrate,
):
  app.command()(_verb)


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
  return report.one_line(said)


def _index(arguments: list[str], word: str) -> int:
  return arguments.index(word) if word in arguments else len(arguments)
