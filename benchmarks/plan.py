"""What full-size models take on TPU slices, planned without having them.

    python -m benchmarks.table plan                       all, then the table
    python -m benchmarks.plan grounded_videollm/stage3    this, beside the rest
    python -m benchmarks.plan hawkeye/charades_sta v5e:4x4
    python -m benchmarks.plan grounded_videollm/stage3 v5e:4x4 batch_size=96

Runs `vtg plan CONFIG KEY=VALUE... --topology T --json`: the LoRA training step,
with 8 samples a chip unless a batch_size is given, weights cut over all chips,
and what answers one query, or a batch of them, about a video. Needs the tpu
extra, minutes a slice, and about 11 GB of memory.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

from benchmarks import table

# Config, slice, overrides. The batch of Grounded-VideoLLM's paper is 96, that
# of TimeChat's 32, that of Seq2Time's 8.
PLANS = (
  'hawkeye/charades_sta v5e:4x4',
  'hawkeye/charades_sta v6e:4x4',
  'hawkeye/charades_sta v5p:4x4x4',
  'grounded_videollm/stage3 v5e:4x4 batch_size=96',
  'grounded_videollm/stage3 v6e:4x4 batch_size=96',
  'grounded_videollm/stage3 v5p:4x4x4',
  'grounded_videollm/stage3:llama3 v5p:4x4x4',
  'timechat/instruction_tuning v5e:4x4 batch_size=32 accumulate=1',
  'timechat/seq2time_stage1 v5e:2x4 batch_size=8',
)


def can_run() -> bool:
  """Whether the TPU compiler is installed."""
  return importlib.util.find_spec('libtpu') is not None


def measure(plans: Sequence[str] = PLANS) -> dict:
  """Returns the command's own document for every plan.

  In the order of the table: {'hawkeye/charades_sta v5e:4x4': {...}, ...}.
  """
  return {one: plan(*one.split()) for one in plans}


def plan(config: str, topology: str, *overrides: str) -> dict:
  """Runs the command; exit code 1 only says that something does not fit."""
  command = [sys.executable, '-m', 'vtg_jax', 'plan', config, *overrides]
  done = subprocess.run(
    [*command, '--topology', topology, '--json'],
    stdout=subprocess.PIPE,
    text=True,
    check=False,
  )
  if done.returncode not in (0, 1):
    raise RuntimeError(
      f'{config} on {topology}: vtg plan ended with {done.returncode}'
    )
  document = json.loads(done.stdout)
  print(
    config,
    topology,
    f'compiled {len(document["programs"])} programs',
    flush=True,
  )
  return document


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  found = []
  for name in dict.fromkeys((*PLANS, *result)):
    config, topology, *overrides = name.split()
    what = f'`vtg plan {" ".join((config, *overrides))}`, {topology}'
    if name not in result:
      found.append((what, 'not yet run', 'fits'))
      continue
    document = result[name]
    found += [
      (
        f'{what} ({document["n_chips"]} chips): {program["name"]}',
        _measured(program),
        'fits',
      )
      for program in document['programs']
    ]
  return found


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


def main() -> None:
  """Plans what is named, and keeps it beside what was planned before.

  The date and the machine that are kept are those of the last plan.
  """
  parser = argparse.ArgumentParser(prog='python -m benchmarks.plan')
  parser.add_argument('config', metavar='CONFIG')
  parser.add_argument('topology', nargs='?', metavar='T')
  parser.add_argument('overrides', nargs='*', metavar='KEY=VALUE')
  given = parser.parse_args()
  plans = [one for one in PLANS if one.split()[0] == given.config]
  if given.topology:
    plans = [' '.join((given.config, given.topology, *given.overrides))]
  if not plans:
    parser.error(f'{given.config} has no usual plan; name a slice, too')
  table.keep('plan', table.kept('plan') | measure(plans))


if __name__ == '__main__':
  main()
