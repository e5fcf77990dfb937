"""Released files to a checkpoint and back, as every system does it."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from vtg_jax.convert import checkpoint
from vtg_jax.convert.from_release import ConversionReport, convert_release
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import Source
from vtg_jax.convert.table import Table
from vtg_jax.convert.to_release import NewFile, export_release
from vtg_jax.errors import BadInput


class Sizes(Protocol):
  """A system's configuration."""

  def to_dict(self) -> dict[str, Any]:
    """Plain JSON types."""


AnySizes = TypeVar('AnySizes', bound=Sizes)


def existing(paths: Iterable[str | os.PathLike]) -> list[Path]:
  """The paths; raises BadInput if there is nothing at one of them."""
  found = [Path(path) for path in paths]
  for path in found:
    if not path.exists():
      raise BadInput(f'{path} does not exist; check the path')
  return found


def first_file(candidates: Iterable[Path], missing: str) -> Path:
  """The first of some paths that is a file.

  Args:
    candidates: In the order of preference.
    missing: What to say if none is.

  Raises:
    BadInput: saying so.
  """
  found = next((path for path in candidates if path.is_file()), None)
  if found is None:
    raise BadInput(missing)
  return found


def convert(
  system: str,
  sizes: Sizes,
  sources: Sequence[Source | Path],
  out: str | os.PathLike,
  *,
  table: Table,
  shapes: Mapping[str, Any],
  tokenizers: Mapping[str, Path],
  overwrite: bool,
  progress,
) -> ConversionReport:
  """Converts released files into a checkpoint folder of ours.

  Args:
    system: Its name.
    sizes: Written to the checkpoint's config.json.
    sources: In loading order, opened or not.
    out: The new folder.
    table: Rules for the keys.
    shapes: Nested dict of what has the shape of a parameter.
    tokenizers: Name in the checkpoint -> file to copy.
    overwrite: Replace `out` where it is a checkpoint of ours.
    progress: Called with (name, bytes done, bytes in all).

  Raises:
    BadInput: when a file does not fit; nothing is left behind.
  """
  return convert_release(
    sources,
    table,
    flatten(shapes),
    {'system': system, 'model': sizes.to_dict()},
    tokenizers,
    out,
    overwrite=overwrite,
    progress=progress,
  )


def export(
  folder: str | os.PathLike,
  out: str | os.PathLike,
  *,
  read_sizes: Callable[[Mapping], AnySizes],
  table: Callable[[AnySizes], Table],
  new_files: Callable[[AnySizes], Mapping[str, NewFile]] | None = None,
  as_pth: bool,
  progress,
) -> list[Path]:
  """Writes a checkpoint of ours under its released key names.

  Args:
    folder: The checkpoint.
    out: The new folder.
    read_sizes: Reads what `to_dict` wrote.
    table: Rules for the keys of a network of these sizes.
    new_files: Scope -> file of the parameters of such a network that came from
      no file.
    as_pth: Also write PyTorch files.
    progress: Called with (name, bytes done, bytes in all).
  """
  description = checkpoint.read_config(folder)
  sizes = read_sizes(description.get('model'))
  return export_release(
    folder,
    table(sizes),
    out,
    as_pth=as_pth,
    new_files=new_files(sizes) if new_files else None,
    progress=progress,
  )
