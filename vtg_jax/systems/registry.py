"""The systems by name, and the doors that lead to them."""

import dataclasses
import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.moments.calibration import read_calibration
from vtg_jax.systems.calibrated import Calibrated
from vtg_jax.systems.replay.comparison import Comparison

# The checkpoints that come with the library, and the one that is taken when
# none is named.
CHECKPOINTS = Path(__file__).parent.parent / 'checkpoints'
SHIPPED = CHECKPOINTS / 'hawkeye_small'


@dataclasses.dataclass(frozen=True, kw_only=True)
class System:
  """Where a system's functions live, as 'module:function'.

  They are imported when used: listing systems must not import jax. What is
  None is nothing that the system can do.

  Attributes:
    load: checkpoint folder -> grounder, or what a grounder looks through.
    convert: released files -> checkpoint folder.
    export: checkpoint folder -> released files.
    replay: golden folder -> comparisons and arrays.
    is_golden: config.json of a golden folder -> is it this system's.
    train: plain config -> what the training loop takes, a `train.task.Task`.
    plan: plain config, sizes of a step, mesh -> what to compile, by name.
  """

  load: str
  convert: str
  export: str
  replay: str | None = None
  is_golden: str | None = None
  train: str | None = None
  plan: str | None = None

  def function(self, name: str):
    """One of them, imported.

    Raises:
      BadInput: the system cannot do it.
    """
    if getattr(self, name) is None:
      raise BadInput(f'this system has no {name!r}; choose another one')
    module, function = getattr(self, name).split(':')
    return getattr(importlib.import_module(module), function)


SYSTEMS = {
  'hawkeye': System(
    load='vtg_jax.systems.hawkeye.grounder:load',
    convert='vtg_jax.systems.hawkeye.release:convert',
    export='vtg_jax.systems.hawkeye.release:export',
    replay='vtg_jax.systems.hawkeye.replay.arrays:replay',
    is_golden='vtg_jax.systems.hawkeye.release:is_golden',
    train='vtg_jax.systems.hawkeye.tasks:task',
    plan='vtg_jax.systems.hawkeye.programs:programs',
  ),
  'grounded_videollm': System(
    load='vtg_jax.systems.grounded_videollm.grounder:load',
    convert='vtg_jax.systems.grounded_videollm.release:convert',
    export='vtg_jax.systems.grounded_videollm.release:export',
    replay='vtg_jax.systems.grounded_videollm.replay.arrays:replay',
    is_golden='vtg_jax.systems.grounded_videollm.release:is_golden',
    train='vtg_jax.systems.grounded_videollm.tasks:task',
    plan='vtg_jax.systems.grounded_videollm.programs:programs',
  ),
  'revisionllm': System(
    load='vtg_jax.systems.revisionllm.grounder:load',
    convert='vtg_jax.systems.revisionllm.release:convert',
    export='vtg_jax.systems.revisionllm.release:export',
    replay='vtg_jax.systems.revisionllm.replay.arrays:replay',
    is_golden='vtg_jax.systems.revisionllm.release:is_golden',
    train='vtg_jax.systems.revisionllm.tasks:task',
    plan='vtg_jax.systems.revisionllm.programs:programs',
  ),
  'timechat': System(
    load='vtg_jax.systems.timechat.grounder:load',
    convert='vtg_jax.systems.timechat.release:convert',
    export='vtg_jax.systems.timechat.release:export',
    replay='vtg_jax.systems.timechat.replay.arrays:replay',
    is_golden='vtg_jax.systems.timechat.release:is_golden',
    train='vtg_jax.systems.timechat.tasks:task',
    plan='vtg_jax.systems.timechat.programs:programs',
  ),
  'clip': System(
    load='vtg_jax.systems.clip.frame_encoder:load',
    convert='vtg_jax.systems.clip.release:convert',
    export='vtg_jax.systems.clip.release:export',
    train='vtg_jax.systems.clip.tasks:task',
  ),
}


def system(name: str) -> System:
  """A system by name.

  Raises:
    BadInput: listing the known ones.
  """
  if name not in SYSTEMS:
    known = ', '.join(SYSTEMS)
    raise BadInput(f'{name!r} is no known system; use one of {known}')
  return SYSTEMS[name]


def shipped() -> list[str]:
  """Names of the checkpoints that come with the library."""
  return sorted(file.parent.name for file in CHECKPOINTS.glob('*/config.json'))


def folder_of(model: str | os.PathLike) -> Path:
  """A checkpoint's folder: a path, or the name of one that is shipped.

  What is there goes before what is shipped.

  Raises:
    BadInput: neither; the shipped ones are listed.
  """
  path = Path(model)
  if path.is_dir():
    return path
  names = shipped()
  if str(model) in names:
    return CHECKPOINTS / str(model)
  raise BadInput(
    f'{path} is not a folder; give a checkpoint made by vtg convert, or one '
    f'that is shipped: {", ".join(names)}'
  )


def load(
  folder: str | os.PathLike = SHIPPED, *, calibrated: bool = True, **options
):
  """Loads a checkpoint, whatever system it is of.

  Args:
    folder: Made by `vtg convert`, or the name of a shipped one, such as
      'grounded_videollm_small'; the small HawkEye when left out.
    calibrated: Where the folder says what scores are worth, in its
      calibration.json, give calibrated ones; False gives the system's own.
    **options: Of the system's own `load`, such as `dtype`.

  Returns:
    The grounder.

  Raises:
    BadInput: when the folder is no checkpoint, or its calibration is none.
  """
  folder = folder_of(folder)
  description = checkpoint.read_config(folder)
  calibration = read_calibration(folder) if calibrated else None
  grounder = system(description['system']).function('load')(folder, **options)
  if calibration is None:
    return grounder
  return Calibrated(grounder, calibration)


def convert(
  name: str,
  sources: Sequence[str | os.PathLike],
  out: str | os.PathLike,
  **options,
):
  """Converts released files of the named system; see its `convert`."""
  return system(name).function('convert')(sources, out, **options)


def export(folder: str | os.PathLike, out: str | os.PathLike, **options):
  """Exports a checkpoint to its released layout; see its system's `export`."""
  folder = folder_of(folder)
  description = checkpoint.read_config(folder)
  exporter = system(description['system']).function('export')
  return exporter(folder, out, **options)


def replay(folder: str | os.PathLike) -> tuple[list[Comparison], dict]:
  """Replays a golden folder through the system it was made with.

  Returns:
    A comparison for every array and case, and the arrays by name.

  Raises:
    BadInput: when no system recognises the folder.
  """
  file = Path(folder) / 'config.json'
  if not file.is_file():
    raise BadInput(f'{file} does not exist; give a folder of golden files')
  description = checkpoint.read_json(file)
  known = {name: one for name, one in SYSTEMS.items() if one.replay}
  for candidate in known.values():
    if candidate.function('is_golden')(description):
      return candidate.function('replay')(Path(folder))
  raise BadInput(
    f'{file} describes none of the known systems: {", ".join(known)}'
  )
