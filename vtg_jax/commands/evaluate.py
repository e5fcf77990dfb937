"""`vtg evaluate`: a benchmark's own scores from its own files."""

from pathlib import Path
from typing import Annotated

import typer

from vtg_jax import report
from vtg_jax.commands.evaluate_together import evaluate_together
from vtg_jax.commands.json_option import Json

# Where the configs of this verb are, among the packaged ones.
FOLDER = 'evaluate'


def evaluate(
  config: Annotated[
    str,
    typer.Argument(
      metavar='CONFIG',
      help='A benchmark such as shape_stories or charades_sta, or a Python '
      'file with get_config; what follows a colon is its argument: '
      'shape_stories:quicktest.',
    ),
  ],
  overrides: Annotated[
    list[str] | None,
    typer.Argument(
      metavar='[KEY=VALUE]...',
      help='Entries to set: annotations=test.json seeds=2000000:2000100.',
    ),
  ] = None,
  model: Annotated[
    list[str] | None,
    typer.Option(
      metavar='DIR|NAME',
      help='A checkpoint folder, or a shipped one by name, such as '
      'grounded_videollm_small; hawkeye_small when left out. Given several '
      'times, the models are compared.',
    ),
  ] = None,
  out: Annotated[
    Path | None,
    typer.Option(
      metavar='DIR',
      help='Where the results go; a run found there goes on. '
      "out/evaluate/ and the config's name when left out.",
    ),
  ] = None,
  as_json: Json = False,
) -> None:
  """Score a model on a benchmark, or go on where a run stood."""
  from vtg_jax import config_file

  path, colon, argument = config.partition(':')
  is_file = path.endswith('.py')
  values = config_file.read_config(config, overrides or (), within=FOLDER)
  if out is None:
    stem = Path(path).stem if is_file else Path(path).name
    out = Path('out') / FOLDER / (f'{stem}-{argument}' if colon else stem)
  if model and len(model) > 1:
    evaluate_together(
      config, overrides or (), values, models=model, out=out, as_json=as_json
    )
    return
  from vtg_jax.evaluation import evaluate as run
  from vtg_jax.moments.calibration import read_calibration
  from vtg_jax.systems import registry
  from vtg_jax.systems.fingerprint import model_fingerprint

  report.keep_compilations()
  folder = registry.folder_of(model[0] if model else registry.SHIPPED)
  # A benchmark scores the system's own confidence; it calibrates it anew, or
  # looks at what the checkpoint says that it is worth.
  grounder = registry.load(folder, calibrated=False)
  if grounder.notice:
    report.notice(grounder.notice)
  with report.progress('evaluating') as on_progress:
    done = run.evaluate(
      values,
      grounder,
      model=model_fingerprint(folder),
      out=out,
      stored=read_calibration(folder),
      on_progress=on_progress,
    )
  if as_json:
    report.print_json({**done.document, 'folder': str(done.folder)})
  else:
    report.print_table(done.head, done.body)
    for line in done.remarks:
      print(line)
    print(f'written to {done.folder}')
  n_failed, n = done.n_failed, done.n_samples
  if n_failed:
    report.notice(
      f'{n_failed} of {n} samples failed; samples.jsonl in {done.folder} says '
      'why'
    )
  if n and n_failed == n:
    raise typer.Exit(1)
