"""`vtg convert` and `vtg export`: PyTorch files to ours, and back."""

from pathlib import Path
from typing import Annotated

import typer

from vtg_jax import report


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
      help="A published size by name, such as HawkEye's stage2 or TimeChat's "
      'start, or JSON with the sizes.',
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
