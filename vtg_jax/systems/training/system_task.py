"""What systems share as tasks of the training loop."""

import abc
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.train.freeze import flatten, join, split
from vtg_jax.train.loss import LossSums

SAVE_DTYPES = ('float32', 'float16')


def check_known(config: Any, **known: Collection[str]) -> None:
  """Raises BadInput unless each entry of a config is one of those known."""
  for name, values in known.items():
    if getattr(config, name) not in values:
      raise BadInput(
        f'{name} is {getattr(config, name)!r}; use one of {", ".join(values)}'
      )


class SystemTask(abc.ABC):
  """What the training loop is handed, but for network, loss and data.

  A task of a system adds `_sums`, `batches` and `flops_per_step`, and says its
  name as `system`.

  Attributes:
    config: How it is trained: start, optimiser, trainable, compute,
      save_dtype and notice.
    model: Sizes of the network.
    axes: Path -> logical names of the axes, of every parameter.
    trainable: Patterns of what trains.
    optimiser: Its numbers.
    may_change: Entries of a config that change how a run goes, not what comes
      out of it.
  """

  system: str
  may_change = ('n_workers', 'n_threads', 'n_buffered')

  def __init__(self, values: Mapping[str, Any], config, start, axes: Mapping):
    """Keeps what was read; weights are read when asked for.

    Args:
      values: All that the task was configured by.
      config: The same, read.
      start: A `StartingPoint`.
      axes: Logical names of the parameters' axes, nested.
    """
    self._values = dict(values)
    self.config = config
    self._start = start
    self.model = start.model
    self.axes = flatten(axes)
    self.trainable = config.trainable
    self.optimiser = config.optimiser
    self._trained, _ = split(self.axes, self.trainable)

  def params(self, *, seed: int = 0) -> dict[str, Any]:
    """The parameters that training begins with, nested, on the host.

    Args:
      seed: Of those that are drawn.

    Raises:
      BadInput: when the checkpoint is damaged or does not fit.
    """
    frozen_dtype = self.config.compute.jnp_dtype
    return join(
      {},
      {
        path: x.astype(np.float32 if path in self._trained else frozen_dtype)
        for path, x in self._start.params(seed).items()
      },
    )

  def n_tokens(self, batch: Mapping[str, np.ndarray]) -> int:
    """Tokens that the language model reads, padding left out."""
    return int(batch['attention_mask'].sum())

  def loss_sums(
    self, params: dict, batch: Mapping[str, Array], rng: jax.Array
  ) -> LossSums:
    """The training loss of a batch, with dropout.

    Args:
      params: Nested.
      batch: As the task's `batches` yield it.
      rng: Of the dropout.
    """
    return self._sums(params, batch, rng, deterministic=False)

  def eval_sums(
    self, params: dict, batch: Mapping[str, Array], rng: jax.Array
  ) -> LossSums:
    """The same without dropout."""
    return self._sums(params, batch, rng, deterministic=True)

  @abc.abstractmethod
  def _sums(self, params, batch, rng, *, deterministic) -> LossSums:
    """The loss of one batch, as sums over what counts."""

  def save(self, folder: Path | str, params: dict) -> None:
    """Writes a checkpoint folder that `vtg_jax.load` and `vtg export` read.

    What was frozen is stored as it was read, bit for bit.

    Args:
      folder: The new folder; a checkpoint of ours there is replaced.
      params: Nested, on the host or on devices of this process.

    Raises:
      BadInput: something else is in the way, or the disk is full.
    """
    flat = flatten(params)
    stored = self._start.stored(flat.keys() - self._trained.keys())
    dtype = jnp.dtype(self.config.save_dtype)
    out = {
      path: np.asarray(stored[path] if path in stored else x)
      for path, x in flat.items()
    }
    out |= {path: out[path].astype(dtype) for path in self._trained}
    about = {'notice': self.config.notice} if self.config.notice else {}
    checkpoint.save_checkpoint(
      folder,
      join({}, out),
      {'system': self.system, **about, 'model': self.model.to_dict()}
      | {'training': self._values},
      tokenizer_files=self._start.tokenizer_files,
      trained_from=self.config.start.init_from,
      overwrite=True,
    )
