"""Replays recorded arrays by their names."""

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.systems.replay.comparison import (
  Comparison,
  compare_arrays,
  failure,
)

Arrays = Mapping[str, np.ndarray]
# Pattern of a name -> what makes the array from a source and the groups. The
# first pattern that matches counts.
Makers = Sequence[tuple[str, Callable]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tolerance:
  """What may differ.

  Attributes:
    most: largest difference that passes.
    relative: and this share of each recorded number.
    relative_to_max: `most` is relative to the array's largest magnitude.
  """

  most: float
  relative: float = 0.0
  relative_to_max: bool = False


# Pattern of a name -> what may differ; the first that matches counts.
Tolerances = Sequence[tuple[str, Tolerance]]


def replay_names(
  makers: Makers,
  tolerances: Tolerances,
  source: Any,
  names: Iterable[str],
  recorded: Arrays,
) -> tuple[list[Comparison], dict[str, np.ndarray]]:
  """Makes each named array and compares it where it was recorded.

  Returns:
    What was compared or could not be made, and the arrays.
  """
  comparisons, arrays = [], {}
  for name in names:
    tolerance = next(t for p, t in tolerances if re.fullmatch(p, name))
    made = [
      (maker, match.groups())
      for pattern, maker in makers
      if (match := re.fullmatch(pattern, name))
    ]
    if not made:
      comparisons.append(failure(name, 'no rule makes an array of this name'))
      continue
    maker, groups = made[0]
    try:
      array = np.asarray(maker(source, *groups))
    except Exception as error:  # whatever it is, this array was not replayed
      said = f'{type(error).__name__}: {error}'
      comparisons.append(failure(name, said, tolerance=tolerance.most))
      continue
    arrays[name] = array
    if name in recorded:
      comparisons.append(
        compare_arrays(
          name,
          array,
          recorded[name],
          tolerance.most,
          relative=tolerance.relative,
          relative_to_max=tolerance.relative_to_max,
        )
      )
  return comparisons, arrays


def attempt(name: str, compare: Callable[[], Comparison]) -> Comparison:
  """A comparison, or the failure that its exception is."""
  try:
    return compare()
  except Exception as error:  # whatever it is, this entry was not replayed
    return failure(name, f'{type(error).__name__}: {error}')


def load_arrays(path: Path) -> dict[str, np.ndarray]:
  """Arrays of an .npz file; nothing pickled is read.

  Raises:
    BadInput: when the file is missing or damaged.
  """
  try:
    with np.load(path, allow_pickle=False) as file:
      return {name: file[name] for name in file.files}
  except FileNotFoundError as error:
    raise BadInput(
      f'{path} does not exist; give a whole golden folder'
    ) from error
  except Exception as error:  # zip, zlib and numpy each raise their own
    raise BadInput(f'{path} cannot be read ({error}); copy it anew') from error


def require(folder: Path, names: Collection[str]) -> None:
  """Refuses a golden folder that lacks a file.

  Raises:
    BadInput: naming what is missing.
  """
  missing = [name for name in names if not (folder / name).is_file()]
  if missing:
    raise BadInput(
      f'{folder} has no {" and no ".join(missing)}; give a whole golden folder'
    )
