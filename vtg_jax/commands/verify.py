"""`vtg verify`: a golden folder through our modules."""

from pathlib import Path
from typing import Annotated

import typer

from vtg_jax import report
from vtg_jax.commands.json_option import Json


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
