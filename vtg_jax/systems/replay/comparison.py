"""Compares what we compute with what was recorded, one line an entry."""

import dataclasses
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
  """One replayed entry against its record.

  Attributes:
    name: name of the array, or of the case such as 'iou[3]'.
    max_abs_diff: largest absolute difference between numbers; 0.0 where
      everything compared is exact; None where nothing could be compared.
    tolerance: largest absolute difference that passes (relative to each
      recorded number where `note` says so).
    passed: whether the entry is within tolerance.
    note: why it failed, or what the tolerance is relative to.
  """

  name: str
  max_abs_diff: float | None
  tolerance: float
  passed: bool
  note: str = ''


def failure(name: str, note: str, *, tolerance: float = 0.0) -> Comparison:
  """Returns the failed comparison of an entry that could not be replayed."""
  return Comparison(
    name=name, max_abs_diff=None, tolerance=tolerance, passed=False, note=note
  )


def compare_arrays(
  name: str,
  got: ArrayLike,
  want: ArrayLike,
  tolerance: float,
  *,
  relative: float = 0.0,
  relative_to_max: bool = False,
) -> Comparison:
  """Compares two arrays element by element.

  Shapes must be equal, and so must the kinds of dtype (bool, integer, float;
  the width may differ). NaNs and infinities must stand in the same places.

  Args:
    name: goes into the result.
    got: what we computed.
    want: what was recorded.
    tolerance: largest absolute difference that passes.
    relative: and this share of each recorded number.
    relative_to_max: `tolerance` is relative to the largest finite magnitude
      in `want`; the result then carries the absolute one.
  """
  got, want = np.asarray(got), np.asarray(want)
  if got.shape != want.shape:
    return failure(
      name, f'shape {got.shape}, wanted {want.shape}', tolerance=tolerance
    )
  kinds = _kind(got), _kind(want)
  if kinds[0] != kinds[1] or 'other' in kinds:
    return failure(
      name, f'dtype {got.dtype}, wanted {want.dtype}', tolerance=tolerance
    )
  # Differences of unsigned or narrow integers would wrap around.
  got, want = got.astype(np.float64), want.astype(np.float64)
  note = ''
  if relative_to_max:
    scale = float(np.max(np.abs(want[np.isfinite(want)]), initial=0.0))
    tolerance = tolerance * scale
    note = f'relative to the largest magnitude, {scale:.3g}'
  finite = np.isfinite(got) & np.isfinite(want)
  same_elsewhere = np.array_equal(got[~finite], want[~finite], equal_nan=True)
  if not same_elsewhere:
    where = np.argwhere(
      ~finite & ~((got == want) | (np.isnan(got) & np.isnan(want)))
    )[0]
    at = tuple(int(i) for i in where)
    return failure(
      name, f'{got[at]} at {list(at)}, wanted {want[at]}', tolerance=tolerance
    )
  if relative:
    note = f'and {relative:.0e} of each number'
  diffs = np.abs(got[finite] - want[finite])
  return Comparison(
    name=name,
    max_abs_diff=float(np.max(diffs, initial=0.0)),
    tolerance=tolerance,
    passed=bool((diffs <= tolerance + relative * np.abs(want[finite])).all()),
    note=note,
  )


def compare_values(
  name: str,
  got: Any,
  want: Any,
  tolerance: float = 0.0,
  *,
  relative: bool = False,
) -> Comparison:
  """Compares two structures of JSON types.

  Keys, lengths, strings, booleans, nulls and pairs of integers must be equal;
  other numbers may differ by the tolerance. Tuples count as lists.

  Args:
    name: goes into the result.
    got: what we computed.
    want: what was recorded.
    tolerance: largest absolute difference of two numbers that passes.
    relative: `tolerance` is relative to each recorded number.
  """
  diffs = [0.0]
  complaints: list[str] = []

  def compare(path: str, a: Any, b: Any) -> None:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
      if set(a) != set(b):
        missing, extra = sorted(set(b) - set(a)), sorted(set(a) - set(b))
        complaints.append(f'{path}: missing keys {missing}, extra {extra}')
      for key in b:
        if key in a:
          compare(f'{path}.{key}', a[key], b[key])
    elif _is_list(a) and _is_list(b):
      if len(a) != len(b):
        complaints.append(f'{path}: {len(a)} items, wanted {len(b)}')
      for i, (x, y) in enumerate(zip(a, b, strict=False)):
        compare(f'{path}[{i}]', x, y)
    elif _is_number(a) and _is_number(b):
      if not _close(a, b):
        complaints.append(f'{path}: got {a!r}, wanted {b!r}')
    elif type(a) is not type(b) or a != b:
      complaints.append(f'{path}: got {a!r}, wanted {b!r}')

  def _close(a: Any, b: Any) -> bool:
    if math.isnan(a) or math.isnan(b):
      return math.isnan(a) and math.isnan(b)
    if a == b:
      return True
    diffs.append(abs(float(a) - float(b)))
    both_integers = all(isinstance(x, numbers.Integral) for x in (a, b))
    allowed = tolerance * abs(b) if relative else tolerance
    return not both_integers and diffs[-1] <= allowed

  compare('', got, want)
  note = complaints[0].removeprefix(': ').lstrip('.') if complaints else ''
  if len(complaints) > 1:
    note += f' (and {len(complaints) - 1} more)'
  if relative and not note:
    note = 'tolerance relative to each number'
  return Comparison(
    name=name,
    max_abs_diff=max(diffs),
    tolerance=tolerance,
    passed=not complaints,
    note=note,
  )


def _kind(array: np.ndarray) -> str:
  if array.dtype.kind == 'b':
    return 'bool'
  if array.dtype.kind in 'iu':
    return 'integer'
  # bfloat16 and the 8-bit floats are no numpy kind of their own.
  if array.dtype.kind == 'f' or 'float' in array.dtype.name:
    return 'float'
  return 'other'


def _is_number(value: Any) -> bool:
  return isinstance(value, numbers.Real) and not isinstance(
    value, bool | np.bool_
  )


def _is_list(value: Any) -> bool:
  return isinstance(value, Sequence) and not isinstance(value, str | bytes)
