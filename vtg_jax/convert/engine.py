"""The one engine that converts every system: keys in, parameters out, back.

All that can be wrong with names and shapes is found from headers, before any
tensor is read; then parameters are made one tensor at a time.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from vtg_jax.convert.readers import Source
from vtg_jax.convert.table import Slot, Table
from vtg_jax.convert.tensor_file import (
  DTYPES,
  PARAM_DTYPES,
  TensorInfo,
  first_ten,
  has_non_finite,
)
from vtg_jax.errors import BadInput


class ShapeDtype(Protocol):
  """What `jax.eval_shape` says of a parameter; only the shape is read."""

  shape: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Piece:
  """A source tensor on its way into a parameter.

  Attributes:
    source: position of its source.
    key: its name there.
    slot: where it goes.
    n_rows: rows of the tensor that the parameter takes; the rest is kept.
  """

  source: int
  key: str
  slot: Slot
  n_rows: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leaf:
  """A parameter that is not in memory.

  Attributes:
    path: its path.
    shape: its shape, stacked axis included.
    dtype: the narrowest type that holds its pieces exactly.
    pieces: one, or one a layer in layer order.
  """

  path: str
  shape: tuple[int, ...]
  dtype: np.dtype
  pieces: tuple[Piece, ...]

  @property
  def n_bytes(self) -> int:
    return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What a conversion will do, all keys and shapes found good.

  Attributes:
    sources: where tensors are read from.
    leaves: every expected parameter, in the order expected.
    ignored: (source, key, reason) of tensors that fill no parameter.
    trimmed: pieces whose last rows no parameter takes.
    tied: pieces, under a second name or of another source, that must be equal
      to a parameter that another piece fills.
    overridden: (source, key) -> the later source that fills the same place.
  """

  sources: Sequence[Source]
  leaves: tuple[Leaf, ...]
  ignored: tuple[tuple[int, str, str], ...]
  trimmed: tuple[Piece, ...]
  tied: tuple[Piece, ...]
  overridden: Mapping[tuple[int, str], int]

  @property
  def n_bytes(self) -> int:
    return sum(leaf.n_bytes for leaf in self.leaves)

  def read(self, piece: Piece) -> np.ndarray:
    """Returns the part of the parameter that a piece fills."""
    tensor = self.sources[piece.source].read(piece.key)
    if piece.n_rows is not None:  # a single number has no rows to cut
      tensor = tensor[: piece.n_rows]
    return piece.slot.rule.op.forward(tensor)

  def read_trimmed(self, piece: Piece) -> np.ndarray:
    """Returns the rows that no parameter takes."""
    tensor = self.sources[piece.source].read(piece.key)
    return np.ascontiguousarray(tensor[piece.n_rows :])

  def untied(self) -> list[str]:
    """Returns the tied tensors that are not equal, and what they are not.

    Each is told as its key, its source and the source it differs from.
    """
    first = {
      (piece.slot.path, piece.slot.index): piece
      for leaf in self.leaves
      for piece in leaf.pieces
    }
    told = []
    for piece in self.tied:
      other = first[piece.slot.path, piece.slot.index]
      if not np.array_equal(_bits(self.read(piece)), _bits(self.read(other))):
        where = (self.sources[p.source].path for p in (piece, other))
        told.append('{} of {} (not as in {})'.format(piece.key, *where))
    return told


