"""Linear heads that help a system learn and are thrown away at the end."""

import abc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from vtg_jax.train.freeze import flatten, join

HEADS = 'heads'


class WithHeads(abc.ABC):
  """Makes a task one whose loss looks at the network through linear heads.

  It stands before the task among the bases of a class.

  Their paths are heads/NAME/kernel and heads/NAME/bias; they always train.
  """

  def __init__(self, values: Mapping[str, Any], **options):
    """As the task; 'trainable' need not speak of the heads."""
    super().__init__(values, **options)
    self.trainable = (*self.trainable, f'{HEADS}/.*')
    for name in self.heads():
      self.axes[f'{HEADS}/{name}/kernel'] = ('embed', 'labels')
      self.axes[f'{HEADS}/{name}/bias'] = ('labels',)

  @abc.abstractmethod
  def heads(self) -> dict[str, tuple[int, int]]:
    """Name -> features that go in, and that come out."""

  def params(self, *, seed: int = 0) -> dict[str, Any]:
    """As the task, with heads that say nothing yet."""
    heads = {
      name: {
        'kernel': np.zeros(shape, np.float32),
        'bias': np.zeros(shape[1:], np.float32),
      }
      for name, shape in self.heads().items()
    }
    return super().params(seed=seed) | {HEADS: heads}

  def save(self, folder: Path | str, params: dict) -> None:
    """Writes a model without the heads."""
    flat = flatten(params)
    own = {p: x for p, x in flat.items() if not p.startswith(f'{HEADS}/')}
    super().save(folder, join({}, own))

  def flops_per_step(self, batch_size: int) -> float | None:
    """Not told: this is no figure of the paper's network."""
    del batch_size
    return None


def apply_head(
  params: dict, name: str, features: Float[Array, '*B D']
) -> Float[Array, '*B C']:
  """What a head says of some features."""
  head = params[HEADS][name]
  return features @ head['kernel'] + head['bias']


def without_heads(params: dict) -> dict:
  """The network's own parameters."""
  return {name: x for name, x in params.items() if name != HEADS}
