"""Compiles programs for chips that are not there, and says what they take."""

import dataclasses
import re
import time
from typing import Any

import jax

from vtg_jax.nn.compute import traced_for
from vtg_jax.planning.collectives import Collectives, count_collectives
from vtg_jax.planning.flops import Flops, jaxpr_flops
from vtg_jax.planning.topology import Topology
from vtg_jax.systems.programs import Program


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory:
  """Bytes on each chip while a program runs, as the compiler lays them out.

  Attributes:
    arguments: What is handed in: parameters, optimiser state, batch.
    outputs: What comes out.
    aliased: Outputs that take the place of donated arguments.
    temporaries: Activations and all else in between, at their peak.
    code: The program itself.
  """

  arguments: int
  outputs: int
  aliased: int
  temporaries: int
  code: int

  @property
  def needed(self) -> int:
    """What the chip must hold at once."""
    kept = self.arguments + self.outputs - self.aliased
    return kept + self.temporaries + self.code


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProgramPlan:
  """What one program takes.

  Attributes:
    name: Of the program.
    memory: None when the compiler found no way to fit it.
    refusal: The compiler's words in that case.
    flops: All operations of one run, over all chips.
    useful_flops: See `Program`.
    collectives: None when it was not compiled.
    compile_s: Seconds of compiling, tracing left out.
    topology: What it was compiled for.
  """

  name: str
  memory: Memory | None
  refusal: str
  flops: Flops
  useful_flops: int | None
  collectives: Collectives | None
  compile_s: float
  topology: Topology

  @property
  def fits(self) -> bool:
    """Whether a chip holds it."""
    return (
      self.memory is not None
      and self.memory.needed <= self.topology.chip.memory_bytes
    )

  @property
  def least_s(self) -> float:
    """Seconds a run takes if every chip multiplies at its peak throughout."""
    peak = self.topology.chip.flops_per_s * self.topology.n_chips
    return self.flops.matmul / peak

  def to_json(self) -> dict[str, Any]:
    """Plain types."""
    memory, found = self.memory, self.collectives
    return {
      'name': self.name,
      'fits': self.fits,
      'refusal': self.refusal,
      'chip_bytes': self.topology.chip.memory_bytes,
      'needed_bytes': memory and memory.needed,
      'bytes': memory and dataclasses.asdict(memory),
      'matmul_flops': self.flops.matmul,
      'other_flops': self.flops.other,
      'useful_flops': self.useful_flops,
      'least_s': self.least_s,
      'collectives': found
      and {k: dataclasses.asdict(t) for k, t in found.by_kind.items()},
      'unknown_loops': {
        'flops': self.flops.unknown_loops,
        'collectives': found and found.unknown_loops,
      },
      'compile_s': round(self.compile_s, 1),
    }


def plan_program(program: Program, topology: Topology) -> ProgramPlan:
  """Compiles a program whose arguments lie on a topology's devices.

  Args:
    program: Its arguments' shardings name the devices.
    topology: Of those devices.
  """
  with traced_for(topology.platform):
    traced = program.trace(*program.args)
    flops = jaxpr_flops(traced.jaxpr, while_turns=program.while_turns)
    lowered = traced.lower(lowering_platforms=(topology.platform,))
  begin = time.perf_counter()
  memory, collectives, refusal = None, None, ''
  try:
    compiled = lowered.compile()
  except jax.errors.JaxRuntimeError as error:
    if 'RESOURCE_EXHAUSTED' not in str(error):
      raise
    refusal = _refusal(str(error))
  else:
    memory = _memory(compiled)
    collectives = count_collectives(
      compiled.as_text(),
      n_devices=topology.n_chips,
      while_turns=program.while_turns,
    )
  return ProgramPlan(
    name=program.name,
    memory=memory,
    refusal=refusal,
    flops=flops,
    useful_flops=program.useful_flops,
    collectives=collectives,
    compile_s=time.perf_counter() - begin,
    topology=topology,
  )


def _memory(compiled) -> Memory:
  told = compiled.memory_analysis()
  return Memory(
    arguments=told.argument_size_in_bytes,
    outputs=told.output_size_in_bytes,
    aliased=told.alias_size_in_bytes,
    temporaries=told.temp_size_in_bytes,
    code=told.generated_code_size_in_bytes,
  )


def _refusal(said: str) -> str:
  """The sentence with the sizes, out of pages of buffers."""
  sizes = re.search(r'Used [^.]*\.\S+ of [^.]*\.\S+ \w+', said)
  return sizes[0] if sizes else said.splitlines()[0][:300]
