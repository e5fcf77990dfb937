"""What systems share as tasks of the training loop."""

import abc
import dataclasses
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.training.starting_point import StartingPoint
from vtg_jax.train.freeze import flatten, join, split
from vtg_jax.train.loss import LossSums
from vtg_jax.train.optimiser import OptimiserConfig

SAVE_DTYPES = ('float32', 'float16')


def check_known(config: Any, **known: Collection[str]) -> None:
  """Raises BadInput unless each entry of a config is one of those known."""
  for name, values in known.items():
    if getattr(config, name) not in values:
      raise BadInput(
        f'{name} is {getattr(config, name)!r}; use one of {", ".join(values)}'
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskConfig:
  """How a system is trained; the data describe themselves.

  A system says what its `start` is, and adds what it alone has.

  Attributes:
    start: What training begins from.
    optimiser: See `OptimiserConfig`.
    trainable: Patterns of whole parameter paths; see `train.freeze`.
    compute: Numerics. Parameters that train are float32, the frozen ones are
      of the dtype of the activations.
    save_dtype: What trained parameters are stored in.
    notice: One line the user of the trained model must read; empty if none.
  """

  start: Any
  optimiser: OptimiserConfig
  trainable: tuple[str, ...]
  compute: Compute = Compute(dtype='bfloat16', remat=True)
  save_dtype: str = 'float32'
  notice: str = ''

  def __post_init__(self):
    check_known(self, save_dtype=SAVE_DTYPES)


class SystemTask(abc.ABC):
  """What the training loop is handed, but for network, loss and data.

  A task of a system adds `_starting_point`, `_sums`, `batches` and
  `flops_per_step`.

  Attributes:
    system: Its name.
    config_type: What its config is read as.
    data_type: What the config's 'data' are read as, by `from_dict`.
    axes_of: Sizes -> logical names of the parameters' axes, nested.
    config: How it is trained.
    model: Sizes of the network.
    axes: Path -> logical names of the axes, of every parameter.
    trainable: Patterns of what trains.
    optimiser: Its numbers.
    may_change: Entries of a config that change how a run goes, not what comes
      out of it.
  """

  system: str
  config_type: type[TaskConfig]
  data_type: type
  axes_of: Callable[[Any], Mapping]
  may_change = ('n_workers', 'n_threads', 'n_buffered')

  def __init__(
    self, values: Mapping[str, Any], *, start: StartingPoint | None = None
  ):
    """Reads a config; weights are read when asked for.

    Args:
      values: Plain types: 'data', and one entry a field of `config_type`.
      start: What stands in for the config's own, which is not read then.

    Raises:
      BadInput: naming the entry that is missing, unknown or wrong.
    """
    self._values = dict(values)
    rest = {name: value for name, value in values.items() if name != 'data'}
    self.config = from_json(self.config_type, rest, 'the config')
    self._start = start or self._starting_point()
    self.model = self._start.model
    self.axes = flatten(self.axes_of(self.model))
    self.trainable = self.config.trainable
    self.optimiser = self.config.optimiser
    self._trained, _ = split(self.axes, self.trainable)
    if 'data' in values:
      self.data_options()

  @abc.abstractmethod
  def _starting_point(self) -> StartingPoint:
    """What the config's `start` says."""

  def data_options(self) -> Any:
    """The options under 'data', of `data_type`.

    Raises:
      BadInput: naming the entry that is missing or wrong.
    """
    return self.data_type.from_dict(self._values.get('data', {}))

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
