"""AdamW with the papers' rules: what decays, and how fast what learns."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from vtg_jax.errors import BadInput
from vtg_jax.train.freeze import Flat, matches
from vtg_jax.train.schedule import CosineWithFloor


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateGroup:
  """Parameters that learn at a rate of their own.

  Attributes:
    pattern: Regular expression of whole paths.
    multiplier: Times the common learning rate.
  """

  pattern: str
  multiplier: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
  """How parameters are updated; the defaults are HawkEye's.

  Attributes:
    peak: Learning rate at the end of the warm-up.
    warmup_steps: See `CosineWithFloor`; may be a fraction. None until it is
      known, from the length of an epoch.
    total_steps: Step at which the schedule has come down; None likewise.
    floor: Least multiple of `peak`, in the warm-up too.
    betas: Decay of the first and second moment.
    epsilon: Added to the root of the second moment.
    weight_decay: Decoupled; see `decays` for what is spared.
    clip_norm: Gradients longer than this, all together, are scaled down to
      it; None for never, as in the paper.
    groups: The first whose pattern matches a parameter counts.
  """

  peak: float
  warmup_steps: float | None = None
  total_steps: float | None = None
  floor: float = 0.25
  betas: tuple[float, float] = (0.9, 0.999)
  epsilon: float = 1e-8
  weight_decay: float = 0.02
  clip_norm: float | None = None
  groups: tuple[RateGroup, ...] = ()

  def __post_init__(self):
    rules = {
      'peak': 0 < self.peak < math.inf,
      'warmup_steps': self.warmup_steps is None or self.warmup_steps >= 0,
      'total_steps': self.total_steps is None or self.total_steps > 0,
      'floor': 0 <= self.floor <= 1,
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
  def schedule(self) -> CosineWithFloor:
    """The learning rate as a function of the step.

    Raises:
      BadInput: when its steps are not known.
    """
    if self.warmup_steps is None or self.total_steps is None:
      raise BadInput(
        f'optimiser.warmup_steps is {self.warmup_steps} and '
        f'optimiser.total_steps is {self.total_steps}; give numbers'
      )
    return CosineWithFloor(
      peak=self.peak,
      warmup_steps=self.warmup_steps,
      total_steps=self.total_steps,
      floor=self.floor,
    )


class Optimiser(NamedTuple):
  """Pure functions over flat dicts of parameters.

  Attributes:
    init: trainable -> state.
    update: (gradients, state, trainable, step) -> (trainable, state). `step`
      only sets the learning rate, so that it goes on where updates are
      skipped.
    learning_rate: step -> rate of the parameters in no group.
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


def make_optimiser(
  config: OptimiserConfig, axes: Mapping[str, tuple[str | None, ...]]
) -> Optimiser:
  """AdamW over the parameters whose axes are given.

  Args:
    config: Its numbers.
    axes: Path -> logical names, of every parameter that trains.

  Raises:
    BadInput: a group that matches none of them.
  """
  multipliers = dict.fromkeys(axes, 1.0)
  if config.groups:
    patterns = [group.pattern for group in config.groups]
    for path, group in matches(axes, patterns, 'optimiser.groups').items():
      multipliers[path] = config.groups[group].multiplier
  decay = {
    path: config.weight_decay if decays(path, names) else 0.0
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
