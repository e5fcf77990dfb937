"""AdamW with the papers' rules: what decays, and how fast what learns."""

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from vtg_jax.errors import BadInput
from vtg_jax.train.freeze import Flat, hits_of
from vtg_jax.train.schedule import CosineUnderWarmup, CosineWithFloor


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateGroup:
  """Parameters that learn at a rate of their own.

  Attributes:
    pattern: Regular expression of whole paths.
    multiplier: Times the common learning rate; None where `peak` tells it.
    peak: Learning rate at the end of the warm-up; None where `multiplier`
      tells it. The schedule has the same shape for all groups.
  """

  pattern: str
  multiplier: float | None = None
  peak: float | None = None

  def __post_init__(self):
    given = [x for x in (self.multiplier, self.peak) if x is not None]
    if len(given) != 1 or not given[0] > 0:
      raise BadInput(
        f'the learning-rate group {self.pattern!r} has multiplier '
        f'{self.multiplier} and peak {self.peak}; give one of them, above 0'
      )

  def times(self, peak: float) -> float:
    """What a learning rate that peaks at `peak` is multiplied by."""
    return self.multiplier if self.peak is None else self.peak / peak


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
  """How parameters are updated; the defaults are HawkEye's.

  Attributes:
    peak: Learning rate at the end of the warm-up; that which is reported,
      where groups have their own.
    warmup_steps: See `CosineWithFloor`; may be a fraction. None until it is
      known, from the length of an epoch.
    total_steps: Step at which the schedule has come down; None likewise.
    floor: Least multiple of `peak`, in the warm-up too.
    zero_first: See `CosineWithFloor`.
    start: The schedule is `CosineUnderWarmup`, with one warm-up whose first
      step has this multiple of `peak`; None for `CosineWithFloor`.
    betas: Decay of the first and second moment.
    epsilon: Added to the root of the second moment.
    weight_decay: Decoupled; see `decays` for what is spared.
    spared: Patterns of whole paths that weight decay spares as well.
    clip_norm: Gradients longer than this, all together, are scaled down to
      it; None for never, as in the paper.
    groups: Where there are any, every parameter that trains is in exactly
      one of them.
  """

  peak: float
  warmup_steps: float | None = None
  total_steps: float | None = None
  floor: float = 0.25
  zero_first: bool = False
  start: float | None = None
  betas: tuple[float, float] = (0.9, 0.999)
  epsilon: float = 1e-8
  weight_decay: float = 0.02
  spared: tuple[str, ...] = ()
  clip_norm: float | None = None
  groups: tuple[RateGroup, ...] = ()

  def __post_init__(self):
    rules = {
      'peak': 0 < self.peak < math.inf,
      'warmup_steps': self.warmup_steps is None or self.warmup_steps >= 0,
      'total_steps': self.total_steps is None or self.total_steps > 0,
      'floor': 0 <= self.floor <= 1,
      'start': self.start is None
      or (0 <= self.start <= 1 and not self.zero_first),
      'betas': len(self.betas) == 2 and all(0 <= b < 1 for b in self.betas),
      'epsilon': 0 < self.epsilon < math.inf,
      'weight_decay': 0 <= self.weight_decay < math.inf,
      'clip_norm': self.clip_norm is None or self.clip_norm > 0,
    }
    for name, good in rules.items():
      if not good:
        raise BadInput(
          f'optimiser.{name} is {getattr(self, name)}, which is out of range'
        )

  @property
  def schedule(self) -> CosineWithFloor | CosineUnderWarmup:
    """The learning rate as a function of the step.

    Raises:
      BadInput: when its steps are not known.
    """
    if self.warmup_steps is None or self.total_steps is None:
      raise BadInput(
        f'optimiser.warmup_steps is {self.warmup_steps} and '
        f'optimiser.total_steps is {self.total_steps}; give numbers'
      )
    if self.start is not None:
      return CosineUnderWarmup(
        start=self.start * self.peak,
        peak=self.peak,
        least=self.floor * self.peak,
        warmup_steps=self.warmup_steps,
        steps_per_epoch=self.total_steps,
        total_steps=self.total_steps,
      )
    return CosineWithFloor(
      peak=self.peak,
      warmup_steps=self.warmup_steps,
      total_steps=self.total_steps,
      floor=self.floor,
      zero_first=self.zero_first,
    )


