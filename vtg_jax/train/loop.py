"""The training loop: from wherever the run stands to its last step."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from vtg_jax import sharding
from vtg_jax.errors import BadInput
from vtg_jax.folder_lock import FolderLock
from vtg_jax.train.checkpoints import Checkpoints, told_of_a_full_disk
from vtg_jax.train.feed import Fed, Feed
from vtg_jax.train.freeze import join, split
from vtg_jax.train.log import Log, open_logs
from vtg_jax.train.meter import Meter
from vtg_jax.train.optimiser import make_optimiser
from vtg_jax.train.options import FitOptions
from vtg_jax.train.peak import peak_flops
from vtg_jax.train.state import (
  TrainState,
  init_state,
  state_shapes,
  state_shardings,
)
from vtg_jax.train.step import Metrics, make_train_step
from vtg_jax.train.stopping import SharedStop, StopRequest
from vtg_jax.train.task import Task

CHECKPOINTS, MODEL = 'checkpoints', 'model'
_NOTHING = contextlib.nullcontext()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fitted:
  """How a run ended.

  Attributes:
    step: steps taken since its beginning.
    total_steps: steps it was to take.
    restored_step: the step it went on from; 0 for a new run.
    model: the checkpoint folder of the trained model; None if the run was
      stopped before its end.
    stopped_by: name of the signal; None if it came to its end.
    wait_share: of the wall time, how much the devices waited for data.
  """

  step: int
  total_steps: int
  restored_step: int
  model: Path | None
  stopped_by: str | None
  wait_share: float


def fit(
  task: Task,
  options: FitOptions,
  *,
  folder: Path | str,
  config: Mapping[str, Any],
  show: Callable[[int, int, Mapping[str, float]], None] | None = None,
  notice: Callable[[str], None] | None = None,
) -> Fitted:
  """Trains, from the newest checkpoint in the folder if there is one.

  The same config gives the same numbers, whether or not the run was
  interrupted: a checkpoint holds where the data stand, and each step draws
  its dropout from the seed and its own number.

  Args:
    task: what is trained.
    options: how.
    folder: FOLDER/checkpoints, FOLDER/log.jsonl, FOLDER/tensorboard and, at
      the end, FOLDER/model.
    config: all that the run is configured by, JSON types; a run goes on with
      the same one only.
    show: called with a step, the number of steps and the step's figures when
      a line is logged.
    notice: called with a sentence that the user should read.

  Raises:
    BadInput: what is asked for does not fit together, the run in the folder
      was begun otherwise or is still going on, the disk is full, or nothing
      is learnt any more.
  """
  folder = Path(folder)
  is_new = not folder.exists()
  folder.mkdir(parents=True, exist_ok=True)  # or fails before much is read
  try:
    run = _Run(task, options)
  except BaseException:
    if is_new:
      with contextlib.suppress(OSError):  # another process wrote there
        folder.rmdir()
    raise
  alone = jax.process_count() == 1
  with (
    told_of_a_full_disk(folder),
    FolderLock(folder) if jax.process_index() == 0 else _NOTHING,
    StopRequest() as stop,
    Checkpoints(
      folder / CHECKPOINTS,
      config=config,
      may_change=task.may_change,
      keep_last=options.keep_last,
      keep_every=options.keep_every,
    ) as checkpoints,
  ):
    state, start = run.begin(checkpoints, notice or _to_stderr)
    with (
      _Telling(run, folder, start, show) as telling,
      Feed(run.batches, place=run.place, n_tokens=task.n_tokens) as feed,
    ):
      # Where there are more processes, one must not leave without the others.
      stopped = stop.signal if alone else None
      shared = None if alone else run.shared_stop()
      step, before = start, None
      fed = feed.next() if start < run.total_steps else None
      while step < run.total_steps and stopped is None:
        step += 1
        state, metrics = run.step(state, run.frozen, fed.arrays)
        used, last = fed, step == run.total_steps
        if before is None:
          jax.block_until_ready(metrics)  # compiled by now, and not timed
        fed, wait_s = (None, 0.0) if last else _next(feed, metrics)
        run.meter.add(
          step,
          metrics,
          n_tokens=used.n_tokens,
          n_replaced=used.n_replaced,
          wait_s=wait_s,
          last=last,
        )
        if before is not None:
          jax.block_until_ready(before)  # or steps and batches would pile up
        before = metrics
        stopped = stop.signal  # looked at once, so that what stops is saved
        if shared is not None:
          stopped = shared.heard(stopped)
        due = step % options.checkpoint_every == 0
        saves = last or due or stopped is not None
        telling.tell(all_ended=saves)
        checkpoints.check()
        if saves:
          checkpoints.save(
            step, state, data=used.state, progress=run.meter.state()
          )
    ended = step == run.total_steps
    if ended and not (folder / MODEL).exists():
      checkpoints.wait()
      run.save_model(folder / MODEL, state.trainable)
  return Fitted(
    step=step,
    total_steps=run.total_steps,
    restored_step=start,
    model=folder / MODEL if ended else None,
    stopped_by=None if ended else stopped,
    wait_share=run.meter.wait_share,
  )


class _Run:
  """What stays the same from step to step, built for the devices there are.

  Attributes:
    total_steps: length of the run.
    step: the compiled step.
    frozen: path -> parameter that does not train, on the devices.
    batches: this process's share of the data.
    meter: the figures.
  """

  def __init__(self, task: Task, options: FitOptions):
    self._task, self._options = task, options
    self._mesh = sharding.make_mesh(**dataclasses.asdict(options.mesh))
    index, n_shares = sharding.process_share(self._mesh)
    if options.batch_size % (n_shares * options.accumulate):
      raise BadInput(
        f'batch_size is {options.batch_size}, which does not divide over '
        f'{n_shares} processes and accumulate={options.accumulate}; use a '
        f'multiple of {n_shares * options.accumulate}'
      )
    ways = sharding.batch_ways(self._mesh)
    if options.batch_size % ways:
      raise BadInput(
        f'batch_size is {options.batch_size}, which does not divide over data '
        f'x fsdp = {ways} devices; use a multiple of {ways}'
      )
    self.batches = task.batches(
      batch_size=options.batch_size,
      seed=options.seed,
      process_index=index,
      process_count=n_shares,
    )
    self.total_steps, warmup = options.lengths(self.batches.steps_per_epoch)
    trained, _ = split(task.axes, task.trainable)
    self._optimiser = make_optimiser(
      dataclasses.replace(
        task.optimiser, total_steps=self.total_steps, warmup_steps=warmup
      ),
      trained,
    )
    self.step = make_train_step(
      task.loss_sums,
      self._optimiser,
      mesh=self._mesh,
      accumulate=options.accumulate,
    )
    trainable, frozen = self._params()
    self._initial = trainable
    self.frozen = sharding.place(
      frozen,
      sharding.param_shardings(
        {path: task.axes[path] for path in frozen}, frozen, self._mesh
      ),
    )
    devices = self._mesh.devices.flatten()
    peak = peak_flops(devices[0])
    self.meter = Meter(
      log_every=options.log_every,
      batch_size=options.batch_size,
      n_shares=n_shares,
      flops_per_step=task.flops_per_step(options.batch_size),
      peak_flops=None if peak is None else peak * len(devices),
    )

  def begin(
    self, checkpoints: Checkpoints, notice: Callable[[str], None]
  ) -> tuple[TrainState, int]:
    """The state to go on from, and its step; data and figures follow it."""
    shardings = state_shardings(
      self._initial,
      self._optimiser,
      mesh=self._mesh,
      axes=self._task.axes,
    )
    like = jax.tree.map(
      lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s),
      state_shapes(self._initial, self._optimiser),
      shardings,
    )
    restored = checkpoints.restore(like)
    initial, self._initial = self._initial, None  # no longer held
    if restored is None:
      state = init_state(
        initial,
        self._optimiser,
        seed=self._options.seed,
        mesh=self._mesh,
        axes=self._task.axes,
      )
      return state, 0
    for step, why in restored.damaged.items():
      notice(
        f'the checkpoint of step {step} is damaged ({why}), so training goes '
        f'on from step {restored.step}'
      )
    self.batches.set_state(restored.data)
    self.meter.set_state(restored.progress)
    return restored.state, restored.step

  def shared_stop(self) -> SharedStop:
    return SharedStop(self._mesh)

  def place(self, batch: Mapping[str, np.ndarray]) -> dict[str, jax.Array]:
    return sharding.global_batch(batch, self._mesh)

  def save_model(self, folder: Path, trainable: Mapping[str, Any]) -> None:
    """Writes the trained model, on the first process."""
    if jax.process_count() > 1:
      trainable = multihost_utils.process_allgather(trainable, tiled=True)
    if jax.process_index() == 0:
      _, frozen = self._params()
      self._task.save(folder, join(jax.device_get(trainable), frozen))

  def check_learning(self) -> None:
    """Raises BadInput when too many steps on end changed nothing."""
    n, most = self.meter.skipped_on_end, self._options.max_skipped
    if n >= most:
      raise BadInput(
        f'{n} steps on end had nothing to learn from or were not finite; look '
        f'at the data, or lower optimiser.peak ({self._task.optimiser.peak}), '
        'and begin in another folder'
      )

  def _params(self):
    params = self._task.params(seed=self._options.seed)
    return split(params, self._task.trainable)


class _Telling:
  """Writes the figures to the logs, on the first process; a context."""

  def __init__(self, run: _Run, folder: Path, start: int, show):
    self._run, self._show = run, show
    self._writes = jax.process_index() == 0
    self._logs: tuple[Log, ...] = ()
    if self._writes:
      self._logs = open_logs(folder, restored_step=start)

  def __enter__(self) -> '_Telling':
    return self

  def __exit__(self, *_) -> None:
    for log in self._logs:
      log.close()

  def tell(self, *, all_ended: bool) -> None:
    for step, figures in self._run.meter.told(all_ended=all_ended):
      for log in self._logs:
        log.write(step, figures)
      if self._writes and self._show is not None:
        self._show(step, self._run.total_steps, figures)
    self._run.check_learning()


def _next(feed: Feed, metrics: Metrics) -> tuple[Fed, float]:
  """The next batch, and for how long the devices had nothing else to do.

  Where the step is done by the time its successor's batch is there, the whole
  time spent here counts, so that the figure is never too low.
  """
  since = time.perf_counter()
  fed = feed.next()
  waited = metrics.loss.is_ready()
  return fed, time.perf_counter() - since if waited else 0.0


def _to_stderr(said: str) -> None:
  print(said, file=sys.stderr)