def plan(
  sources: Sequence[Source],
  table: Table,
  expected: Mapping[str, ShapeDtype],
) -> Plan:
  """Returns how the sources fill the expected parameters.

  Where two sources hold the same parameter, the later one is taken, as the
  reference's successive non-strict loads do.

  Args:
    sources: opened sources, in loading order.
    table: rules for their keys.
    expected: every parameter of the model, by path.

  Raises:
    BadInput: keys that no rule knows, parameters or layers that nothing
      fills, two keys of one source for one place, or wrong shapes or types;
      all of them are named.
  """
  faults = _Faults(sources)
  taken: dict[tuple[str, int | None], Piece] = {}
  ignored, tied, overridden = [], [], {}
  for number, source in enumerate(sources):
    for key, info in source.tensors.items():
      slot = table.slot(source.scope + key)
      if slot is None:
        ignore = table.ignore(source.scope + key)
        if ignore:
          ignored.append((number, key, ignore.reason))
        else:
          faults.unknown.append(key)
        continue
      piece = _fit(number, key, info, slot, expected, faults)
      if piece is None:
        continue
      if slot.rule.tied:
        tied.append(piece)
        continue
      before = taken.get((slot.path, slot.index))
      if before is not None and slot.rule.shared and before.source != number:
        tied.append(piece)
        continue
      if before is not None and before.source == number:
        faults.duplicate.append(f'{before.key} and {key}')
      elif before is not None:
        overridden[before.source, before.key] = number
      taken[slot.path, slot.index] = piece
  leaves = []
  for path, wanted in expected.items():
    leaf = _leaf(path, tuple(wanted.shape), taken, sources, table, faults)
    if leaf is not None:
      leaves.append(leaf)
  faults.raise_if_any()
  return Plan(
    sources=tuple(sources),
    leaves=tuple(leaves),
    ignored=tuple(ignored),
    trimmed=tuple(
      piece for piece in (*taken.values(), *tied) if piece.n_rows is not None
    ),
    tied=tuple(tied),
    overridden=overridden,
  )


@dataclasses.dataclass
class _Faults:
  """Everything wrong with names and shapes, gathered before complaining."""

  sources: Sequence[Source]
  unknown: list[str] = dataclasses.field(default_factory=list)
  unfilled: list[str] = dataclasses.field(default_factory=list)
  duplicate: list[str] = dataclasses.field(default_factory=list)
  misshaped: list[str] = dataclasses.field(default_factory=list)
  misfits: set[tuple[str, int | None]] = dataclasses.field(default_factory=set)

  def raise_if_any(self) -> None:
    kinds = [
      (self.unknown, 'key', 'that this model does not have'),
      (self.unfilled, 'parameter', 'that no key fills'),
      (self.duplicate, 'place', 'filled twice by one source'),
      (self.misshaped, 'tensor', 'of the wrong shape or type'),
    ]
    told = [
      f'{len(names)} {noun}{"s" * (len(names) > 1)} {what} ({first_ten(names)})'
      for names, noun, what in kinds
      if names
    ]
    if told:
      given = ', '.join(str(source.path) for source in self.sources)
      raise BadInput(
        f'{given} cannot be converted: {"; ".join(told)}; give the files of '
        'this system and the configuration they were made with'
      )


def _fit(
  source: int,
  key: str,
  info: TensorInfo,
  slot: Slot,
  expected: Mapping[str, ShapeDtype],
  faults: _Faults,
) -> Piece | None:
  """Returns the piece a tensor makes, or None after noting what is wrong."""
  wanted = expected.get(slot.path)
  if wanted is None:
    faults.unknown.append(f'{key} for {slot}')
    return None
  shape = tuple(wanted.shape)
  if slot.index is not None:
    if not shape or slot.index >= shape[0]:
      faults.unknown.append(f'{key} for {slot}')
      return None
    shape = shape[1:]
  ours = slot.rule.op.source_shape(shape)
  n_extra = info.shape[0] - ours[0] if ours and info.shape else 0
  trims = 0 < n_extra <= slot.rule.extra_rows
  fits = ours is not None and (
    info.shape[1:] == ours[1:] if trims else info.shape == ours
  )
  if not fits or info.dtype not in PARAM_DTYPES:
    right = 'tensor' if ours is None else list(ours)
    faults.misfits.add((slot.path, slot.index))
    faults.misshaped.append(
      f'{key} is {info.dtype}{list(info.shape)}, not a float {right}'
    )
    return None
  return Piece(source, key, slot, ours[0] if trims else None)


