"""Our checkpoint folder to the released PyTorch layout."""

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from vtg_jax.convert import checkpoint, source_record
from vtg_jax.convert.engine import canonical_tensors, unconvert
from vtg_jax.convert.new_folder import new_folder
from vtg_jax.convert.progress import Progress, Teller
from vtg_jax.convert.safetensors_file import SafetensorsFile, write_safetensors
from vtg_jax.convert.source_record import FileRecord, SourceRecord
from vtg_jax.convert.stored_params import StoredParams
from vtg_jax.convert.table import Slot, Table
from vtg_jax.convert.tensor_file import NAMES, TensorInfo, first_ten
from vtg_jax.convert.torch_file import import_torch, write_torch
from vtg_jax.errors import BadInput


def export_release(
  folder: Path | str,
  table: Table,
  out: Path | str,
  *,
  as_pth: bool = False,
  progress: Progress | None = None,
) -> list[Path]:
  """Writes a checkpoint of ours in the layout it was converted from.

  Every converted file comes back as safetensors under its own name, bit for
  bit where nothing was trained. Parameters that came from no file are written
  under their released names to one more file.

  Args:
    folder: a checkpoint folder of ours.
    table: the table it was converted with.
    out: the new folder.
    as_pth: also write the files, not those of folders, as PyTorch state dicts,
      with the tables of tables that they had.
    progress: told after each tensor.

  Returns:
    The weight files, under `out`.

  Raises:
    BadInput: no checkpoint, one of another table, no room for `out`, or no
      torch for `as_pth`; nothing is left behind.
  """
  folder, out = Path(folder), Path(out)
  if as_pth:
    import_torch(out)
  system = checkpoint.read_config(folder)['system']
  params = StoredParams(folder / checkpoint.PARAMS)
  record_path = folder / checkpoint.SOURCE
  record: tuple[SourceRecord, ...] = ()
  if record_path.is_file():
    record = source_record.from_json(
      checkpoint.read_json(record_path), record_path
    )
  files = _planned_files(record, params, table, system)
  n_bytes = sum(i.n_bytes for f in files for i in f.headers.values())
  tell = Teller(n_bytes, progress)
  with new_folder(out, n_bytes=n_bytes * (1 + as_pth)) as partial:
    written = []
    for file in files:
      path = partial / file.name
      path.parent.mkdir(exist_ok=True)
      arrays = _exported(file, params, folder / checkpoint.BUFFERS, tell)
      write_safetensors(path, file.headers, arrays, file.metadata)
      written.append(out / file.name)
      if as_pth and '/' not in file.name:
        write_torch(partial / file.torch_name, path, file.nesting)
        written.append(out / file.torch_name)
    for number, source in enumerate(record):
      _finish_folder(
        source,
        [f for f in files if f.source == number],
        folder / checkpoint.SOURCE_FILES / str(number),
        partial,
      )
  return written


@dataclasses.dataclass(frozen=True, kw_only=True)
class _PlannedFile:
  """A file that export will write.

  Attributes:
    name: its path under the new folder.
    torch_name: the same for its PyTorch file.
    source: position of the source it stands for; None for one that is new.
    metadata: strings for its header.
    headers: its tensors, in order.
    slots: where the values of a tensor are; absent where in the buffers.
    trimmed: keys whose last rows are in the buffers.
    nesting: names on the way to a tensor that lay in tables of tables.
  """

  name: str
  torch_name: str
  source: int | None
  metadata: Mapping[str, str]
  headers: Mapping[str, TensorInfo]
  slots: Mapping[str, Slot]
  trimmed: frozenset[str] = frozenset()
  nesting: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)


