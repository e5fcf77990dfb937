"""Compares the shipped models, and writes the tables where they are read.

    python -m benchmarks.models                     all that are shipped
    python -m benchmarks.models hawkeye_small ...   these
    python -m benchmarks.models --render            from the kept results
    python -m benchmarks.models --try               20 videos, writes nothing

`vtg evaluate agreement` does the work in out/models, or --out, and goes on
where it was stopped. The table of models goes into the README, those about
their agreement into docs/agreement.md, the texts of both into
benchmarks/results/models.json, and what was learnt of every two or more of the
models to the shipped checkpoints.
"""

import argparse
import datetime
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.table import RESULTS, ROOT, machine, put_between
from vtg_jax.evaluation.model_comparison import AGREEMENT, MODELS
from vtg_jax.moments.joint_confidence import FILE, read_joint, write_joint
from vtg_jax.systems import registry

# Those that find moments, as the README lists the systems.
NAMES = (
  'hawkeye_small',
  'grounded_videollm_small',
  'timechat_small',
  'revisionllm_small',
)
KEPT = RESULTS / 'models.json'
README, DOCUMENT = ROOT / 'README.md', ROOT / 'docs' / 'agreement.md'
# So many videos tell how long all will take.
FEW = ('seeds=2000000:2000010', 'calibration_seeds=1000000:1000010')


def evaluate(names: list[str], out: Path, overrides: tuple[str, ...]) -> None:
  """Runs the benchmark, or what is left of it."""
  models = [word for name in names for word in ('--model', name)]
  subprocess.run(
    [
      *(sys.executable, '-m', 'vtg_jax', 'evaluate', 'agreement'),
      *(*overrides, *models, '--out', str(out)),
    ],
    cwd=ROOT,
    check=True,
  )


def keep(out: Path, names: list[str]) -> None:
  """Keeps the tables of a comparison, and what was learnt by it."""
  # Titles of their own stand above the tables where they are put.
  models = (out / MODELS).read_text().partition('\n')[2].strip()
  document = {
    'date': datetime.date.today().isoformat(),
    'machine': machine(),
    'names': names,
    'models': models,
    'agreement': (out / AGREEMENT).read_text().strip(),
  }
  KEPT.write_text(json.dumps(document, indent=2) + '\n')
  write_joint(registry.CHECKPOINTS / FILE, read_joint(out / FILE))


def render() -> None:
  """Puts the kept tables between the markers.

  Raises:
    ValueError: when a marker is missing.
  """
  kept = json.loads(KEPT.read_text())
  where = f'{kept["machine"]}, {kept["date"]}.'
  put_between(README, 'models', f'{kept["models"]}\n\n{where}')
  put_between(DOCUMENT, 'agreement', f'{kept["agreement"]}\n\n{where}')


def main() -> None:
  """The command line of this module's docstring."""
  shipped = registry.shipped()
  parser = argparse.ArgumentParser(prog='python -m benchmarks.models')
  parser.add_argument('names', nargs='*', help='all that are shipped if none')
  parser.add_argument('--render', action='store_true', help='only the tables')
  parser.add_argument(
    '--try', dest='few', action='store_true', help='few videos, kept nowhere'
  )
  parser.add_argument('--out', type=Path, help='out/models if left out')
  given = parser.parse_args()
  names = given.names or [name for name in NAMES if name in shipped]
  if given.few:
    evaluate(names, given.out or ROOT / 'out' / 'models-few', FEW)
    return
  if not given.render:
    out = given.out or ROOT / 'out' / 'models'
    evaluate(names, out, ())
    keep(out, names)
  render()


if __name__ == '__main__':
  main()
