"""`vtg plan`: what a config would take on a TPU slice that is not there."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vtg_jax import report
from vtg_jax.commands.json_option import Json
from vtg_jax.errors import BadInput

if TYPE_CHECKING:
  from vtg_jax.planning.plan import ProgramPlan

# Of a training step, unless a batch_size is given.
SAMPLES_A_CHIP = 8
ALL = 'all'


def plan(
  config: Annotated[
    str,
    typer.Argument(
      metavar='CONFIG', help='As for vtg train, such as hawkeye/charades_sta.'
    ),
  ],
  overrides: Annotated[
    list[str] | None,
    typer.Argument(
      metavar='[KEY=VALUE]...',
      help='Entries to set: mesh.fsdp=8 mesh.tensor=2 batch_size=256.',
    ),
  ] = None,
  topology: Annotated[
    str,
    typer.Option(
      metavar='CHIP:SHAPE', help='v5e:4x4, v5e:16x16, v5p:4x4x4, v6e:8x8, ...'
    ),
  ] = 'v5e:4x4',
  only: Annotated[
    str,
    typer.Option(
      metavar='PROGRAM',
      help='training, or what the system answers with, such as search.',
    ),
  ] = ALL,
  as_json: Json = False,
) -> None:
  """Compile CONFIG for a TPU slice without having it; exit 1 if it won't fit.

  Makes no parameters. Without mesh.* of your own, weights and samples are cut
  over all chips (fsdp); without a batch_size, every chip takes 8 samples.
  """
  from vtg_jax import config_file

  overrides = overrides or ()
  values = config_file.read_config(config, overrides)
  import jax

  # The chips are only compiled for: what runs, runs here.
  jax.config.update('jax_platforms', 'cpu')
  from vtg_jax.planning.plan import plan_program
  from vtg_jax.planning.topology import parse_topology

  slice_ = parse_topology(topology)
  given = {text.partition('=')[0] for text in overrides}
  programs, note = _programs(config, values, given, slice_.devices())
  if only not in (ALL, *programs):
    known = ', '.join((ALL, *programs))
    raise BadInput(f'--only is {only!r}; use one of {known}')
  if note:
    report.notice(note)
  plans = [
    plan_program(make(), slice_)
    for name, make in programs.items()
    if only in (ALL, name)
  ]
  if as_json:
    report.print_json(
      {
        'config': config,
        'overrides': list(overrides),
        'topology': topology,
        'n_chips': slice_.n_chips,
        'programs': [p.to_json() for p in plans],
      }
    )
  else:
    for one in plans:
      print(text_of(one))
  if not all(p.fits for p in plans):
    raise typer.Exit(1)


def _programs(config: str, values: Mapping[str, Any], given: set[str], devices):
  """What the config's system would run on the devices."""
  from vtg_jax import sharding
  from vtg_jax.commands.training_config import taken_apart
  from vtg_jax.train.options import MeshOptions

  system, options, rest = taken_apart(config, values)
  sizes = options.mesh
  if sizes == MeshOptions():
    sizes = MeshOptions(data=1, fsdp=len(devices))
  mesh = sharding.make_mesh(**dataclasses.asdict(sizes), devices=devices)
  ways = sharding.batch_ways(mesh)
  batch_size = options.batch_size
  if 'batch_size' not in given:
    batch_size = SAMPLES_A_CHIP * len(devices) * options.accumulate
  if batch_size % (ways * options.accumulate):
    raise BadInput(
      f'batch_size is {batch_size}, which does not divide over {ways} chips '
      f'and accumulate={options.accumulate}; use a multiple of '
      f'{ways * options.accumulate}'
    )
  return system.function('plan')(
    rest,
    batch_size=batch_size,
    accumulate=options.accumulate,
    mesh=mesh,
  )


def text_of(plan: 'ProgramPlan') -> str:
  """A plan as people read it.

  training step, 128 samples: fits v5e:4x4, 16 chips
    a chip         6.12 of 16.0 GB: arguments 1.23 + outputs 0.21 ...
    products       1,936 TFLOP, of which 1,412 useful; at least 0.61 s
    all-gather     412 times, 38.1 GB, of which a chip sends 35.7 GB
    compiled in    61 s
  """
  topology, memory = plan.topology, plan.memory
  fits = 'fits' if plan.fits else 'does not fit'
  lines = [f'{plan.name}: {fits} {topology.name}, {topology.n_chips} chips']
  has = f'{topology.chip.memory_bytes / 1e9:.1f} GB'
  if memory is None:
    lines.append(f'a chip\t{plan.refusal}')
  else:
    lines.append(
      f'a chip\t{memory.needed / 1e9:.2f} of {has}: arguments '
      f'{memory.arguments / 1e9:.3f} + outputs {memory.outputs / 1e9:.3f} - '
      f'aliased {memory.aliased / 1e9:.3f} + temporaries '
      f'{memory.temporaries / 1e9:.3f} + code {memory.code / 1e9:.3f}'
    )
  useful = plan.useful_flops
  share = '' if useful is None else f', of which {useful / 1e12:,.1f} useful'
  loops = plan.flops.unknown_loops
  once = f'; {loops} loops counted once' if loops else ''
  lines.append(
    f'products\t{plan.flops.matmul / 1e12:,.1f} TFLOP{share}; at least '
    f'{plan.least_s:.3g} s{once}'
  )
  lines.append(f'elementwise\t{plan.flops.other / 1e12:,.2f} TFLOP')
  if plan.collectives is not None:
    for kind, traffic in plan.collectives.by_kind.items():
      lines.append(
        f'{kind}\t{traffic.count} times, {traffic.n_bytes / 1e9:.3f} GB, of '
        f'which a chip sends {traffic.sent_bytes / 1e9:.3f} GB'
      )
    loops = plan.collectives.unknown_loops
    if loops:
      lines.append(f'unknown\t{loops} loops with collectives counted once')
  lines.append(f'compiled in\t{plan.compile_s:.0f} s')
  first, *rest = (line.partition('\t') for line in lines)
  return '\n'.join([first[0], *(f'  {a:<20}{b}' for a, _, b in rest)])
