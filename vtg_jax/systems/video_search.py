"""Text to video to moment: a folder of indexed videos, one sentence.

every index   cosine of its best frames and the sentence     cheap
the best few  a moment, and how sure the network is of it    a search each
"""

import dataclasses
import functools
import heapq
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from input_pipeline.feature_index import BadIndex, video_of
from input_pipeline.frame_features import FrameFeatures
from vtg_jax.errors import BadInput
from vtg_jax.moments.moment import Absent, Moment
from vtg_jax.systems.checks import check_least
from vtg_jax.systems.clip.frame_encoder import FrameEncoder
from vtg_jax.systems.clip.video_features import features_of_index, shows


class LooksThroughIndexes(Protocol):
  """A grounder that sees a video by an index of its frames' features.

  Attributes:
    frame_encoder: What the features are made with.
    features_fps: Of them.
  """

  frame_encoder: FrameEncoder
  features_fps: float

  def ground(self, video, queries, **options) -> list[Moment | Absent]:
    """See `Grounder.ground`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
  """A video that may be the right one.

  Attributes:
    video: Its path, or what it is called.
    cosine: Of its best frames and the sentence.
    features: Gives those of its frames.
  """

  video: str
  cosine: float
  features: Callable[[], FrameFeatures]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoundVideo:
  """A video and its best moment.

  Attributes:
    video: Its path, or what its index is called after.
    cosine: Of its best frames and the sentence.
    answer: When it happens there; or that it does not.
  """

  video: str
  cosine: float
  answer: Moment | Absent

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types; the answer's beside 'video' and 'cosine'."""
    return {
      'video': self.video,
      'cosine': float(self.cosine),
      **self.answer.to_json(),
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Among:
  """How many videos: of the answer, and looked at closely."""

  top_k: int = 5
  videos: int = 10

  def __post_init__(self):
    check_least(self, top_k=1, videos=1)


def search_videos(
  grounder: LooksThroughIndexes,
  indexes: Sequence[Path],
  query: str,
  *,
  among: Among = Among(),
  on_notice: Callable[[str], None] | None = None,
  on_progress: Callable[[int, int], None] | None = None,
  **options,
) -> list[FoundVideo]:
  """Finds the videos in which a sentence happens, and when.

  Args:
    grounder: Such a one as can.
    indexes: Of the videos.
    query: The sentence.
    among: How many videos.
    on_notice: Is called with why an index is passed over.
    on_progress: Is called with (videos done, videos).
    **options: Of its `ground`.

  Returns:
    At most `among.top_k`: first those with a moment, by its score; then the
    others, by their cosine.

  Raises:
    BadInput: no index can be used, or see `ground`.
  """
  if not hasattr(grounder, 'features_fps'):
    raise BadInput(
      f'this model is of the system {grounder.system!r}, which sees no '
      'indexes; give --model one that does, such as a ReVisionLLM'
    )
  (words,) = grounder.frame_encoder.encode_queries([query])
  usable = functools.partial(
    features_of_index, grounder.frame_encoder, fps=grounder.features_fps
  )
  candidates = []
  for path in indexes:
    try:
      cosine = shows(usable(path), words)
    except BadIndex as error:
      if len(indexes) == 1:
        raise
      if on_notice is not None:
        on_notice(f'passed over: {error}')
    else:
      # Read again where it is looked at: memory holds one at a time.
      candidates.append(
        Candidate(
          video=str(video_of(path)),
          cosine=cosine,
          features=functools.partial(usable, path),
        )
      )
  if not candidates:
    raise BadInput(
      f'none of {len(indexes)} indexes can be used; make them with vtg index'
    )
  found = look_closely(
    grounder,
    candidates,
    query,
    most=among.videos,
    on_progress=on_progress,
    **options,
  )
  return found[: among.top_k]


def look_closely(
  grounder: LooksThroughIndexes,
  candidates: Sequence[Candidate],
  query: str,
  *,
  most: int,
  on_progress: Callable[[int, int], None] | None = None,
  **options,
) -> list[FoundVideo]:
  """Asks about the videos that are most like a sentence, and ranks them.

  Args:
    grounder: Who is asked.
    candidates: The videos.
    query: The sentence.
    most: Videos that are looked at.
    on_progress: Is called with (videos done, videos).
    **options: Of its `ground`.

  Returns:
    First those with a moment, by its score; then the others, by their cosine.

  Raises:
    BadInput: see `ground`.
  """
  best = heapq.nlargest(
    most, candidates, key=lambda one: (one.cosine, one.video)
  )
  found = []
  for n_done, one in enumerate(best, start=1):
    (answer, *_) = grounder.ground(one.features(), [query], **options)
    found.append(FoundVideo(video=one.video, cosine=one.cosine, answer=answer))
    if on_progress is not None:
      on_progress(n_done, len(best))
  return sorted(found, key=_rank)


def _rank(found: FoundVideo):
  """Moments before their absence; surest and most alike first."""
  is_absent = isinstance(found.answer, Absent)
  score = 0.0 if is_absent else found.answer.score
  return is_absent, -score, -found.cosine, found.video
