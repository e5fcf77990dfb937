"""Learning-rate schedules as functions of the optimiser step."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike


@dataclasses.dataclass(frozen=True, kw_only=True)
class CosineWithFloor:
  """Linear warm-up, then a cosine, neither ever below a share of the peak.

      1.0        /~~-_
                /      ~_
      floor ___/          ~-______
            0  warmup         total     step

  Called with a step it is an optax schedule (float32, traceable);
  `learning_rate` gives the same in float64.

  Attributes:
    peak: learning rate at the end of the warm-up.
    warmup_steps: length of the warm-up; may be a fraction (0.6 epoch).
    total_steps: step at which the cosine reaches zero (or the floor).
    floor: least multiple of `peak`, 0..1, in both phases.
    zero_first: whether step 0 has rate 0 (or the floor) even without a
      warm-up.

  Source: HawkEye training configuration: peak 2e-5, floor 0.25, so the rate
  starts at 5e-6, not at zero. Grounded-VideoLLM: floor 0, and the first step
  has rate 0 however short the run is.
  """

  peak: float
  warmup_steps: float
  total_steps: float
  floor: float
  zero_first: bool = False

  def __call__(self, step: ArrayLike | Array) -> Float[Array, '...']:
    """Returns the learning rate at `step`, as optax asks for it."""
    step = jnp.asarray(step, jnp.float32)
    return self.peak * _multiplier(self, step, jnp)

  def learning_rate(self, step: ArrayLike) -> float:
    """Returns the learning rate at `step` in float64, for one step."""
    return float(self.peak * _multiplier(self, np.float64(step), np))


@dataclasses.dataclass(frozen=True, kw_only=True)
class CosineUnderWarmup:
  """A cosine over all steps, whose first ones are a linear warm-up instead.

      peak    - - - /|~-_
                  /  |    ~_
      start     /            ~-______ least
            0     warmup         total     step

  The cosine has fallen during the warm-up, so the rate drops at its end. The
  warm-up counts the steps of an epoch: one that is longer begins anew.

  Called with a step it is an optax schedule (float32, traceable);
  `learning_rate` gives the same in float64.

  Attributes:
    start: learning rate of an epoch's first step.
    peak: that the warm-up aims at, and the cosine begins with.
    least: learning rate at the end.
    warmup_steps: steps before which the warm-up holds.
    steps_per_epoch: after which the warm-up would begin anew.
    total_steps: step at which the cosine reaches `least`.

  Source: TimeChat training configuration: 1e-6, 3e-5, 1e-5 and 0.6 epochs.
  """

  start: float
  peak: float
  least: float
  warmup_steps: float
  steps_per_epoch: int
  total_steps: int

  def __call__(self, step: ArrayLike | Array) -> Float[Array, '...']:
    """Returns the learning rate at `step`, as optax asks for it."""
    return self._rate(jnp.asarray(step, jnp.float32), jnp)

  def learning_rate(self, step: ArrayLike) -> float:
    """Returns the learning rate at `step` in float64, for one step."""
    return float(self._rate(np.float64(step), np))

  def _rate(self, step, xp):
    in_epoch = xp.mod(step, self.steps_per_epoch)
    slope = (self.peak - self.start) / max(1.0, self.warmup_steps)
    rise = xp.minimum(self.start + slope * in_epoch, self.peak)
    height = 0.5 * (1.0 + xp.cos(np.pi * step / self.total_steps))
    fall = (self.peak - self.least) * height + self.least
    return xp.where(step < self.warmup_steps, rise, fall)


def cosine_with_floor(
  step: float,
  *,
  peak: float,
  warmup_steps: float,
  total_steps: float,
  floor: float,
) -> float:
  """Returns CosineWithFloor's learning rate at one step, float64."""
  schedule = CosineWithFloor(
    peak=peak, warmup_steps=warmup_steps, total_steps=total_steps, floor=floor
  )
  return schedule.learning_rate(step)


def _multiplier(
  schedule: CosineWithFloor,
  step: np.float64 | jax.Array,
  xp,  # numpy or jax.numpy: one formula, two precisions
):
  warmup = schedule.warmup_steps
  rise = step / max(1.0, warmup)
  progress = (step - warmup) / max(1.0, schedule.total_steps - warmup)
  fall = 0.5 * (1.0 + xp.cos(np.pi * xp.minimum(progress, 1.0)))
  rises_until = max(1.0, warmup) if schedule.zero_first else warmup
  return xp.maximum(schedule.floor, xp.where(step < rises_until, rise, fall))
