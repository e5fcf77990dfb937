"""`vtg calibrate`: what a checkpoint's scores are worth, kept in its folder."""

from pathlib import Path
from typing import Annotated

import typer

from vtg_jax import report
from vtg_jax.commands.evaluate import FOLDER
from vtg_jax.commands.evaluate_together import calibrate_together


def calibrate(
  config: Annotated[
    str,
    typer.Argument(
      metavar='CONFIG',
      help='A benchmark that has videos to calibrate on, such as '
      'long_stories; nothing else of it is asked.',
    ),
  ],
  overrides: Annotated[
    list[str] | None,
    typer.Argument(
      metavar='[KEY=VALUE]...',
      help='Entries to set: calibration_seeds=9700000:9700010 hit_iou=0.3.',
    ),
  ] = None,
  model: Annotated[
    list[str] | None,
    typer.Option(
      metavar='DIR',
      help='The checkpoint folder; its calibration.json is written, or '
      'replaced. Given several times, it is learnt what the models are worth '
      'together, which goes into the agreement.json beside the first folder.',
    ),
  ] = None,
  out: Annotated[
    Path | None,
    typer.Option(
      metavar='DIR',
      help='Where the answers go; a run found there goes on. out/calibrate '
      "and the config's name when left out.",
    ),
  ] = None,
) -> None:
  """Learn on held-out videos how often a checkpoint's scores come true."""
  from vtg_jax import config_file
  from vtg_jax.errors import BadInput

  if not model:
    raise BadInput('no checkpoint is given to calibrate; name it with --model')
  values = config_file.read_config(config, overrides or (), within=FOLDER)
  if out is None:
    out = Path('out') / 'calibrate' / Path(config.partition(':')[0]).stem
  if len(model) > 1:
    calibrate_together(values, models=model, out=out)
    return
  from vtg_jax.evaluation import calibrate as run
  from vtg_jax.moments.calibration import write_calibration
  from vtg_jax.systems import registry
  from vtg_jax.systems.fingerprint import model_fingerprint

  report.keep_compilations()
  folder = registry.folder_of(model[0])
  grounder = registry.load(folder, calibrated=False)
  with report.progress('calibrating') as on_progress:
    found = run.calibrate(
      values,
      grounder,
      model=model_fingerprint(folder),
      out=out,
      on_progress=on_progress,
    )
  path = write_calibration(folder, found)
  print(
    f'{path}: {found.n_present} sentences that happen and '
    f'{len(found.absent_scores)} that do not; right is an IoU above '
    f'{found.hit_iou:g}'
  )
