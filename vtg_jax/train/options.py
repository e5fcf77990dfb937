"""How a run goes, whatever it trains."""

import dataclasses
import math

from vtg_jax.errors import BadInput

# Every generator that is seeded with it takes so much.
MOST_SEED = 2**31 - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeshOptions:
  """Sizes of the mesh; see `sharding.make_mesh`."""

  data: int = -1
  fsdp: int = 1
  tensor: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitOptions:
  """The numbers of a run.

  Attributes:
    seed: of data, dropout and drawn weights.
    batch_size: samples a step, of all processes and micro-batches together.
    accumulate: micro-batches that a batch is cut into.
    steps: length of the run; None where `epochs` tells it.
    epochs: length of the run in passes over the data; None where `steps`
      tells it.
    warmup_steps: length of the warm-up; None where one of the next two tells
      it.
    warmup_epochs: the same in passes over the data.
    warmup_share: the same as a share of the run, in whole steps, rounded down.
    log_every: steps between two lines of the log.
    checkpoint_every: steps between two checkpoints.
    keep_last: how many of the newest checkpoints are kept.
    keep_every: and every one at a multiple of so many steps; None for none.
    max_skipped: the run gives up when so many steps on end had nothing to
      learn from or were not finite.
    mesh: what devices do together.
  """

  seed: int = 42
  batch_size: int
  accumulate: int = 1
  steps: int | None = None
  epochs: float | None = None
  warmup_steps: float | None = None
  warmup_epochs: float | None = None
  warmup_share: float | None = None
  log_every: int = 10
  checkpoint_every: int = 1000
  keep_last: int = 2
  keep_every: int | None = None
  max_skipped: int = 50
  mesh: MeshOptions = MeshOptions()

  def __post_init__(self):
    least = {
      'seed': 0,
      'batch_size': 1,
      'accumulate': 1,
      'steps': 1,
      'log_every': 1,
      'checkpoint_every': 1,
      'keep_last': 1,
      'keep_every': 1,
      'max_skipped': 1,
      'warmup_steps': 0,
      'warmup_epochs': 0,
      'warmup_share': 0,
    }
    for name, bound in least.items():
      value = getattr(self, name)
      if value is not None and not bound <= value < math.inf:
        raise BadInput(f'{name} is {value}; give a number from {bound} up')
    if self.epochs is not None and not 0 < self.epochs < math.inf:
      raise BadInput(f'epochs is {self.epochs}; give a number above 0')
    if self.seed > MOST_SEED:
      raise BadInput(f'seed is {self.seed}; give one up to {MOST_SEED}')
    if self.warmup_share is not None and self.warmup_share > 1:
      raise BadInput(
        f'warmup_share is {self.warmup_share}; give a number up to 1'
      )
    for names in (
      ('steps', 'epochs'),
      ('warmup_steps', 'warmup_epochs', 'warmup_share'),
    ):
      values = [getattr(self, name) for name in names]
      if len(values) - values.count(None) != 1:
        *first, last = (
          f'{name} is {value}'
          for name, value in zip(names, values, strict=True)
        )
        raise BadInput(
          f'{", ".join(first)} and {last}; give exactly one of them'
        )

  def lengths(self, steps_per_epoch: int | None) -> tuple[int, float]:
    """Returns how many steps the run has, and its warm-up.

    Args:
      steps_per_epoch: None where there are no epochs.

    Raises:
      BadInput: epochs are asked for and there are none, or the warm-up does
        not end within the run.
    """
    if steps_per_epoch is None and (self.epochs, self.warmup_epochs) != (
      None,
      None,
    ):
      raise BadInput(
        'the data have no end, so there are no epochs; give steps and '
        'warmup_steps'
      )
    steps, warmup = self.steps, self.warmup_steps
    if steps is None:
      steps = max(1, round(self.epochs * steps_per_epoch))
    if self.warmup_epochs is not None:
      warmup = self.warmup_epochs * steps_per_epoch
    if self.warmup_share is not None:
      warmup = int(self.warmup_share * steps)
    if warmup > steps:
      raise BadInput(
        f'the warm-up is {warmup:g} steps and the run {steps}; give a warm-up '
        'that ends within the run'
      )
    return steps, warmup
