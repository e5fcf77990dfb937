"""Checkpoints of a run in progress: written whole or not at all, resumable.

FOLDER/
  STEP/
    state/          step, what trains, optimiser state, random key (Orbax)
    run/            process_0-of-1.json: the config, where the process's data
                    stands, figures not yet logged, checksums of the state
    ...             and Orbax's own descriptions
  STEP.damaged/     what could not be read and was passed over
"""

import contextlib
import dataclasses
import gc
import io
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from jaxtyping import PyTree
from orbax.checkpoint.checkpoint_managers import preservation_policy

from vtg_jax.errors import BadInput, is_disk_full
from vtg_jax.train.checksums import checksums
from vtg_jax.train.process_json import ProcessJsonRestore, ProcessJsonSave

# Entries of a config that change how a run goes, not what comes out of it;
# the last part of a dotted name, or a table.
HARMLESS = frozenset(
  {'checkpoint_every', 'keep_every', 'keep_last', 'log_every', 'mesh'}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Restored:
  """What a run goes on from.

  Attributes:
    step: finished steps.
    state: as saved, laid out as asked for.
    data: what `get_state` of this process's batches gave.
    progress: figures that belong to the next logged step; JSON types.
    damaged: newer steps that could not be read, and why.
  """

  step: int
  state: PyTree
  data: Mapping[str, Any]
  progress: Mapping[str, Any]
  damaged: Mapping[int, str]


class Checkpoints:
  """The checkpoints of one run; a context that waits for what is written.

  Saving returns once the state is copied off the devices; the files are
  written meanwhile and get their name when they are complete.

  Args:
    folder: made if missing. What an interrupted save left in it is removed.
    config: what the run is configured by, JSON types; kept in each checkpoint
      and compared when one is restored.
    may_change: names of further entries of `config` that a later run may set
      otherwise; see HARMLESS.
    keep_last: how many of the newest are kept.
    keep_every: and every one at a multiple of so many steps; None for none.
  """

  def __init__(
    self,
    folder: Path | str,
    *,
    config: Mapping[str, Any],
    may_change: Sequence[str] = (),
    keep_last: int = 2,
    keep_every: int | None = None,
  ):
    self.folder = Path(folder).resolve()
    self._config = json.loads(json.dumps(config))
    self._may_change = HARMLESS | set(may_change)
    policies = [preservation_policy.LatestN(keep_last)]
    if keep_every:
      policies.append(preservation_policy.EveryNSteps(keep_every))
    with self._told_of_a_full_disk(), _hushed():
      self._manager = ocp.CheckpointManager(
        self.folder,
        options=ocp.CheckpointManagerOptions(
          preservation_policy=preservation_policy.AnyPreservationPolicy(
            policies
          ),
          cleanup_tmp_directories=True,
        ),
      )

  def __enter__(self) -> 'Checkpoints':
    return self

  def __exit__(self, kind, error, trace) -> None:
    if kind is not None and issubclass(kind, KeyboardInterrupt):
      return  # at once: what is half written has no name yet
    if kind is None:
      self.wait()
    with contextlib.suppress(Exception):  # the first error is the one to tell
      self._manager.close()

  @property
  def steps(self) -> tuple[int, ...]:
    """The steps that are kept, ascending."""
    return tuple(sorted(self._manager.all_steps()))

  def save(
    self,
    step: int,
    state: PyTree,
    *,
    data: Mapping[str, Any],
    progress: Mapping[str, Any],
  ) -> None:
    """Begins to write a checkpoint, unless the step has one.

    Raises:
      BadInput: the disk is full, now or since the save before.
    """
    if step in self._manager.all_steps():
      return
    run = {
      'config': self._config,
      'data': data,
      'progress': progress,
      'checksums': [int(c) for c in jax.device_get(checksums(state))],
    }
    with self._told_of_a_full_disk():
      self._manager.save(
        step,
        args=ocp.args.Composite(
          state=ocp.args.StandardSave(state),
          run=ProcessJsonSave(run),
        ),
        force=True,
      )

  def check(self) -> None:
    """Raises what went wrong while writing, without waiting."""
    with self._told_of_a_full_disk():
      self._manager.check_for_errors()

  def wait(self) -> None:
    """Returns once everything is written."""
    with self._told_of_a_full_disk():
      self._manager.wait_until_finished()

  def restore(self, like: PyTree) -> Restored | None:
    """Returns the newest checkpoint that can be read; None if there is none.

    Newer ones that cannot be read are renamed to STEP.damaged.

    Args:
      like: what has shape, dtype and sharding of every leaf of the state,
        whatever mesh it was saved from.

    Raises:
      BadInput: another config, another number of processes, or checkpoints
        of which none can be read.
    """
    damaged: dict[int, str] = {}
    for step in reversed(self.steps):
      read, why = self._read(step, like)
      if _on_all_processes(read is not None):
        self._put_aside(damaged)
        return dataclasses.replace(read, damaged=damaged)
      damaged[step] = why
    if damaged:
      step, why = max(damaged.items())
      raise BadInput(
        f'none of the checkpoints in {self.folder} can be read (step {step}: '
        f'{why}); remove the folder to begin anew'
      )
    return None

  def _read(self, step: int, like: PyTree) -> tuple[Restored | None, str]:
    """One checkpoint, or why it cannot be read."""
    try:
      with _hushed():
        run = self._item(step, run=ProcessJsonRestore())
        self._check_config(run['config'])
        state = self._item(step, state=ocp.args.StandardRestore(like))
    except (BadInput, MemoryError):
      raise
    except Exception as error:
      return None, f'{type(error).__name__}: {_first_line(error)}'
    if jax.device_get(checksums(state)).tolist() != run['checksums']:
      return None, 'its numbers are not those that were saved'
    read = Restored(
      step=step,
      state=state,
      data=run['data'],
      progress=run['progress'],
      damaged={},
    )
    return read, ''

  def _item(self, step: int, **item: ocp.args.CheckpointArgs) -> Any:
    (name,) = item
    return self._manager.restore(step, args=ocp.args.Composite(**item))[name]

  def _check_config(self, saved: Mapping[str, Any]) -> None:
    old, new = dict(entries(saved)), dict(entries(self._config))
    absent = object()
    differ = [
      name
      for name in sorted(old.keys() | new.keys())
      if old.get(name, absent) != new.get(name, absent)
      and not self._may_change & set(_prefixes(name))
    ]
    if differ:
      told = [
        f'{name} was {json.dumps(old[name]) if name in old else "not there"} '
        f'and is {json.dumps(new[name]) if name in new else "not there"}'
        for name in differ[:3]
      ]
      more = f' and {len(differ) - 3} more' if len(differ) > 3 else ''
      raise BadInput(
        f'the run in {self.folder.parent} was begun with another config: '
        f'{"; ".join(told)}{more}; set them back or choose another folder'
      )

  def _put_aside(self, damaged: Mapping[int, str]) -> None:
    if not damaged:
      return
    if jax.process_index() == 0:
      for step in damaged:
        aside = self.folder / f'{step}.damaged'
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(self.folder / str(step), aside)
    _on_all_processes(True)
    self._manager.reload()

  @contextlib.contextmanager
  def _told_of_a_full_disk(self) -> Iterator[None]:
    try:
      with told_of_a_full_disk(self.folder):
        yield
    except BadInput:
      if jax.process_index() == 0 and self.folder.is_dir():
        for partial in self.folder.glob('*.orbax-checkpoint-tmp*'):
          shutil.rmtree(partial, ignore_errors=True)
      raise


@contextlib.contextmanager
def told_of_a_full_disk(folder: Path) -> Iterator[None]:
  """Turns whatever a full disk led to into one sentence, a BadInput."""
  try:
    yield
  except BadInput:
    raise
  except Exception as error:
    if not is_disk_full(error):
      raise
    raise BadInput(
      f'{folder} cannot be written because the disk has no room; free some '
      'space and run it again, and it goes on from the last checkpoint'
    ) from error


def entries(
  config: Mapping[str, Any], prefix: str = ''
) -> Iterator[tuple[str, Any]]:
  """Yields every dotted name of a nested config and its value."""
  for name, value in config.items():
    if isinstance(value, Mapping) and value:
      yield from entries(value, f'{prefix}{name}.')
    else:
      yield prefix + name, value


def _prefixes(name: str) -> Iterator[str]:
  """data.source.size -> data, data.source, data.source.size, size."""
  parts = name.split('.')
  for n in range(1, len(parts) + 1):
    yield '.'.join(parts[:n])
  yield parts[-1]


def _on_all_processes(mine: bool) -> bool:
  """Whether something is so on every process."""
  if jax.process_count() == 1:
    return mine
  return bool(multihost_utils.process_allgather(jnp.asarray(mine)).all())


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
  """Keeps what Orbax's reader says about a damaged file off the terminal.

  It drops its other reads where one fails, and Python then complains of each
  of them on standard error; one sentence of ours takes their place.
  """
  loggers = [logging.getLogger(name) for name in ('absl', 'asyncio')]
  levels = [logger.level for logger in loggers]
  for logger in loggers:
    logger.setLevel(logging.CRITICAL)
  try:
    with contextlib.redirect_stderr(io.StringIO()):
      try:
        yield
      except BaseException as error:
        error.__traceback__ = None  # lets go of the reads
        raise
      finally:
        gc.collect()
  finally:
    for logger, level in zip(loggers, levels, strict=True):
      logger.setLevel(level)


def _first_line(error: Exception) -> str:
  return (str(error).splitlines() or [''])[0][:80]
