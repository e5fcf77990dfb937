"""Reads the text of a compiled XLA program as far as planning needs it."""

import dataclasses
import functools
import math
import re
from collections.abc import Iterator, Mapping

# Bits of an element; XLA packs those below a byte.
_BITS = {
  'pred': 8, 's2': 2, 'u2': 2, 's4': 4, 'u4': 4, 's8': 8, 'u8': 8, 's16': 16,
  'u16': 16, 's32': 32, 'u32': 32, 's64': 64, 'u64': 64, 'f16': 16, 'bf16': 16,
  'f32': 32, 'f64': 64, 'c64': 64, 'c128': 128, 'token': 0,
}  # fmt: skip
_HEAD = re.compile(r'^(ENTRY )?%?([^\s(]+) \(.*\) -> .* \{$')
_ARRAY = re.compile(r'([a-z]+[0-9]*[a-z0-9]*)\[([0-9,<= ]*)\]')
_OPCODE = re.compile(r'([a-z][a-z0-9-]*)\(')
_NAME = re.compile(r'%([^\s,(){}]+)')
_CALLED = re.compile(
  r'\b(calls|to_apply|body|condition|true_computation|false_computation'
  r'|branch_computations|called_computations)=(\{[^}]*\}|%[^\s,]+)'
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Instruction:
  """One line of a computation.

      %y = f32[4,8]{1,0} dot(%a, %b), lhs_contracting_dims={1}

  Attributes:
    name: Without the sign: `y`.
    opcode: `dot`.
    shape: As written: `f32[4,8]{1,0}`.
    operands: `('a', 'b')`; a constant's value stands in `argument`.
    argument: What stands between the parentheses.
    attributes: What follows them.
    is_root: Whether the computation returns it.
  """

  name: str
  opcode: str
  shape: str
  operands: tuple[str, ...]
  argument: str
  attributes: str
  is_root: bool

  @functools.cached_property
  def called(self) -> dict[str, tuple[str, ...]]:
    """Computations it runs, by role: `{'body': ('b',), 'condition': ...}`."""
    found: dict[str, tuple[str, ...]] = {}
    for role, names in _CALLED.findall(self.attributes):
      found[role] = (*found.get(role, ()), *_NAME.findall(names))
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Program:
  """A program's computations by name, and the one that is run.

  Attributes:
    computations: Instructions by name, in order.
    entry: Name of the computation that is run.
  """

  computations: Mapping[str, Mapping[str, Instruction]]
  entry: str

  def root(self, computation: str) -> Instruction:
    """What a computation returns."""
    return next(i for i in self.computations[computation].values() if i.is_root)


def parse(text: str) -> Program:
  """Reads `compiled.as_text()`.

  Raises:
    ValueError: when there is no entry computation.
  """
  computations: dict[str, dict[str, Instruction]] = {}
  entry, current = None, None
  for line in text.splitlines():
    if not line.startswith(' '):
      head = _HEAD.match(line)
      current = None
      if head:
        current = computations.setdefault(head[2], {})
        entry = head[2] if head[1] else entry
    elif current is not None and ' = ' in line:
      instruction = _instruction(line.strip())
      current[instruction.name] = instruction
  if entry is None:
    raise ValueError('no ENTRY computation in the text of a compiled program')
  return Program(computations=computations, entry=entry)


def array_bytes(shape: str) -> Iterator[int]:
  """Bytes of every array in a shape, in order; layouts are left out.

  `(f32[4,8]{1,0:T(8,128)}, bf16[])` -> 128, 2
  """
  for kind, sizes in _ARRAY.findall(shape):
    if kind in _BITS or kind.startswith(('f8', 'f4')):
      n = math.prod(int(s.strip(' <=')) for s in sizes.split(',') if s.strip())
      yield math.ceil(n * _BITS.get(kind, 8) / 8)


def _instruction(line: str) -> Instruction:
  left, _, right = line.partition(' = ')
  shape, rest = _split_shape(right)
  opcode = _OPCODE.match(rest)
  if opcode is None:
    raise ValueError(f'no operation in the line {line[:200]!r}')
  end = _closing(rest, opcode.end() - 1)
  argument = rest[opcode.end() : end]
  return Instruction(
    name=left.removeprefix('ROOT ').strip().lstrip('%'),
    opcode=opcode[1],
    shape=shape,
    operands=tuple(_NAME.findall(argument)),
    argument=argument,
    attributes=rest[end + 1 :],
    is_root=left.startswith('ROOT '),
  )


def _split_shape(text: str) -> tuple[str, str]:
  """Shape and what follows; a tuple's shape has spaces in it."""
  if text.startswith('('):
    end = _closing(text, 0) + 1
  else:
    end = text.index(' ')
  return text[:end], text[end:].lstrip()


def _closing(text: str, opening: int) -> int:
  """Where the parenthesis at `opening` is closed."""
  depth = 0
  for i in range(opening, len(text)):
    depth += (text[i] == '(') - (text[i] == ')')
    if not depth:
      return i
  raise ValueError(f'unbalanced parentheses in {text[:200]!r}')
