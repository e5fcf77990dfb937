"""Our checkpoint folder to the released PyTorch layout."""

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vtg_jax.convert import checkpoint, source_record
from vtg_jax.convert.engine import canonical_tensors, unconvert
from vtg_jax.convert.new_folder import new_folder
from vtg_jax.convert.progress import Progress, Teller
from vtg_jax.convert.readers import SCOPE_END, STAGE_FILES
from vtg_jax.convert.safetensors_file import SafetensorsFile, write_safetensors
from vtg_jax.convert.source_record import FileRecord, SourceRecord
from vtg_jax.convert.stored_params import StoredParams
from vtg_jax.convert.table import Slot, Table
from vtg_jax.convert.tensor_file import NAMES, TensorInfo, first_ten
from vtg_jax.convert.torch_file import import_torch, write_torch
from vtg_jax.errors import BadInput

# Says in a header that PyTorch wrote the file, which its readers ask for.
_PT = {'format': 'pt'}


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewFile:
  """Where parameters of a scope go that came from no file.

  Attributes:
    name: path of the weight file less its suffix, such as 'dense/adapter'.
    beside: name -> contents of JSON files in the same folder.
  """

  name: str
  beside: Mapping[str, Mapping[str, Any]] = dataclasses.field(
    default_factory=dict
  )


def export_release(
  folder: Path | str,
  table: Table,
  out: Path | str,
  *,
  as_pth: bool = False,
  new_files: Mapping[str, NewFile] | None = None,
  progress: Progress | None = None,
) -> list[Path]:
  """Writes a checkpoint of ours in the layout it was converted from.

  Every converted file comes back as safetensors under its own name, bit for
  bit where nothing was trained. Parameters that came from no file are written
  under their released names to one more file, or one for each scope.

  Args:
    folder: a checkpoint folder of ours.
    table: the table it was converted with.
    out: the new folder.
    as_pth: also write the files, of folders those of a stage alone, as PyTorch
      state dicts, with the tables of tables that they had.
    new_files: scope -> file of the parameters that came from no file.
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
  files = _planned_files(record, params, table, system, new_files or {})
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
      for name, told in file.beside.items():
        checkpoint.write_json(path.parent / name, dict(told))
      if as_pth and file.is_one_state_dict:
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
    beside: name -> contents of JSON files that go with it.
  """

  name: str
  torch_name: str
  source: int | None
  metadata: Mapping[str, str]
  headers: Mapping[str, TensorInfo]
  slots: Mapping[str, Slot]
  trimmed: frozenset[str] = frozenset()
  nesting: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
  beside: Mapping[str, Mapping[str, Any]] = dataclasses.field(
    default_factory=dict
  )

  @property
  def is_one_state_dict(self) -> bool:
    """Whether it is no part of a language model's folder."""
    path = Path(self.name)
    return '/' not in self.name or path.stem in STAGE_FILES


def _planned_files(
  record: tuple[SourceRecord, ...],
  params: StoredParams,
  table: Table,
  system: str,
  new_files: Mapping[str, NewFile],
) -> list[_PlannedFile]:
  """Returns the files to write, those of the record first."""
  planned, covered, used = [], set(), set()
  for number, source in enumerate(record):
    folder = f'{_unused(source.name, used)}/' if source.is_folder else ''
    for file in source.files:
      planned_file = _planned_file(
        number, folder, file, source.scope, table, used
      )
      if planned_file.headers or not file.tensors:
        planned.append(planned_file)
        covered |= {(s.path, s.index) for s in planned_file.slots.values()}
  shapes = {path: params.shapes[path] for path in sorted(params.shapes)}
  new: dict[str, dict[str, tuple[Slot, TensorInfo]]] = {}
  for key, slot, shape in canonical_tensors(shapes, table):
    if (slot.path, slot.index) not in covered:
      info = TensorInfo(_float_name(params, slot.path), shape)
      scope, mark, own = key.rpartition(SCOPE_END)
      new.setdefault(scope + mark, {})[own] = slot, info
  usual = NewFile(name='trained' if record else system)
  for scope, tensors in new.items():
    file = new_files.get(scope, usual)
    folder, _, stem = file.name.rpartition('/')
    # As with what was read: a folder, or a lone file, of a name of its own.
    top = _unused(folder or stem, used)
    name = f'{top}/{stem}' if folder else top
    planned.append(
      _PlannedFile(
        name=f'{name}.safetensors',
        torch_name=f'{name}.{_torch_suffix(stem)}',
        source=None,
        metadata=_PT,
        headers={key: info for key, (_, info) in tensors.items()},
        slots={key: slot for key, (slot, _) in tensors.items()},
        beside=file.beside,
      )
    )
  return planned


def _planned_file(
  source: int,
  folder: str,
  file: FileRecord,
  scope: str,
  table: Table,
  used: set[str],
) -> _PlannedFile:
  """Returns one recorded file, less the tensors a later source replaced."""
  stem, suffix = file.name.rsplit('.', 1)
  if folder:
    name = f'{folder}{stem.replace("pytorch_model", "model")}'
  else:
    name = _unused(stem, used)
  tensors = [t for t in file.tensors if t.fate != source_record.OVERRIDDEN]
  slots = {
    t.key: table.slot(scope + t.key)
    for t in tensors
    if t.fate != source_record.KEPT
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
    torch_name=f'{name}.{suffix if is_torch else _torch_suffix(stem)}',
    source=source,
    metadata=_PT if is_torch else file.metadata,
    headers={t.key: t.info for t in tensors},
    slots=slots,
    trimmed=frozenset(
      t.key for t in tensors if t.fate == source_record.TRIMMED
    ),
    nesting=file.nesting,
  )


def _torch_suffix(stem: str) -> str:
  """Returns what the name of a PyTorch file ends with by custom."""
  return 'bin' if stem in STAGE_FILES else 'pth'


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
  if len(files) > 1 and not any(f.is_one_state_dict for f in files):
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