class Optimiser(NamedTuple):
  """Pure functions over flat dicts of parameters.

  Attributes:
    init: trainable -> state.
    update: (gradients, state, trainable, step) -> (trainable, state). `step`
      only sets the learning rate, so that it goes on where updates are
      skipped.
    learning_rate: step -> the common rate, which groups may multiply.
  """

  init: Callable[[Flat], Any]
  update: Callable[[Flat, Any, Flat, Array], tuple[Flat, Any]]
  learning_rate: Callable[[Array], Float[Array, '']]


def decays(path: str, names: tuple[str | None, ...]) -> bool:
  """Whether weight decay pulls at a parameter.

  Not at biases and not at vectors, such as a norm's scale. Stacked layers are
  as many parameters, so their leading axis does not make a matrix of vectors.

  Args:
    path: Of the parameter.
    names: Logical names of its axes.

  Source: HawkEye utils/optimizer.py, where layers are not stacked.
  """
  return sum(name != 'layers' for name in names) > 1 and not path.endswith(
    'bias'
  )


def rate_multipliers(
  config: OptimiserConfig, paths: Collection[str]
) -> dict[str, float]:
  """What the common learning rate is multiplied by for each parameter.

  Args:
    config: See `OptimiserConfig.groups`.
    paths: Of the parameters that train.

  Raises:
    BadInput: a group that matches none of them, or a parameter that is in no
      group or in two.
  """
  if not config.groups:
    return dict.fromkeys(paths, 1.0)
  found: dict[str, RateGroup] = {}
  for group in config.groups:
    for path in hits_of(group.pattern, paths, 'optimiser.groups'):
      other = found.setdefault(path, group)
      if other is not group:
        raise BadInput(
          f'{path} is in two of optimiser.groups, {other.pattern!r} and '
          f'{group.pattern!r}; let only one of them match it'
        )
  for path in paths:
    if path not in found:
      patterns = ', '.join(repr(group.pattern) for group in config.groups)
      raise BadInput(
        f'{path} trains and is in none of optimiser.groups ({patterns}); add '
        'a group for it, or leave it out of trainable'
      )
  return {path: found[path].times(config.peak) for path in paths}


def make_optimiser(
  config: OptimiserConfig, axes: Mapping[str, tuple[str | None, ...]]
) -> Optimiser:
  """AdamW over the parameters whose axes are given.

  Args:
    config: Its numbers.
    axes: Path -> logical names, of every parameter that trains.

  Raises:
    BadInput: a group or a spared pattern that matches none of them, or a
      parameter that is in no group or in two.
  """
  multipliers = rate_multipliers(config, axes)
  spared = {
    path
    for pattern in config.spared
    for path in hits_of(pattern, axes, 'optimiser.spared')
  }
  decay = {
    path: config.weight_decay
    if decays(path, names) and path not in spared
    else 0.0
    for path, names in axes.items()
  }
  b1, b2 = config.betas
  chain = optax.chain(
    optax.identity()
    if config.clip_norm is None
    else optax.clip_by_global_norm(config.clip_norm),
    optax.scale_by_adam(b1=b1, b2=b2, eps=config.epsilon),
  )
  schedule = config.schedule

  def update(gradients, state, trainable, step):
    directions, state = chain.update(gradients, state)
    rate = schedule(step)

    def moved(path, x):
      change = directions[path] + decay[path] * x
      return (x - rate * multipliers[path] * change).astype(x.dtype)

    return {path: moved(path, x) for path, x in trainable.items()}, state

  def init(trainable):
    return chain.init(
      jax.tree.map(lambda x: jnp.zeros(x.shape, jnp.float32), trainable)
    )

  return Optimiser(init, update, schedule)
