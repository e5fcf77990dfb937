"""Reversible rearrangements between a PyTorch tensor and our parameter.

Every op moves values without arithmetic, so `inverse(forward(x))` is `x` bit
for bit.
"""

import dataclasses
import math
from typing import Protocol

import numpy as np

Shape = tuple[int, ...]


class Op(Protocol):
  """How one source tensor becomes one parameter (or one layer of it)."""

  def forward(self, tensor: np.ndarray) -> np.ndarray:
    """Returns the parameter held by a source tensor."""

  def inverse(self, param: np.ndarray) -> np.ndarray:
    """Returns the source tensor that `forward` would turn into `param`."""

  def source_shape(self, shape: Shape) -> Shape | None:
    """Returns the source shape for a parameter shape; None if impossible."""


@dataclasses.dataclass(frozen=True)
class Identity:
  """The parameter is the tensor."""

  def forward(self, tensor: np.ndarray) -> np.ndarray:
    return tensor

  def inverse(self, param: np.ndarray) -> np.ndarray:
    return param

  def source_shape(self, shape: Shape) -> Shape | None:
    return shape


@dataclasses.dataclass(frozen=True)
class Transpose:
  """`torch.nn.Linear.weight` [out, in] is our Dense kernel [in, out]."""

  def forward(self, tensor: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(tensor.T)

  def inverse(self, param: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(param.T)

  def source_shape(self, shape: Shape) -> Shape | None:
    return shape[::-1] if len(shape) == 2 else None


@dataclasses.dataclass(frozen=True)
class LeadingOne:
  """A tensor [1, ...] is our parameter [...].

  Attributes:
    times: how many axes of length 1 lead.
  """

  times: int = 1

  def forward(self, tensor: np.ndarray) -> np.ndarray:
    return tensor[(0,) * self.times]

  def inverse(self, param: np.ndarray) -> np.ndarray:
    return param[(None,) * self.times]

  def source_shape(self, shape: Shape) -> Shape | None:
    return (1,) * self.times + shape


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchKernel:
  """A convolution whose stride is its kernel, as a Dense kernel over patches.

  The tensor is [D, C, *patch]; the parameter is [prod(patch) * C, D] with rows
  in the order of `patch` (frame, row, column), then channel, which is the
  order of pixels cut from a channels-last video.

  Attributes:
    patch: kernel size along each axis, for example (1, 16, 16).
    channels: input channels C.
  """

  patch: Shape
  channels: int

  def forward(self, tensor: np.ndarray) -> np.ndarray:
    width = tensor.shape[0]
    # [D, C, *patch] -> [*patch, C, D]
    moved = np.moveaxis(tensor, (0, 1), (-1, -2))
    return np.ascontiguousarray(moved.reshape(-1, width))

  def inverse(self, param: np.ndarray) -> np.ndarray:
    moved = param.reshape(*self.patch, self.channels, param.shape[-1])
    return np.ascontiguousarray(np.moveaxis(moved, (-1, -2), (0, 1)))

  def source_shape(self, shape: Shape) -> Shape | None:
    rows = math.prod(self.patch) * self.channels
    if len(shape) != 2 or shape[0] != rows:
      return None
    return (shape[1], self.channels, *self.patch)
