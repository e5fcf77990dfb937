"""Arms of an ablation: stages of training, one after the other, and scores.

Arms that begin alike share what they have in common: a stage with the same
config, the same overrides and the same start is trained once.
"""

import dataclasses
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Column -> text, of one row of the table.
Cells = dict[str, str]
# 97.5 % quantiles of Student's t, by how many seeds there are.
_STUDENT_T = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
  """One run of `vtg train`.

  Attributes:
    config: name of the config.
    overrides: `key=value`, on top of what the start is.
  """

  config: str
  overrides: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arm:
  """A row of the table, or the rows of one evaluation.

  Attributes:
    name: of its folder of results.
    what: what is said of it in the table.
    start: checkpoint that the first stage starts from; None where that begins
      from nothing. Without stages, the model that is scored, which may be a
      shipped one by name.
    stages: each starts from the one before.
    scoring: in place of the ablation's.
    rows: name of a row in the scores -> what is said of it; a name that is
      not here has no row. None has one row, which is `what`.
    seeds: its last stage is trained once with each, and cells tell their mean;
      none leaves the config's own.
  """

  name: str
  what: str
  start: str | None
  stages: tuple[Stage, ...]
  scoring: tuple[str, ...] | None = None
  rows: Mapping[str, str] | None = None
  seeds: tuple[int, ...] = ()

  @property
  def said(self) -> tuple[str, ...]:
    """What is said of its rows."""
    return tuple(self.rows.values()) if self.rows else (self.what,)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ablation:
  """Arms that are compared.

  Attributes:
    name: how to ask for it.
    title: of the table.
    about: what is to be known to read it.
    arms: the rows, the model as shipped first.
    scoring: config of the evaluation and its overrides.
    columns: of the table.
    read: arm, the summary of its evaluation, folder of its model -> what is
      said of a row -> its cells.
    document: where the table goes.
    parts: name of a folder in a trained model -> what is copied there, which
      training does not.
  """

  name: str
  title: str
  about: str
  arms: tuple[Arm, ...]
  scoring: tuple[str, ...]
  columns: tuple[str, ...]
  read: Callable[[Arm, Mapping[str, Any], Path], dict[str, Cells]]
  document: Path
  parts: Mapping[str, Path] = dataclasses.field(default_factory=dict)


def of_seeds(arm: Arm) -> list[Arm]:
  """The arm once a seed, by itself where it has none."""
  if not arm.seeds:
    return [arm]
  *shared, last = arm.stages
  return [
    dataclasses.replace(
      arm,
      name=f'{arm.name}/seed_{seed}',
      stages=(
        *shared,
        dataclasses.replace(last, overrides=(*last.overrides, f'seed={seed}')),
      ),
      seeds=(),
    )
    for seed in arm.seeds
  ]


def over_seeds(found: Sequence[Mapping[str, Cells]]) -> dict[str, Cells]:
  """Rows of several seeds as one: each number's mean and its 95 % interval.

  Args:
    found: of each seed, what is said of a row -> its cells; the same rows.
  """
  if len(found) == 1:
    return dict(found[0])
  t = _STUDENT_T[len(found)] / len(found) ** 0.5

  def mean(texts: Sequence[str]) -> str:
    try:
      numbers = [float(text) for text in texts]
    except ValueError:
      return texts[0]
    half = t * statistics.stdev(numbers)
    return f'{statistics.mean(numbers):.1f} ± {half:.1f}'

  return {
    what: {column: mean([one[what][column] for one in found]) for column in row}
    for what, row in found[0].items()
  }


def folders(arm: Arm, root: Path) -> list[Path]:
  """Where each stage of an arm is trained; equal beginnings are one folder."""
  found, sha = [], hashlib.sha256((arm.start or '').encode())
  for stage in arm.stages:
    sha.update(json.dumps([stage.config, stage.overrides]).encode())
    stem = stage.config.replace('/', '-')
    found.append(root / 'stages' / f'{stem}-{sha.hexdigest()[:8]}')
  return found


def train(
  arm: Arm,
  root: Path,
  *,
  options: Sequence[str] = (),
  parts: Mapping[str, Path] | None = None,
) -> Path:
  """Trains an arm, or what is left of it; returns the folder of its model.

  Args:
    arm: what to train.
    root: folder of the ablation.
    options: further options of `vtg train`.
    parts: see `Ablation`.

  Raises:
    subprocess.CalledProcessError: a stage could not be trained.
  """
  model = None if arm.start is None else Path(arm.start)
  for stage, folder in zip(arm.stages, folders(arm, root), strict=True):
    before, model = model, folder / 'model'
    if not model.is_dir():
      start = () if before is None else (f'start.init_from={before}',)
      run = [stage.config, *stage.overrides, *start, '--folder', str(folder)]
      _vtg('train', *run, *options)
  for name, part in (parts or {}).items():
    if arm.stages and not (model / name).is_dir():
      copied = shutil.copytree(part, model / f'.{name}', dirs_exist_ok=True)
      Path(copied).rename(model / name)
  return model


def score(
  ablation: Ablation, arm: Arm, model: Path, root: Path
) -> dict[str, Cells]:
  """The rows of what `vtg evaluate` finds about an arm's model."""
  out = root / 'scores' / arm.name
  options = ['--model', str(model), '--out', str(out)]
  _vtg('evaluate', *(arm.scoring or ablation.scoring), *options)
  summary = json.loads((out / 'summary.json').read_text())
  return ablation.read(arm, summary, model)


def table(ablation: Ablation, found: Mapping[str, Cells]) -> str:
  """The table in Markdown.

  Args:
    ablation: whose arms they are.
    found: what is said of a row -> its cells.
  """
  columns = ablation.columns
  lines = [
    f'|  | {" | ".join(columns)} |',
    f'| --- | {" | ".join(["---:"] * len(columns))} |',
  ]
  for arm in ablation.arms:
    for what in arm.said:
      if what in found:
        cells = [found[what].get(column, '') for column in columns]
      else:
        cells = ['not yet run', *[''] * (len(columns) - 1)]
      lines.append(f'| {what} | {" | ".join(cells)} |')
  return '\n'.join(lines)


def document(ablation: Ablation, found: Mapping[str, Cells]) -> str:
  """The page that the table stands on."""
  return (
    f'# {ablation.title}\n\n{ablation.about}\n\n'
    f'    python -m ablations {ablation.name}\n\n{table(ablation, found)}\n'
  )


def percent(share: float | None) -> str:
  """A share as the table has it; nothing where there is none."""
  return '' if share is None else f'{100 * share:.1f}'


def _vtg(*arguments: str) -> None:
  print('vtg', *arguments, flush=True)
  subprocess.run([sys.executable, '-m', 'vtg_jax', *arguments], check=True)
