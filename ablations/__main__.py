"""The command line: python -m ablations NAME [ARM ...]."""

import argparse
import importlib
import json
import math
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from ablations import arms

NAMES = ('grounded_videollm', 'revisionllm', 'timechat')
# What is kept of an arm: what is said of a row -> its cells.
ROWS = 'rows.json'


def main() -> None:
  """Trains, scores and writes the table; goes on where it stood."""
  parser = argparse.ArgumentParser(prog='python -m ablations')
  parser.add_argument('name', choices=NAMES)
  parser.add_argument('arms', nargs='*', help='these only; all if left out')
  parser.add_argument(
    '--out',
    type=Path,
    help='out/ablations/NAME if left out; with --steps, NAME-SHARE',
  )
  parser.add_argument(
    '--cpu-devices', type=int, default=2, help='as for vtg train'
  )
  parser.add_argument(
    '--steps',
    type=float,
    metavar='SHARE',
    help='train for so large a share of the usual steps; arms of other '
    'lengths are trained, scored and kept by themselves',
  )
  given = parser.parse_args()
  module = importlib.import_module(f'ablations.{given.name}')
  ablation = module.ABLATION
  root = Path('out') / 'ablations' / ablation.name
  if given.steps is not None:
    if not hasattr(module, 'ablation'):
      parser.error(f'the arms of {given.name} are of fixed lengths')
    if not 0 < given.steps < math.inf:
      parser.error(f'--steps is {given.steps:g}; give a share above 0')
    ablation = module.ablation(given.steps)
    root = root.with_name(f'{root.name}-{given.steps:g}')
  known = {arm.name: arm for arm in ablation.arms}
  if unknown := {*given.arms} - {*known}:
    parser.error(f'no arm {sorted(unknown)}; there are {sorted(known)}')
  root = given.out or root
  chosen = [known[name] for name in given.arms or known]
  try:
    run(ablation, chosen, root, cpu_devices=given.cpu_devices)
  except subprocess.CalledProcessError as error:
    sys.exit(error.returncode)  # the command has said why


def run(
  ablation: arms.Ablation,
  chosen: Iterable[arms.Arm],
  root: Path,
  *,
  cpu_devices: int,
) -> None:
  """Trains and scores some arms; writes the table after each."""
  for one in chosen:
    found = []
    for arm in arms.of_seeds(one):
      model = arms.train(
        arm,
        root,
        options=['--cpu-devices', str(cpu_devices)],
        parts=ablation.parts,
      )
      found.append(arms.score(ablation, arm, model, root))
    kept = root / 'scores' / one.name / ROWS
    kept.write_text(json.dumps(arms.over_seeds(found), indent=2) + '\n')
    write(ablation, root)


def write(ablation: arms.Ablation, root: Path) -> None:
  """Writes the table of what has been found so far."""
  found = {}
  for arm in ablation.arms:
    kept = root / 'scores' / arm.name / ROWS
    if kept.exists():
      found |= json.loads(kept.read_text())
  ablation.document.parent.mkdir(parents=True, exist_ok=True)
  ablation.document.write_text(arms.document(ablation, found))
  print(ablation.document.read_text(), flush=True)


if __name__ == '__main__':
  main()
