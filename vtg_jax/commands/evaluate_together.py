"""What `vtg evaluate` and `vtg calibrate` do with several models."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from vtg_jax import report


def evaluate_together(
  config: str,
  overrides: Sequence[str],
  values: Mapping[str, Any],
  *,
  models: Sequence[str],
  out: Path,
  as_json: bool,
) -> None:
  """Evaluates each model in a process of its own, then compares them.

  So the memory of one does not count as another's. A run that was cut off is
  gone on with.

  Args:
    config: name of the benchmark's config.
    overrides: of it.
    values: the config, overridden.
    models: folders, or names of shipped ones.
    out: a folder for each model's results is in it.
    as_json: print the figures as JSON.

  Raises:
    BadInput: a model is none or is given twice, or the benchmark's runs cannot
      be compared.
  """
  from vtg_jax.evaluation.model_comparison import (
    check_comparable,
    compare_models,
  )
  from vtg_jax.systems.together import model_folders

  folders = model_folders(models)
  check_comparable(values)
  for name, folder in folders.items():
    report.notice(f'evaluating {name}')
    done = subprocess.run(
      [
        *(sys.executable, '-m', 'vtg_jax', 'evaluate', config, *overrides),
        *('--model', str(folder), '--out', str(out / name)),
      ],
      stdout=subprocess.DEVNULL,
    )
    if done.returncode:
      raise typer.Exit(done.returncode)
  found = compare_models(values, folders, out)
  if as_json:
    report.print_json({**found.document, 'folder': str(found.folder)})
    return
  for table in found.tables:
    print(f'\n{table.title}')
    report.print_table(table.head, table.body)
    for line in table.remarks:
      print(line)
  print(f'written to {found.folder}')


def calibrate_together(
  values: Mapping[str, Any], *, models: Sequence[str], out: Path
) -> None:
  """Learns what several models' answers are worth together, and keeps it.

  Args:
    values: config of a benchmark that has videos to calibrate on.
    models: folders, or names of shipped ones.
    out: a folder for each model's answers is in it.

  Raises:
    BadInput: see `calibrate` and `fit_joint`.
  """
  from vtg_jax.evaluation import calibrate as run
  from vtg_jax.evaluation.items import CALIBRATION
  from vtg_jax.evaluation.joint_answers import fit_all_joint, side_by_side
  from vtg_jax.evaluation.model_comparison import check_comparable, learnt_on
  from vtg_jax.moments.joint_confidence import write_joint
  from vtg_jax.systems import registry
  from vtg_jax.systems.fingerprint import model_fingerprint
  from vtg_jax.systems.together import check_grounds, joint_file, model_folders

  folders = model_folders(models)
  check_comparable(values)
  report.keep_compilations()
  fingerprints = {
    name: model_fingerprint(folder) for name, folder in folders.items()
  }
  lines = {}
  for name, folder in folders.items():
    grounder = registry.load(folder, calibrated=False)
    check_grounds(name, grounder)
    with report.progress(f'calibrating {name}') as on_progress:
      _, _, lines[name] = run.held_out(
        values,
        grounder,
        model=fingerprints[name],
        out=out / name,
        on_progress=on_progress,
      )
  found = fit_all_joint(
    fingerprints,
    side_by_side(lines, CALIBRATION),
    hit_iou=values['hit_iou'],
    fitted_on=learnt_on(values),
  )
  first, *_ = folders.values()
  path = joint_file(first)
  write_joint(path, found)
  of_all = found[-1]
  print(
    f'{path}: {of_all.n_present} sentences that happen and {of_all.n_absent} '
    f'that do not; right is an IoU above {of_all.hit_iou:g}'
  )
