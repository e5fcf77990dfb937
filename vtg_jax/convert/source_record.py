"""What a checkpoint remembers of the files it was converted from.

Written to `source.json`, it holds every tensor's key, type and shape in file
order, so that export can write the same files again.
"""

import dataclasses
from pathlib import Path
from typing import Any

from vtg_jax.convert.engine import Plan
from vtg_jax.convert.tensor_file import DTYPES, TensorInfo
from vtg_jax.errors import BadInput

FORMAT_VERSION = 1
# What became of a tensor: it is in the parameters; its first rows are and the
# rest is in the buffers; it is in the buffers; a later source replaced it.
PARAM, TRIMMED, KEPT, OVERRIDDEN = 'param', 'trimmed', 'kept', 'overridden'


@dataclasses.dataclass(frozen=True)
class TensorRecord:
  """One tensor: its key, header, and what became of it."""

  key: str
  info: TensorInfo
  fate: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileRecord:
  """One file.

  Attributes:
    name: its name.
    metadata: its own strings.
    tensors: they, in order.
    nesting: names on the way to a tensor that lay in tables of tables.
  """

  name: str
  metadata: dict[str, str]
  tensors: tuple[TensorRecord, ...]
  nesting: dict[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceRecord:
  """One source as the user gave it.

  Attributes:
    name: last part of its path.
    is_folder: whether it was a folder.
    files: its weight files, in order.
    companions: names of the small files kept from beside them.
    scope: see `Source`.
  """

  name: str
  is_folder: bool
  files: tuple[FileRecord, ...]
  companions: tuple[str, ...]
  scope: str = ''


def buffer_name(source: int, key: str) -> str:
  """Returns the name of a kept tensor in `buffers.safetensors`."""
  return f'{source}/{key}'


def record_of(plan: Plan) -> tuple[SourceRecord, ...]:
  """Returns what to remember of the sources of a conversion."""
  fates: dict[tuple[int, str], str] = {}
  fates |= {(p.source, p.key): TRIMMED for p in plan.trimmed}
  fates |= {(source, key): KEPT for source, key, _ in plan.ignored}
  fates |= dict.fromkeys(plan.overridden, OVERRIDDEN)
  return tuple(
    SourceRecord(
      name=source.path.absolute().name,
      is_folder=source.is_folder,
      files=tuple(
        FileRecord(
          name=file.path.name,
          metadata=dict(file.metadata),
          tensors=tuple(
            TensorRecord(key, info, fates.get((number, key), PARAM))
            for key, info in file.tensors.items()
          ),
          nesting=dict(file.nesting),
        )
        for file in source.files
      ),
      companions=tuple(path.name for path in source.companions),
      scope=source.scope,
    )
    for number, source in enumerate(plan.sources)
  )


def to_json(sources: tuple[SourceRecord, ...]) -> dict[str, Any]:
  """Returns the record as a JSON table."""
  return {
    'format_version': FORMAT_VERSION,
    'sources': [
      {
        'name': source.name,
        'is_folder': source.is_folder,
        'companions': list(source.companions),
        **({'scope': source.scope} if source.scope else {}),
        'files': [
          {
            'name': file.name,
            'metadata': file.metadata,
            'tensors': {
              tensor.key: [
                tensor.info.dtype,
                list(tensor.info.shape),
                tensor.fate,
              ]
              for tensor in file.tensors
            },
          }
          | ({'nesting': file.nesting} if file.nesting else {})
          for file in source.files
        ],
      }
      for source in sources
    ],
  }


def from_json(table: dict[str, Any], path: Path) -> tuple[SourceRecord, ...]:
  """Returns the record in a JSON table.

  Args:
    table: what `to_json` made.
    path: the file it was read from, for messages.

  Raises:
    BadInput: it is not such a table, or names files outside their folder.
  """
  try:
    sources = tuple(map(_source, table['sources']))
  except (KeyError, TypeError, ValueError, AttributeError) as error:
    raise BadInput(
      f'{path} is not a record of converted files; convert them again'
    ) from error
  return sources


def _source(table: dict[str, Any]) -> SourceRecord:
  return SourceRecord(
    name=_plain_name(table['name']),
    is_folder=bool(table['is_folder']),
    companions=tuple(map(_plain_name, table['companions'])),
    scope=_text(table.get('scope', '')),
    files=tuple(
      FileRecord(
        name=_plain_name(file['name']),
        metadata=dict(file['metadata']),
        tensors=tuple(
          TensorRecord(key, _info(dtype, shape), fate)
          for key, (dtype, shape, fate) in file['tensors'].items()
        ),
        nesting={
          key: tuple(map(_text, names))
          for key, names in file.get('nesting', {}).items()
        },
      )
      for file in table['files']
    ),
  )


def _info(dtype: str, shape: list[int]) -> TensorInfo:
  if dtype not in DTYPES or any(type(n) is not int or n < 0 for n in shape):
    raise ValueError(f'{dtype} {shape}')
  return TensorInfo(dtype, tuple(shape))


def _text(name: Any) -> str:
  if not isinstance(name, str):
    raise ValueError(name)
  return name


def _plain_name(name: str) -> str:
  if name != Path(name).name or set('\\\0') & set(name) or name in ('', '..'):
    raise ValueError(name)
  return name
