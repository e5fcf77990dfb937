"""What full-size HawkEye takes on TPU slices, planned without having them.

python -m benchmarks.table plan

Runs `vtg plan hawkeye/charades_sta --topology T --json` for each slice: the
LoRA training step with 8 samples a chip, weights cut over all chips, and the
search of four rounds for one query. Needs the tpu extra, minutes a slice, and
about 11 GB of memory.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

CONFIG = 'hawkeye/charades_sta'
TOPOLOGIES = ('v5e:4x4', 'v6e:4x4', 'v5p:4x4x4')


def can_run() -> bool:
  """Whether the TPU compiler is installed."""
  return importlib.util.find_spec('libtpu') is not None


def measure(topologies: Sequence[str] = TOPOLOGIES) -> dict:
  """Returns the command's own document for every slice."""
  return {name: plan(name) for name in topologies}


def plan(topology: str) -> dict:
  """Runs the command; exit code 1 only says that something does not fit."""
  command = [sys.executable, '-m', 'vtg_jax', 'plan', CONFIG]
  done = subprocess.run(
    [*command, '--topology', topology, '--json'],
    stdout=subprocess.PIPE,
    text=True,
    check=False,
  )
  if done.returncode not in (0, 1):
    raise RuntimeError(f'{topology}: vtg plan ended with {done.returncode}')
  document = json.loads(done.stdout)
  print(topology, f'compiled {len(document["programs"])} programs', flush=True)
  return document


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  return [
    (
      f'`vtg plan`, {topology} ({document["n_chips"]} chips): '
      f'{program["name"]}',
      _measured(program),
      'fits',
    )
    for topology, document in result.items()
    for program in document['programs']
  ]


def _measured(program: Mapping) -> str:
  """'fits: 6.0 of 16 GB a chip (arguments 1.1, ...); 3,241 TFLOP, ...'."""
  has = f'{program["chip_bytes"] / 1e9:.0f} GB'
  if program['bytes'] is None:
    return f'does not fit {has}: {program["refusal"]}'
  sizes = program['bytes']
  held = sizes['outputs'] - sizes['aliased']
  parts = [
    f'{"fits" if program["fits"] else "does not fit"}: '
    f'{program["needed_bytes"] / 1e9:.2f} of {has} a chip '
    f'(arguments {sizes["arguments"] / 1e9:.2f}, temporaries '
    f'{sizes["temporaries"] / 1e9:.2f}, code {sizes["code"] / 1e9:.2f}, '
    f'new outputs {held / 1e9:.2f})',
    f'{program["matmul_flops"] / 1e12:,.0f} TFLOP'
    + (
      f' of which {program["useful_flops"] / 1e12:,.0f} useful'
      if program['useful_flops']
      else ''
    ),
    *(
      f'{kind} {traffic["n_bytes"] / 1e9:.2g} GB'
      for kind, traffic in program['collectives'].items()
      if traffic['n_bytes'] >= 2e7
    ),
    f'compiled in {program["compile_s"]:.0f} s',
  ]
  return '; '.join(parts)
