"""What samplers ask of the features of a video."""

from typing import Protocol

import numpy as np
from jaxtyping import Float, Int


class VideoFeatures(Protocol):
  """The frame features of one video; an array of them is one."""

  def __len__(self) -> int:
    """How many frames there are."""

  def __getitem__(
    self, frame_ids: Int[np.ndarray, ' F'], /
  ) -> Float[np.ndarray, 'F D']:
    """Those of some frames, in the order that is asked for."""
