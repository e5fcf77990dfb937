"""What was computed of frames and queries, wherever it is stored."""

import dataclasses
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from jaxtyping import Float, Float32, Float64


class FrameFeatures(Protocol):
  """Features of the frames of one video, in order of time.

  Attributes:
    features: a row a frame, not normalised.
    fps: rows per second: row i stands for the time i / fps.
    times_s: when the frame of each row is displayed, seconds from the first.
  """

  features: Float[np.ndarray, 'N D']
  fps: float

  @property
  def times_s(self) -> Float64[np.ndarray, 'N']: ...


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class EvenFeatures:
  """`FrameFeatures` of frames at even times, of which no more is known."""

  features: Float[np.ndarray, 'N D']
  fps: float

  @property
  def duration_s(self) -> float:
    """Of the video, as far as its features tell."""
    return len(self.features) / self.fps

  @property
  def times_s(self) -> Float64[np.ndarray, 'N']:
    return np.arange(len(self.features), dtype=np.float64) / self.fps


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class QueryFeatures:
  """Features of one sentence.

  Attributes:
    token_features: a row a word, without start and end tokens, not projected.
    cls_features: of the whole sentence, in the space of the frames' features,
      not normalised.
  """

  token_features: Float32[np.ndarray, 'L D']
  cls_features: Float32[np.ndarray, 'E']


class FeatureFile(Protocol):
  """Features of many videos by name."""

  def __contains__(self, name: str) -> bool: ...

  def __iter__(self) -> Iterator[str]:
    """The names, sorted."""

  def read(self, name: str) -> FrameFeatures:
    """Features of one video.

    Raises:
      BadInput: it is not there, or damaged.
    """
