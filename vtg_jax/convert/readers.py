"""What the user names as a source: a file of tensors or a model folder."""

import dataclasses
import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vtg_jax.convert.safetensors_file import SafetensorsFile
from vtg_jax.convert.tensor_file import TensorFile, TensorInfo, first_ten
from vtg_jax.convert.torch_file import TorchFile
from vtg_jax.errors import BadInput

_TORCH_SUFFIXES = ('.pth', '.pt', '.bin', '.ckpt')
_INDEX_NAMES = ('model.safetensors.index.json', 'pytorch_model.bin.index.json')
_WEIGHTS = re.compile(
  r'(pytorch_)?model(-(?P<part>\d+)-of-(?P<parts>\d+))?\.(safetensors|bin)'
)
# What a stage of fine-tuning leaves in its folder, less the suffix: an adapter,
# what else it trained, or the projector alone.
STAGE_FILES = ('adapter_model', 'non_lora_trainables', 'mm_projector')
# Ends the scope of a source.
SCOPE_END = '|'
# Small files beside the weights without which the folder would not load.
COMPANIONS = (
  'config.json',
  'generation_config.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'adapter_config.json',
  'tokenizer.json',
  'tokenizer.model',
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
  """One thing the user gave: a file, or a folder whose shards are one model.

  Attributes:
    path: as given.
    files: its tensor files, in order.
    is_folder: whether it was given as a folder.
    companions: small files beside the weights of a folder.
    scope: what the table finds before its keys: which of several sources with
      the same keys it is. Ends with `SCOPE_END` where it is not empty.
  """

  path: Path
  files: tuple[TensorFile, ...]
  is_folder: bool = False
  companions: tuple[Path, ...] = ()
  scope: str = ''

  @functools.cached_property
  def _file_of(self) -> Mapping[str, TensorFile]:
    return {key: file for file in self.files for key in file.tensors}

  @functools.cached_property
  def tensors(self) -> Mapping[str, TensorInfo]:
    """Header of every tensor, in the order of files and bytes."""
    return {k: info for f in self.files for k, info in f.tensors.items()}

  def read(self, key: str) -> np.ndarray:
    """Returns a fresh contiguous copy of one tensor."""
    return self._file_of[key].read(key)


def open_source(path: Path | str) -> Source:
  """Opens what the user gave and reads every header.

  Args:
    path: a `.safetensors` or PyTorch file, a `*.index.json`, or a folder in
      Hugging Face layout.

  Returns:
    The source; no tensor has been read.

  Raises:
    BadInput: nothing there, a format we do not read, a missing or damaged
      shard, an index that points elsewhere, or a key in two files.
  """
  path = Path(path)
  if not path.exists():
    raise BadInput(f'{path} does not exist; check the path')
  if not (path.is_file() or path.is_dir()):
    raise BadInput(f'{path} is a pipe or device; give a file or folder')
  index = None
  if path.is_dir():
    indices = (path / name for name in _INDEX_NAMES)
    index = next(filter(Path.is_file, indices), None)
  elif path.name.endswith('.index.json'):
    path, index = path.absolute().parent, path
  else:
    return Source(path=path, files=(_open_file(path),))
  shards = _shards_of_index(index) if index else _shards_of_folder(path)
  companions = (path / name for name in COMPANIONS)
  source = Source(
    path=path,
    files=tuple(map(_open_file, shards)),
    is_folder=True,
    companions=tuple(filter(Path.is_file, companions)),
  )
  _refuse_twins(source)
  if index:
    _check_index(index, source)
  return source


def _open_file(path: Path) -> TensorFile:
  if path.suffix == '.safetensors':
    return SafetensorsFile.open(path)
  if path.suffix in _TORCH_SUFFIXES:
    return TorchFile(path)
  raise BadInput(
    f'{path} is neither safetensors nor a PyTorch file by its name; give a '
    f'file that ends in .safetensors, {", ".join(_TORCH_SUFFIXES)}'
  )


def _shards_of_folder(folder: Path) -> list[Path]:
  """Returns the weight files of a folder, safetensors before PyTorch's."""
  for suffix in ('safetensors', 'bin'):
    found = {
      path: _WEIGHTS.fullmatch(path.name)
      for path in sorted(folder.glob(f'*.{suffix}'))
    }
    found = {path: match for path, match in found.items() if match}
    if not found:
      continue
    totals = {int(m['parts'] or 1) for m in found.values()}
    if totals != {len(found)}:
      raise BadInput(
        f'{folder} has {len(found)} weight files of {max(totals)}; download '
        'the missing ones'
      )
    return list(found)
  stage = [
    next(filter(Path.is_file, files), None)
    for files in (
      [folder / f'{stem}.{suffix}' for suffix in ('safetensors', 'bin')]
      for stem in STAGE_FILES
    )
  ]
  if any(stage):  # none of them knows of the others
    return list(filter(None, stage))
  lone = sorted(folder.glob('*.safetensors'))
  if len(lone) == 1:
    return lone
  raise BadInput(
    f'{folder} has no model.safetensors, pytorch_model.bin or shards of them; '
    'give the folder that holds the weights'
  )


def _shards_of_index(index: Path) -> list[Path]:
  """Returns the files an index names, all of them beside it."""
  try:
    names = list(dict.fromkeys(_weight_map(index).values()))
    usable = names and all(isinstance(name, str) for name in names)
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise BadInput(
      f'{index} is not an index of weight files; download it again'
    ) from error
  if not usable:
    raise BadInput(f'{index} names no weight files; download it again')
  outside = [n for n in names if n != Path(n).name or '\\' in n or n == '..']
  if outside:
    raise BadInput(
      f'{index} names files outside its folder ({first_ten(outside)}); use '
      'an index whose files lie beside it'
    )
  missing = [n for n in names if not (index.parent / n).is_file()]
  if missing:
    raise BadInput(
      f'{index} names files that are not there ({first_ten(missing)}); '
      'download them into the same folder'
    )
  return sorted(index.parent / name for name in names)


def _weight_map(index: Path) -> dict[str, str]:
  return json.loads(index.read_text(encoding='utf-8'))['weight_map']


def _check_index(index: Path, source: Source) -> None:
  """Refuses a shard that lacks a key which the index says is there."""
  held = {file.path.name: file.tensors for file in source.files}
  absent = [k for k, name in _weight_map(index).items() if k not in held[name]]
  if absent:
    raise BadInput(
      f'{index} names tensors that their files do not hold '
      f'({first_ten(absent)}); download the folder again'
    )


def _refuse_twins(source: Source) -> None:
  seen: set[str] = set()
  twins = []
  for file in source.files:
    twins += [key for key in file.tensors if key in seen]
    seen |= set(file.tensors)
  if twins:
    raise BadInput(
      f'{source.path} holds {first_ten(twins)} in more than one file; remove '
      'the file that does not belong'
    )
