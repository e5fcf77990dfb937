"""Released PyTorch files to our checkpoint folder."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vtg_jax.convert import checkpoint, source_record
from vtg_jax.convert.engine import Leaf, Plan, ShapeDtype, plan
from vtg_jax.convert.new_folder import new_folder
from vtg_jax.convert.orbax_stream import StreamedArray, write_params
from vtg_jax.convert.progress import Progress, Teller
from vtg_jax.convert.readers import Source, open_source
from vtg_jax.convert.safetensors_file import write_safetensors
from vtg_jax.convert.table import Table
from vtg_jax.convert.tensor_file import TensorInfo, first_ten, has_non_finite
from vtg_jax.errors import BadInput


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConversionReport:
  """What a conversion did.

  Attributes:
    folder: the checkpoint.
    n_values: numbers in all parameters.
    n_bytes: their size.
    ignored: (source, key, reason) of tensors that fill no parameter; they are
      kept for export.
    overridden: (source, key, later source) of tensors that a later source
      replaced; export does not write them.
    trimmed: (source, key) of tensors whose last rows no parameter takes; they
      are kept for export.
  """

  folder: Path
  n_values: int
  n_bytes: int
  ignored: tuple[tuple[str, str, str], ...]
  overridden: tuple[tuple[str, str, str], ...]
  trimmed: tuple[tuple[str, str], ...]


def convert_release(
  sources: Sequence[Source | Path | str],
  table: Table,
  expected: Mapping[str, ShapeDtype],
  config: Mapping[str, Any],
  tokenizer_files: Mapping[str, Path | str],
  out: Path | str,
  *,
  overwrite: bool = False,
  progress: Progress | None = None,
) -> ConversionReport:
  """Converts released files into a checkpoint folder of ours.

  Memory stays near the largest single tensor. Types are kept as released.

  Args:
    sources: files and folders, or opened ones, in loading order; a later one
      wins.
    table: rules for their keys.
    expected: path -> shape of every parameter of the model.
    config: the system's configuration, with its name under `system`.
    tokenizer_files: name in the checkpoint -> file to copy.
    out: the new folder.
    overwrite: replace `out` where it is a checkpoint of ours.
    progress: told after each tensor.

  Raises:
    BadInput: a source that cannot be read, keys or shapes that do not fit,
      values that are not finite, or no room for `out`; nothing is left behind.
  """
  paths = [
    source.path if isinstance(source, Source) else source for source in sources
  ]
  inside = [
    path
    for path in (*paths, *tokenizer_files.values())
    if Path(out).resolve() in Path(path).resolve().parents
  ]
  if inside:
    raise BadInput(
      f'{inside[0]} lies in {out}, which would be replaced; choose another '
      'place'
    )
  opened = [
    source if isinstance(source, Source) else open_source(source)
    for source in sources
  ]
  steps = plan(opened, table, expected)
  replaceable = checkpoint.is_checkpoint if overwrite else None
  with new_folder(
    out, n_bytes=steps.n_bytes, may_replace=replaceable
  ) as folder:
    non_finite: list[str] = []
    tell = Teller(steps.n_bytes, progress)
    write_params(
      folder / checkpoint.PARAMS,
      [_streamed(steps, leaf, non_finite, tell) for leaf in steps.leaves],
    )
    _refuse_values(steps, non_finite)
    if steps.ignored or steps.trimmed:
      _write_buffers(steps, folder / checkpoint.BUFFERS)
    checkpoint.write_json(
      folder / checkpoint.SOURCE,
      source_record.to_json(source_record.record_of(steps)),
    )
    for number, source in enumerate(steps.sources):
      kept = folder / checkpoint.SOURCE_FILES / str(number)
      for path in source.companions:
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept / path.name)
    checkpoint.write_description(folder, config, tokenizer_files)
  return _report(steps, Path(out))


def _streamed(
  steps: Plan, leaf: Leaf, non_finite: list[str], tell: Teller
) -> StreamedArray:
  """Returns a parameter that is read while it is written."""

  def chunks() -> Iterator[tuple[int | None, np.ndarray]]:
    for piece in leaf.pieces:
      values = steps.read(piece)
      if has_non_finite(values):
        non_finite.append(piece.key)
      n_bytes = values.nbytes
      yield piece.slot.index, values.astype(leaf.dtype, copy=False)
      del values
      tell(piece.key, n_bytes)

  return StreamedArray(
    path=leaf.path,
    shape=leaf.shape,
    dtype=leaf.dtype,
    stacked=leaf.pieces[0].slot.index is not None,
    chunks=chunks,
  )


def _refuse_values(steps: Plan, non_finite: list[str]) -> None:
  if non_finite:
    raise BadInput(
      f'NaN or infinite values are in {first_ten(sorted(non_finite))}; use '
      'files from before training diverged, or download them again'
    )
  untied = steps.untied()
  if untied:
    raise BadInput(
      f'{first_ten(untied)} should be equal bit for bit; give files of one '
      'training, or a configuration in which they are not shared'
    )


def _write_buffers(steps: Plan, path: Path) -> None:
  """Writes the tensors and rows that are no parameters."""
  tensors: dict[str, TensorInfo] = {}
  readers: list[Callable[[], np.ndarray]] = []
  for source, key, _ in steps.ignored:
    name = source_record.buffer_name(source, key)
    tensors[name] = steps.sources[source].tensors[key]
    readers.append(lambda s=source, k=key: steps.sources[s].read(k))
  for piece in steps.trimmed:
    info = steps.sources[piece.source].tensors[piece.key]
    name = source_record.buffer_name(piece.source, piece.key)
    shape = (info.shape[0] - piece.n_rows, *info.shape[1:])
    tensors[name] = TensorInfo(info.dtype, shape)
    readers.append(lambda p=piece: steps.read_trimmed(p))
  write_safetensors(path, tensors, (read() for read in readers))


def _report(steps: Plan, out: Path) -> ConversionReport:
  names = [str(source.path) for source in steps.sources]
  return ConversionReport(
    folder=out,
    n_values=sum(leaf.n_bytes // leaf.dtype.itemsize for leaf in steps.leaves),
    n_bytes=steps.n_bytes,
    ignored=tuple((names[s], key, why) for s, key, why in steps.ignored),
    overridden=tuple(
      (names[s], key, names[later])
      for (s, key), later in steps.overridden.items()
    ),
    trimmed=tuple((names[p.source], p.key) for p in steps.trimmed),
  )