def _leaf(
  path: str,
  shape: tuple[int, ...],
  taken: Mapping[tuple[str, int | None], Piece],
  sources: Sequence[Source],
  table: Table,
  faults: _Faults,
) -> Leaf | None:
  """Returns a parameter's leaf, or None after noting what is missing."""
  places = list(table.keys_of(path, shape[0] if shape else None))
  if not places:
    faults.unfilled.append(f'{path}, for which the table has no rule')
    return None
  missing = [
    f'{slot} from {key}'
    for key, slot in places
    if (path, slot.index) not in taken
    and (path, slot.index) not in faults.misfits
  ]
  if missing or any((path, slot.index) not in taken for _, slot in places):
    faults.unfilled += missing
    return None
  pieces = tuple(taken[path, slot.index] for _, slot in places)
  dtypes = {
    DTYPES[sources[piece.source].tensors[piece.key].dtype] for piece in pieces
  }
  return Leaf(path=path, shape=shape, dtype=_common(dtypes), pieces=pieces)


def _common(dtypes: set[np.dtype]) -> np.dtype:
  """Returns the narrowest of our types that holds all given ones exactly."""
  if len(dtypes) == 1:
    return next(iter(dtypes))
  wide = DTYPES['F64'] in dtypes
  return DTYPES['F64' if wide else 'F32']


def _bits(array: np.ndarray) -> np.ndarray:
  return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


class Params(Protocol):
  """Parameters in storage, read one layer at a time."""

  shapes: Mapping[str, tuple[int, ...]]

  def read(self, path: str, index: int | None = None) -> np.ndarray:
    """Returns a parameter, or one layer of it."""


def unconvert(
  params: Params,
  slot: Slot,
  info: TensorInfo,
  rest: np.ndarray | None = None,
) -> np.ndarray:
  """Returns the source tensor that a slot was filled from.

  Args:
    params: our parameters.
    slot: where the tensor went.
    info: its header; training in another type is rounded back to it.
    rest: the rows that the parameter did not take.

  Raises:
    BadInput: the parameter has another shape, or does not fit in the type.
  """
  shape = params.shapes.get(slot.path)
  if shape is not None and slot.index is not None:
    shape = shape[1:] if shape and slot.index < shape[0] else None
  ours = None if shape is None else slot.rule.op.source_shape(shape)
  if ours is not None and rest is not None:
    ours = (ours[0] + rest.shape[0], *ours[1:])
  if ours != info.shape:
    raise BadInput(
      f'{slot} of shape {shape} cannot be exported as a tensor of shape '
      f'{info.shape}; convert the released files again'
    )
  tensor = slot.rule.op.inverse(params.read(slot.path, slot.index))
  dtype = DTYPES[info.dtype]
  if tensor.dtype != dtype:
    with np.errstate(over='ignore'):
      tensor = tensor.astype(dtype)
    if has_non_finite(tensor):
      raise BadInput(
        f'{slot} holds values beyond the range of {info.dtype}; train with '
        'smaller weights or convert from a file of a wider type'
      )
  if rest is not None:
    tensor = np.concatenate([tensor, rest])
  return tensor


def canonical_tensors(
  params: Mapping[str, tuple[int, ...]], table: Table
) -> Iterator[tuple[str, Slot, tuple[int, ...]]]:
  """Yields what export writes for parameters that came from no file.

  Args:
    params: shape of each parameter.
    table: rules for their keys.

  Yields:
    The released key, where its values are, and the tensor's shape.

  Raises:
    BadInput: parameters that the table has no key for.
  """
  nameless = []
  for path, shape in params.items():
    slots = list(table.keys_of(path, shape[0] if shape else None))
    if not slots:
      nameless.append(path)
    for key, slot in slots:
      inner = shape if slot.index is None else shape[1:]
      tensor_shape = slot.rule.op.source_shape(inner)
      if tensor_shape is None:
        nameless.append(f'{path} of shape {shape}')
        break
      yield key, slot, tensor_shape
  if nameless:
    raise BadInput(
      f'{first_ten(nameless)} have no name in the released layout; export a '
      'checkpoint of this system'
    )
