"""What a system hands to the training loop; the loop knows no system."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from vtg_jax.train.loss import LossSums
from vtg_jax.train.optimiser import OptimiserConfig


class Batches(Protocol):
  """Batches without end, of one process.

  Attributes:
    steps_per_epoch: batches in one pass over the data; None where there are
      no passes.
    replaced: samples that could not be used so far and were replaced, by
      kind of fault.
  """

  steps_per_epoch: int | None
  replaced: Mapping[str, int]

  def __iter__(self) -> 'Batches': ...

  def __next__(self) -> Mapping[str, np.ndarray]:
    """The next batch; every array's first axis is this process's samples."""

  def get_state(self) -> dict[str, Any]:
    """Where the batches stand, JSON types."""

  def set_state(self, state: Mapping[str, Any]) -> None:
    """Goes to where `get_state` stood: the same batches follow."""

  def close(self) -> None:
    """Ends what loads in the background."""


class Task(Protocol):
  """A network, its loss and its data.

  Attributes:
    trainable: regular expressions of whole paths; what matches one trains.
    axes: path -> logical names of its axes, of every parameter.
    optimiser: its numbers; the loop fills in the steps that follow from the
      length of an epoch.
    may_change: entries of the config, such as a number of workers, that
      change how a run goes and not what comes out of it.
  """

  trainable: Sequence[str]
  axes: Mapping[str, tuple[str | None, ...]]
  optimiser: OptimiserConfig
  may_change: Sequence[str]

  def params(self, *, seed: int) -> dict[str, Any]:
    """What training starts from: a nested dict, the same at every call."""

  def loss_sums(
    self, params: dict, batch: Mapping[str, jax.Array], rng: jax.Array
  ) -> LossSums:
    """The sums over a batch; traced."""

  def batches(
    self,
    *,
    batch_size: int,
    seed: int,
    process_index: int,
    process_count: int,
  ) -> Batches:
    """The training data of one process.

    Args:
      batch_size: of the global batch, all processes together.
      seed: of order and augmentation.
      process_index: which share.
      process_count: of how many.
    """

  def n_tokens(self, batch: Mapping[str, np.ndarray]) -> int:
    """How many tokens the network reads in a batch, padding left out."""

  def flops_per_step(self, batch_size: int) -> float | None:
    """Useful operations of a step over so many samples; None if unknown.

    What a frozen part does not need, and what is computed a second time to
    save memory, is not useful.
    """

  def save(self, folder: Path, params: dict[str, Any]) -> None:
    """Writes a checkpoint folder that answers questions, replacing one."""