def _planned_files(
  record: tuple[SourceRecord, ...],
  params: StoredParams,
  table: Table,
  system: str,
) -> list[_PlannedFile]:
  """Returns the files to write, those of the record first."""
  planned, covered, used = [], set(), set()
  for number, source in enumerate(record):
    folder = f'{_unused(source.name, used)}/' if source.is_folder else ''
    for file in source.files:
      planned_file = _planned_file(number, folder, file, table, used)
      if planned_file.headers:
        planned.append(planned_file)
        covered |= {(s.path, s.index) for s in planned_file.slots.values()}
  shapes = {path: params.shapes[path] for path in sorted(params.shapes)}
  new = [
    (key, slot, TensorInfo(_float_name(params, slot.path), shape))
    for key, slot, shape in canonical_tensors(shapes, table)
    if (slot.path, slot.index) not in covered
  ]
  if new:
    name = _unused('trained' if record else system, used)
    planned.append(
      _PlannedFile(
        name=f'{name}.safetensors',
        torch_name=f'{name}.pth',
        source=None,
        metadata={'format': 'pt'},
        headers={key: info for key, _, info in new},
        slots={key: slot for key, slot, _ in new},
      )
    )
  return planned


def _planned_file(
  source: int, folder: str, file: FileRecord, table: Table, used: set[str]
) -> _PlannedFile:
  """Returns one recorded file, less the tensors a later source replaced."""
  stem, suffix = file.name.rsplit('.', 1)
  if folder:
    name = f'{folder}{stem.replace("pytorch_model", "model")}'
  else:
    name = _unused(stem, used)
  tensors = [t for t in file.tensors if t.fate != source_record.OVERRIDDEN]
  slots = {
    t.key: table.slot(t.key) for t in tensors if t.fate != source_record.KEPT
  }
  unknown = [key for key, slot in slots.items() if slot is None]
  if unknown:
    raise BadInput(
      f'{first_ten(unknown)} are keys of another system; export a checkpoint '
      'with the system it was converted for'
    )
  is_torch = suffix != 'safetensors'
  return _PlannedFile(
    name=f'{name}.safetensors',
    torch_name=f'{name}.{suffix if is_torch else "pth"}',
    source=source,
    metadata={'format': 'pt'} if is_torch else file.metadata,
    headers={t.key: t.info for t in tensors},
    slots=slots,
    trimmed=frozenset(
      t.key for t in tensors if t.fate == source_record.TRIMMED
    ),
    nesting=file.nesting,
  )


def _unused(name: str, used: set[str]) -> str:
  """Returns a name that no other file of the export has, and marks it."""
  candidate, number = name, 1
  while candidate in used:
    number += 1
    candidate = f'{name}-{number}'
  used.add(candidate)
  return candidate


def _float_name(params: StoredParams, path: str) -> str:
  dtype = params.dtypes[path]
  if dtype not in NAMES:
    raise BadInput(f'{path} is {dtype}; export a checkpoint of float arrays')
  return NAMES[dtype]


def _exported(
  file: _PlannedFile, params: StoredParams, buffers: Path, tell: Teller
) -> Iterator[np.ndarray]:
  """Yields a file's tensors in order."""
  kept = SafetensorsFile.open(buffers) if buffers.is_file() else None
  for key, info in file.headers.items():
    rest = None
    if key not in file.slots or key in file.trimmed:
      name = source_record.buffer_name(file.source, key)
      if kept is None or name not in kept.tensors:
        raise BadInput(
          f'{buffers} lacks {key}; convert the released files again'
        )
      rest = kept.read(name)
    if key in file.slots:
      tensor = unconvert(params, file.slots[key], info, rest)
    else:
      tensor = rest
    yield tensor
    tell(key, info.n_bytes)


def _finish_folder(
  source: SourceRecord, files: list[_PlannedFile], kept: Path, out: Path
) -> None:
  """Writes a folder's index, where it has shards, and its small files."""
  if not source.is_folder or not files:
    return
  folder = (out / files[0].name).parent
  if len(files) > 1:
    checkpoint.write_json(
      folder / 'model.safetensors.index.json',
      {
        'metadata': {
          'total_size': sum(
            info.n_bytes for f in files for info in f.headers.values()
          )
        },
        'weight_map': {
          key: Path(f.name).name for f in files for key in f.headers
        },
      },
    )
  for name in source.companions:
    # A link could bring in a file from elsewhere on this machine.
    if (kept / name).is_file() and not (kept / name).is_symlink():
      shutil.copyfile(kept / name, folder / name)
