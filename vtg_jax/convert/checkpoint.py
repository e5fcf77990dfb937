"""Our checkpoint folder.

FOLDER/
  config.json          format_version, system, and the system's configuration
  params/              the parameters, an ordinary Orbax checkpoint
  tokenizers/          tokenizer files as released
  source.json          what the parameters were converted from (if they were)
  buffers.safetensors  tensors of the source that are no parameters
  source_files/        small files that lay beside the source's weights
  NAME/                the checkpoint of a part that is a system of its own
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vtg_jax.convert.new_folder import new_folder
from vtg_jax.convert.param_tree import flatten, unflatten
from vtg_jax.convert.stored_params import StoredParams
from vtg_jax.errors import BadInput

FORMAT_VERSION = 1
CONFIG, PARAMS, TOKENIZERS = 'config.json', 'params', 'tokenizers'
SOURCE, BUFFERS = 'source.json', 'buffers.safetensors'
SOURCE_FILES = 'source_files'


def read_config(folder: Path | str) -> dict[str, Any]:
  """Returns a checkpoint's `config.json`.

  Args:
    folder: a checkpoint folder of ours.

  Returns:
    At least `format_version` and `system`.

  Raises:
    BadInput: no such folder, not one of ours, or of a later format.
  """
  folder = Path(folder)
  if not folder.is_dir():
    raise BadInput(
      f'{folder} is not a folder; give a checkpoint made by vtg convert'
    )
  config = read_json(folder / CONFIG)
  version, system = config.get('format_version'), config.get('system')
  named = isinstance(system, str) and re.fullmatch(r'[\w-]+', system)
  if type(version) is not int or not named:
    raise BadInput(
      f'{folder / CONFIG} names no format_version and system; give a '
      'checkpoint made by vtg convert'
    )
  if version > FORMAT_VERSION:
    raise BadInput(
      f'{folder} has format {version} and this version reads up to '
      f'{FORMAT_VERSION}; install a later vtg-jax'
    )
  return config


def load_params(
  folder: Path | str,
  *,
  dtype: np.dtype | type | None = None,
  only: str | tuple[str, ...] | None = None,
  expected: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
  """Returns a checkpoint's parameters as a nested dict of NumPy arrays.

  Args:
    folder: a checkpoint folder of ours.
    dtype: type to convert to; None keeps what is stored.
    only: prefixes of the wanted paths, such as 'llm/'; None takes all.
    expected: path -> what has the `shape` that the parameter must have, for
      exactly the parameters there must be.

  Raises:
    BadInput: no checkpoint there, it is damaged, or it is not as expected.
  """
  read_config(folder)
  stored = StoredParams(Path(folder) / PARAMS)
  if expected is not None:
    check_shapes(Path(folder), stored.shapes, expected)
  prefixes = (only,) if isinstance(only, str) else only
  flat = {}
  for path in stored.shapes:
    if prefixes is None or path.startswith(prefixes):
      values = stored.read(path)
      flat[path] = values if dtype is None else values.astype(dtype, copy=False)
  return unflatten(flat)


def check_shapes(
  folder: Path,
  shapes: Mapping[str, tuple[int, ...]],
  expected: Mapping[str, Any],
) -> None:
  """Raises BadInput naming the first parameter that differs, and how many.

  Args:
    folder: whose parameters they are.
    shapes: path -> shape that there is.
    expected: path -> what has the `shape` that there must be.
  """
  wanted = {path: tuple(leaf.shape) for path, leaf in expected.items()}
  wrong = []
  for path in sorted(shapes.keys() | wanted.keys()):
    if path not in shapes:
      wrong.append(f'{path} is missing from it')
    elif path not in wanted:
      wrong.append(f'its {path} is unknown')
    elif shapes[path] != wanted[path]:
      wrong.append(f'its {path} has shape {shapes[path]}, not {wanted[path]}')
  if wrong:
    others = f' (and {len(wrong) - 1} more like it)' if len(wrong) > 1 else ''
    raise BadInput(
      f'{folder / PARAMS} does not fit its config.json: {wrong[0]}{others}; '
      'correct config.json or convert the checkpoint again'
    )


def save_checkpoint(
  out: Path | str,
  params: Mapping[str, Any],
  config: Mapping[str, Any],
  *,
  tokenizer_files: Mapping[str, Path | str] | None = None,
  trained_from: Path | str | None = None,
  parts: Mapping[str, Path | str] | None = None,
  overwrite: bool = False,
) -> None:
  """Writes parameters in memory as a checkpoint folder.

  Args:
    out: the new folder.
    params: nested dict of arrays.
    config: the system's configuration, with its name under `system`.
    tokenizer_files: name in the folder -> file to copy.
    trained_from: the checkpoint that training began from; its record of the
      released files is copied, so that export can follow their layout.
    parts: name in the folder -> checkpoint folder to copy.
    overwrite: replace `out` where it is a checkpoint of ours.

  Raises:
    BadInput: `out` is in the way or the disk is full.
  """
  import jax
  import orbax.checkpoint as ocp

  replaceable = is_checkpoint if overwrite else None
  n_bytes = sum(leaf.nbytes for leaf in flatten(params).values())
  with new_folder(out, n_bytes=n_bytes, may_replace=replaceable) as folder:
    # One process of several may write; Orbax would wait for the others.
    alone = ocp.options.MultiprocessingOptions(
      primary_host=jax.process_index(),
      active_processes={jax.process_index()},
      barrier_sync_key_prefix='save_checkpoint',
    )
    handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=alone)
    with ocp.Checkpointer(
      handler, multiprocessing_options=alone
    ) as checkpointer:
      checkpointer.save((folder / PARAMS).absolute(), dict(params))
    if trained_from is not None:
      copy_source_record(Path(trained_from), folder)
    for name, part in (parts or {}).items():
      read_config(part)  # raises where it is no checkpoint
      shutil.copytree(part, folder / name)
    write_description(folder, config, tokenizer_files or {})


def tokenizer_file(folder: Path | str, name: str) -> Path:
  """Returns the path of a tokenizer file; raises BadInput if not there."""
  path = Path(folder) / TOKENIZERS / name
  if not path.is_file():
    raise BadInput(f'{path} is missing; convert the checkpoint again')
  return path


def is_checkpoint(folder: Path) -> bool:
  """Returns whether a folder is a checkpoint of ours."""
  try:
    return (folder / PARAMS).is_dir() and bool(read_config(folder))
  except BadInput:
    return False


def write_description(
  folder: Path,
  config: Mapping[str, Any],
  tokenizer_files: Mapping[str, Path | str],
) -> None:
  """Writes the tokenizer files and, last of all, `config.json`."""
  (folder / TOKENIZERS).mkdir()
  for name, path in tokenizer_files.items():
    if not Path(path).is_file():
      raise BadInput(f'{path} does not exist; give the tokenizer file')
    shutil.copyfile(path, folder / TOKENIZERS / name)
  write_json(folder / CONFIG, {'format_version': FORMAT_VERSION, **config})


def copy_source_record(old: Path, new: Path) -> None:
  """Copies what a checkpoint knows of the released files, if anything."""
  for name in (SOURCE, BUFFERS):
    if (old / name).is_file():
      shutil.copyfile(old / name, new / name)
  if (old / SOURCE_FILES).is_dir():
    shutil.copytree(old / SOURCE_FILES, new / SOURCE_FILES)


def read_json(path: Path) -> dict[str, Any]:
  """Returns the table in a JSON file; raises BadInput if there is none."""
  if path.exists() and not path.is_file():
    raise BadInput(f'{path} is not a file; convert the checkpoint again')
  try:
    table = json.loads(path.read_text(encoding='utf-8'))
  except FileNotFoundError as error:
    raise BadInput(
      f'{path} is missing; give a checkpoint made by vtg convert'
    ) from error
  except (OSError, ValueError, RecursionError) as error:
    raise BadInput(
      f'{path} cannot be read as JSON; convert the checkpoint again'
    ) from error
  if not isinstance(table, dict):
    raise BadInput(f'{path} is not a JSON table; convert the checkpoint again')
  return table


def write_json(path: Path, table: Mapping[str, Any]) -> None:
  """Writes a JSON table that a person can read."""
  text = json.dumps(table, indent=1, ensure_ascii=False) + '\n'
  path.write_text(text, encoding='utf-8')
