"""What samplers ask of the features of frames and sentences on disk."""

import dataclasses
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


class FrameFeatures(Protocol):
  """The frame features of many videos."""

  def open(self, video: str) -> VideoFeatures:
    """Those of a video.

    Raises:
      BadInput: there are none, or they cannot be read.
    """


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SentenceFeatures:
  """What the text tower says of a sentence.

  Attributes:
    tokens: of each token between the marks of start and end.
    whole: of the sentence, projected to where frame features are.
  """

  tokens: Float[np.ndarray, 'T D']
  whole: Float[np.ndarray, ' D']


class QueryFeatures(Protocol):
  """The features of many sentences."""

  def open(self, query_id: str) -> SentenceFeatures:
    """Those of a sentence.

    Raises:
      BadInput: there are none, or they cannot be read.
    """
