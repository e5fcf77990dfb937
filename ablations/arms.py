"""Arms of an ablation: stages of training, one after the other, and a score.

Arms that begin alike share what they have in common: a stage with the same
config, the same overrides and the same start is trained once.
"""

import dataclasses
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


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
  """One row of the table.

  Attributes:
    name: of its folder of results.
    what: what is said of it in the table.
    start: checkpoint that the first stage starts from.
    stages: each starts from the one before.
  """

  name: str
  what: str
  start: str
  stages: tuple[Stage, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ablation:
  """Arms that are compared.

  Attributes:
    name: how to ask for it.
    title: of the table.
    about: what is to be known to read it.
    arms: the rows, the model as shipped first.
    scoring: config of the evaluation and its overrides.
    more: name of a column -> what of a model's folder stands there.
    document: where the table goes.
  """

  name: str
  title: str
  about: str
  arms: tuple[Arm, ...]
  scoring: tuple[str, ...]
  more: dict[str, Callable[[Path], str]]
  document: Path


def folders(arm: Arm, root: Path) -> list[Path]:
  """Where each stage of an arm is trained; equal beginnings are one folder."""
  found, sha = [], hashlib.sha256(arm.start.encode())
  for stage in arm.stages:
    sha.update(json.dumps([stage.config, stage.overrides]).encode())
    stem = stage.config.replace('/', '-')
    found.append(root / 'stages' / f'{stem}-{sha.hexdigest()[:8]}')
  return found


def train(arm: Arm, root: Path, *, options: Sequence[str] = ()) -> Path:
  """Trains an arm, or what is left of it; returns the folder of its model.

  Args:
    arm: what to train.
    root: folder of the ablation.
    options: further options of `vtg train`.

  Raises:
    subprocess.CalledProcessError: a stage could not be trained.
  """
  model = Path(arm.start)
  for stage, folder in zip(arm.stages, folders(arm, root), strict=True):
    before, model = model, folder / 'model'
    if not model.is_dir():
      start = f'start.init_from={before}'
      run = [stage.config, *stage.overrides, start, '--folder', str(folder)]
      _vtg('train', *run, *options)
  return model


def score(ablation: Ablation, arm: Arm, model: Path, root: Path) -> dict:
  """The row that `vtg evaluate` writes about an arm's model."""
  out = root / 'scores' / arm.name
  options = ['--model', str(model), '--out', str(out)]
  _vtg('evaluate', *ablation.scoring, *options)
  summary = json.loads((out / 'summary.json').read_text())
  return next(row for row in summary['rows'] if row['name'] == 'model')


def table(ablation: Ablation, found: dict[str, dict[str, Any]]) -> str:
  """The table in Markdown.

  Args:
    ablation: whose arms they are.
    found: name of an arm -> its row of the scores and the further columns.
  """
  columns = ['mIoU', 'interval', 'R@1 0.3', 'R@1 0.5', 'R@1 0.7']
  columns += list(ablation.more)
  lines = [
    f'|  | {" | ".join(columns)} |',
    f'| --- | {" | ".join(["---:"] * len(columns))} |',
  ]
  for arm in ablation.arms:
    if arm.name not in found:
      lines.append(f'| {arm.what} | not yet run |{" |" * (len(columns) - 1)}')
      continue
    row, more = found[arm.name]['row'], found[arm.name]['more']
    scores = row['answered']
    low, high = row['interval']['mean_iou']
    cells = [
      _percent(scores['mean_iou']),
      f'{_percent(low)} to {_percent(high)}',
      *(_percent(scores[f'recall_{at}']) for at in (0.3, 0.5, 0.7)),
      *(more[name] for name in ablation.more),
    ]
    lines.append(f'| {arm.what} | {" | ".join(cells)} |')
  return '\n'.join(lines)


def document(ablation: Ablation, found: dict[str, dict[str, Any]]) -> str:
  """The page that the table stands on."""
  return (
    f'# {ablation.title}\n\n{ablation.about}\n\n'
    f'    python -m ablations {ablation.name}\n\n{table(ablation, found)}\n'
  )


def _percent(share: float) -> str:
  return f'{100 * share:.1f}'


def _vtg(*arguments: str) -> None:
  print('vtg', *arguments, flush=True)
  subprocess.run([sys.executable, '-m', 'vtg_jax', *arguments], check=True)
