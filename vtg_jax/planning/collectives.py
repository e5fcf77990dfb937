"""What the chips of a compiled program send one another, loops multiplied out.

The text of a compiled program names a collective once however often its loop
runs; here each counts as often as the loops around it turn.
"""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from vtg_jax.planning.hlo import Instruction, Program, array_bytes, parse

KINDS = (
  'all-gather',
  'reduce-scatter',
  'all-reduce',
  'all-to-all',
  'collective-permute',
)
_MESH_GROUPS = re.compile(r'replica_groups=mesh\[([^\]]*)\] \{([^}]*)\}')
_IOTA_GROUPS = re.compile(r'replica_groups=\[(\d+),(\d+)\]<=')
_LISTED_GROUPS = re.compile(r'replica_groups=\{\{([\d,]+)\}')
_STARTS = 'custom_call_target="AsyncCollectiveStart"'
_TURNS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
# Scalars that are only handed on.
_COPIES = frozenset({'copy', 'bitcast', 'convert', 'reshape'})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Traffic:
  """Collectives of one kind in one run of the program, as one chip sees them.

  Attributes:
    count: Collectives that are run.
    n_bytes: Summed size of their whole arrays: what an all-gather makes, what
      a reduce-scatter takes, what the others carry.
    sent_bytes: What the chip sends over the wires when groups of n pass
      pieces round a ring: (n - 1) / n of the array, twice that for an
      all-reduce, the array for a permute.
  """

  count: int = 0
  n_bytes: int = 0
  sent_bytes: int = 0

  def __add__(self, more: 'Traffic') -> 'Traffic':
    return Traffic(
      count=self.count + more.count,
      n_bytes=self.n_bytes + more.n_bytes,
      sent_bytes=self.sent_bytes + more.sent_bytes,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collectives:
  """All traffic of a program.

  Attributes:
    by_kind: One entry for each of `KINDS` that occurs.
    unknown_loops: Loops with collectives in them whose number of turns the
      text does not tell; their bodies are counted once.
  """

  by_kind: Mapping[str, Traffic]
  unknown_loops: int


def count_collectives(
  text: str, *, n_devices: int, while_turns: Sequence[int] = ()
) -> Collectives:
  """Counts the collectives of a compiled program.

  Args:
    text: `compiled.as_text()`.
    n_devices: Devices the program runs on: the size of a group that the text
      leaves out.
    while_turns: How often loops turn of which the text does not tell, by
      their depth among one another.
  """
  program = parse(text)
  unknown = set()
  by_kind: dict[str, Traffic] = {}
  runs = _runs(program, program.entry, 1, (), tuple(while_turns))
  for computation, turns, loops in runs:
    instructions = program.computations[computation].values()
    starts = any(_STARTS in i.attributes for i in instructions)
    for instruction in instructions:
      kind = instruction.opcode.removesuffix('-start')
      if kind not in KINDS:
        continue
      # The TPU compiler spreads one collective over the fusions it runs
      # beside: a start, steps that may stand in loops within, and an end.
      if 'chain_id=' in instruction.attributes and not starts:
        continue
      unknown.update(loops)
      traffic = _traffic(instruction, kind, turns, n_devices)
      by_kind[kind] = by_kind.get(kind, Traffic()) + traffic
  return Collectives(
    by_kind={kind: by_kind[kind] for kind in KINDS if kind in by_kind},
    unknown_loops=len(unknown),
  )


def _runs(
  program: Program,
  name: str,
  turns: int,
  loops: tuple[str, ...],
  told: tuple[int, ...],
) -> Iterator[tuple[str, int, tuple[str, ...]]]:
  """Every way a computation is reached: (name, times run, unknown loops)."""
  yield name, turns, loops
  computation = program.computations[name]
  for instruction in computation.values():
    called, opcode = instruction.called, instruction.opcode
    if opcode == 'while':
      n = trip_count(program, computation, instruction)
      (body,) = called['body']
      around, inside = loops, told
      if n is None:
        around = loops if told else (*loops, body)
        n, inside = (told[0], told[1:]) if told else (1, ())
      yield from _runs(program, body, turns * n, around, inside)
      continue
    for role, names in called.items():
      if role == 'to_apply' and opcode != 'call':
        continue  # adds or compares two elements
      for inner in names:
        yield from _runs(program, inner, turns, loops, told)


def trip_count(
  program: Program, computation: Mapping[str, Instruction], loop: Instruction
) -> int | None:
  """Turns of a while loop; None where the text does not tell.

  Either the compiler wrote it down, or the loop counts one number up from a
  constant by a constant, and its condition compares that with a constant.
  """
  written = _TURNS.search(loop.attributes)
  if written:
    return int(written[1])
  (condition,), (body,) = loop.called['condition'], loop.called['body']
  start = computation.get(loop.operands[0])
  if start is None or start.opcode != 'tuple':
    return None

  def outside(index: int) -> int | None:
    return _scalar(program, computation, start.operands[index])

  test = _comparison(program, condition)
  if test is None:
    return None
  counter, limit, direction = test
  if not isinstance(counter, _Carried):
    return None
  step = _step(program, body, counter.index)
  first = outside(counter.index)
  last = limit
  if isinstance(limit, _Carried):
    unchanged = _step(program, body, limit.index) == 0
    last = outside(limit.index) if unchanged else None
  if first is None or last is None or not step or step < 0:
    return None
  match direction:
    case 'LT':
      return max(0, math.ceil((last - first) / step))
    case 'LE':
      return max(0, (last - first) // step + 1)
    case 'NE' if (last - first) % step == 0 and last >= first:
      return (last - first) // step
  return None


@dataclasses.dataclass(frozen=True)
class _Carried:
  """An element of what a loop carries from turn to turn."""

  index: int


def _comparison(program, condition):
  """(what is compared, with what, how) of a loop's condition, or None."""
  instructions = program.computations[condition]
  root = program.root(condition)
  operands = [_source(program, instructions, name) for name in root.operands]
  if root.opcode == 'fusion':
    (inner,) = root.called['calls']
    outer, instructions = operands, program.computations[inner]
    root = program.root(inner)
    operands = [_source(program, instructions, n, outer) for n in root.operands]
  direction = re.search(r'direction=(\w+)', root.attributes)
  if root.opcode != 'compare' or not direction or len(operands) != 2:
    return None
  left, right = operands
  if left is None or right is None:
    return None
  if isinstance(left, int):
    flipped = {'GT': 'LT', 'GE': 'LE', 'NE': 'NE'}
    return right, left, flipped.get(direction[1])
  return left, right, direction[1]


def _step(program, body, index) -> int | None:
  """By how much a turn raises an element of what the loop carries."""
  instructions = program.computations[body]
  root = program.root(body)
  if root.opcode != 'tuple':
    return None
  name, given = root.operands[index], None
  instruction = _skip_copies(instructions, name)
  if instruction.opcode == 'fusion':
    given = [_source(program, instructions, n) for n in instruction.operands]
    (inner,) = instruction.called['calls']
    instructions = program.computations[inner]
    instruction = _skip_copies(instructions, program.root(inner).name)
  if instruction.opcode == 'add':
    sources = [
      _source(program, instructions, n, given) for n in instruction.operands
    ]
    steps = [s for s in sources if isinstance(s, int)]
    return steps[0] if steps and _Carried(index) in sources else None
  same = _source(program, instructions, instruction.name, given)
  return 0 if same == _Carried(index) else None


def _skip_copies(instructions, name) -> Instruction:
  while instructions[name].opcode in _COPIES:
    name = instructions[name].operands[0]
  return instructions[name]


def _source(program, instructions, name, given=None) -> int | _Carried | None:
  """A constant, or which carried element a scalar is.

  Args:
    program: All computations.
    instructions: Those around it.
    name: The scalar.
    given: Inside a fusion, the sources of its parameters.
  """
  instruction = _skip_copies(instructions, name)
  match instruction.opcode:
    case 'constant':
      number = re.fullmatch(r'-?\d+', instruction.argument)
      return int(number[0]) if number else None
    case 'parameter' if given is not None:
      return given[int(instruction.argument)]
    case 'get-tuple-element':
      of = _skip_copies(instructions, instruction.operands[0])
      index = re.search(r'index=(\d+)', instruction.attributes)
      if of.opcode == 'parameter' and index:
        return _Carried(int(index[1]))
  return None


def _scalar(program, instructions, name) -> int | None:
  found = _source(program, instructions, name)
  return found if isinstance(found, int) else None


def _traffic(instruction, kind, turns, n_devices) -> Traffic:
  n = _group_size(instruction.attributes) or n_devices
  size = _carried_bytes(instruction, kind, n)
  match kind:
    case 'all-reduce':
      sent = 2 * size * (n - 1) // n
    case 'collective-permute':
      sent = size
    case _:
      sent = size * (n - 1) // n
  return Traffic(count=turns, n_bytes=turns * size, sent_bytes=turns * sent)


def _carried_bytes(instruction, kind, n: int) -> int:
  """Size of the whole array that a collective is about."""
  size = sum(array_bytes(instruction.shape))
  if instruction.opcode.endswith('-start') and kind != 'all-reduce':
    # Shape of what goes in, of what comes out, and of bookkeeping: up to two
    # scalars of four bytes.
    if kind in ('all-gather', 'reduce-scatter'):
      return size * n // (n + 1)
    return size // 2
  return size * (n if kind == 'reduce-scatter' else 1)


def _group_size(attributes: str) -> int | None:
  """Devices that take part in one collective; None when all do.

  replica_groups={{0,1},{2,3}}                              2
  replica_groups=[2,4]<=[8]                                 4
  replica_groups=mesh['axis_0'=16,'axis_1'=2] {'axis_0'}    16
  """
  mesh = _MESH_GROUPS.search(attributes)
  if mesh:
    sizes = dict(re.findall(r"'([^']+)'=(\d+)", mesh[1]))
    names = re.findall(r"'([^']+)'(?::\(\d+\)(\d+))?", mesh[2])
    return math.prod(int(part or sizes[name]) for name, part in names)
  iota = _IOTA_GROUPS.search(attributes)
  if iota:
    return int(iota[2])
  listed = _LISTED_GROUPS.search(attributes)
  return len(listed[1].split(',')) if listed else None
