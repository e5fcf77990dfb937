"""Runs benchmarks, keeps their results, writes the table in the README.

    python -m benchmarks.table                  all, then the table
    python -m benchmarks.table startup reader   these, then the table
    python -m benchmarks.table --render         the table from kept results

Results lie in benchmarks/results/NAME.json with the machine they come from,
so that figures from different machines stand in one table and say so.
"""

import argparse
import datetime
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / 'benchmarks' / 'results'
# What benchmarks are made of.
PARTS = {
  '__init__',
  'gpu_timing',
  'long_model',
  'models',
  'table',
  'timing',
  'torch_prefix',
  'torch_video_tokens',
}


def names() -> list[str]:
  """Every benchmark there is: the modules of this package, in order."""
  stems = {path.stem for path in (ROOT / 'benchmarks').glob('*.py')}
  return sorted(stems - PARTS)


def run(name: str) -> None:
  """Measures one benchmark in a process of its own and keeps the result."""
  subprocess.run(
    [sys.executable, '-m', 'benchmarks.table', '--measure', name],
    cwd=ROOT,
    check=True,
  )


def measure(name: str) -> None:
  """Measures one benchmark here; writes benchmarks/results/NAME.json.

  A benchmark whose `can_run()` is False here keeps the result it has.
  """
  module = importlib.import_module(f'benchmarks.{name}')
  if not getattr(module, 'can_run', lambda: True)():
    print(f'{name} cannot run on this machine; its kept result stays')
    return
  keep(name, module.measure())


def kept(name: str) -> dict:
  """The result that is kept of a benchmark; empty where there is none."""
  path = RESULTS / f'{name}.json'
  return json.loads(path.read_text())['result'] if path.exists() else {}


def keep(name: str, result: Mapping) -> None:
  """Writes benchmarks/results/NAME.json."""
  RESULTS.mkdir(exist_ok=True)
  document = {
    'date': datetime.date.today().isoformat(),
    'machine': machine(),
    'result': result,
  }
  (RESULTS / f'{name}.json').write_text(json.dumps(document, indent=2) + '\n')


def machine() -> str:
  """One line: processor, cores, memory, accelerators, versions."""
  parts = [
    _processor(),
    f'{len(os.sched_getaffinity(0))} cores',
    f'{os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30:.0f}'
    ' GiB',
    *_accelerators(),
    f'Python {platform.python_version()}',
    f'jax {importlib.metadata.version("jax")}',
  ]
  return ', '.join(parts)


def table() -> str:
  """The table in Markdown, from the kept results.

  | what | measured | target | machine |
  |---|---|---|---|
  | `vtg --help`, whole process | 0.091 s | < 1 s | A |
  | recursion | not yet run | | |

  A: <processor, cores, memory, versions>, <date>
  """
  lines = ['| what | measured | target | machine |', '|---|---|---|---|']
  machines: dict[str, str] = {}
  for name in names():
    path = RESULTS / f'{name}.json'
    if not path.exists():
      lines.append(f'| {name} (`benchmarks/{name}.py`) | not yet run | | |')
      continue
    kept = json.loads(path.read_text())
    where = f'{kept["machine"]}, {kept["date"]}'
    letter = machines.setdefault(where, chr(ord('A') + len(machines)))
    lines += [
      f'| {what} | {measured} | {target} | {letter} |'
      for what, measured, target in _rows(name, kept['result'])
    ]
  lines += [f'\n{letter}: {where}' for where, letter in machines.items()]
  return '\n'.join(lines)


def render(readme: Path) -> None:
  """Puts the table between the two markers of the README.

  Raises:
    ValueError: when a marker is missing.
  """
  put_between(readme, 'benchmarks', table())


def put_between(document: Path, name: str, text: str) -> None:
  """Puts a text between the two markers of a name.

  Raises:
    ValueError: when a marker is missing.
  """
  start, end = f'<!-- {name}:start -->', f'<!-- {name}:end -->'
  whole = document.read_text()
  if start not in whole or end not in whole:
    raise ValueError(f'{document} lacks {start} or {end}; put both back')
  before, _, rest = whole.partition(start)
  _, _, after = rest.partition(end)
  document.write_text(f'{before}{start}\n{text}\n{end}{after}')


def _rows(name: str, result: Mapping) -> list[tuple[str, str, str]]:
  return importlib.import_module(f'benchmarks.{name}').rows(result)


def _processor() -> str:
  info = Path('/proc/cpuinfo')
  for line in info.read_text().splitlines() if info.exists() else ():
    if line.startswith('model name'):
      return line.partition(':')[2].strip()
  return platform.processor() or platform.machine()


def _accelerators() -> list[str]:
  """Kinds of jax devices other than the CPU, if this process uses jax."""
  if 'jax' not in sys.modules:
    return []
  devices = sys.modules['jax'].devices()
  return sorted({d.device_kind for d in devices if d.platform != 'cpu'})


def main() -> None:
  """The command line of this module's docstring."""
  parser = argparse.ArgumentParser(prog='python -m benchmarks.table')
  parser.add_argument('names', nargs='*', help=f'of {", ".join(names())}')
  parser.add_argument('--render', action='store_true', help='only the table')
  parser.add_argument('--measure', metavar='NAME', help='only this, no table')
  arguments = parser.parse_args()
  unknown = {*arguments.names} - {*names()}
  if unknown:
    parser.error(f'no benchmark {sorted(unknown)}; there are {names()}')
  if arguments.measure:
    measure(arguments.measure)
    return
  if not arguments.render:
    for name in arguments.names or names():
      run(name)
  render(ROOT / 'README.md')


if __name__ == '__main__':
  main()
