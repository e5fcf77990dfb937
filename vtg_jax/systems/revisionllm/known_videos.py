"""What is known of videos and queries, each computed once."""

import collections
import os
import weakref
from collections.abc import Callable

from input_pipeline.frame_features import FrameFeatures, QueryFeatures
from input_pipeline.video import FrameStore
from vtg_jax.errors import BadInput
from vtg_jax.recursion.model import TokenCache
from vtg_jax.systems.clip.frame_encoder import FrameEncoder
from vtg_jax.systems.clip.video_features import (
  indexed_features,
  video_features,
)

# Queries of one video whose windows are kept, and queries of all videos.
_KEPT_HERE, _KEPT = 32, 1024

Video = FrameStore | FrameFeatures
Progress = Callable[[int, int], None]


class KnownVideos:
  """Features of frames, of sentences, and of windows.

  They are kept as long as the video is, whoever holds it.

  Attributes:
    encoder: Of frames and sentences.
    fps: Frames per second that are encoded.
  """

  def __init__(
    self,
    encoder: FrameEncoder,
    fps: float,
    *,
    index_folder: str | os.PathLike | None = None,
    on_notice: Callable[[str], None] | None = None,
  ):
    """Knows nothing yet.

    Args:
      encoder: Of frames and sentences.
      fps: Frames per second.
      index_folder: Where indexes are, if not beside the videos.
      on_notice: Is called with what is wrong with an index.
    """
    self.encoder, self.fps = encoder, fps
    self._index_folder, self._on_notice = index_folder, on_notice
    self._features = weakref.WeakKeyDictionary()
    self._windows = weakref.WeakKeyDictionary()
    self._watched = weakref.WeakKeyDictionary()
    self._queries: collections.OrderedDict[str, QueryFeatures] = (
      collections.OrderedDict()
    )

  def watch(
    self,
    video: FrameStore,
    on_progress: Progress | None,
    on_notice: Callable[[str], None] | None,
  ) -> None:
    """Remembers whom to tell while a video is encoded, and of its index."""
    self._watched[video] = on_progress, on_notice or self._on_notice

  def indexed(self, path: str | os.PathLike) -> FrameFeatures | None:
    """Features of a video that has an index which can be used as it is.

    The video itself is not read; that takes longer than to read the index.
    """
    try:
      return indexed_features(
        self.encoder, path, fps=self.fps, folder=self._index_folder
      )
    except BadInput:  # whoever opens the video says what is wrong
      return None

  def features(self, video: Video) -> FrameFeatures:
    """Features of a video: of its index where there is one, or made now.

    Raises:
      BadInput: it cannot be read, or they are of another rate.
    """
    if not isinstance(video, FrameStore):
      if video.fps != self.fps:
        raise BadInput(
          f'the features are of {video.fps:g} frames per second, the network '
          f'sees {self.fps:g}; give features of that rate'
        )
      return video
    if video not in self._features:
      on_progress, on_notice = self._watched.get(video, (None, self._on_notice))
      self._features[video] = video_features(
        self.encoder,
        video,
        fps=self.fps,
        folder=self._index_folder,
        on_notice=on_notice,
        on_progress=on_progress,
      )
    return self._features[video]

  def words(self, queries: list[str]) -> list[QueryFeatures]:
    """Features of sentences."""
    new = [q for q in dict.fromkeys(queries) if q not in self._queries]
    for query, own in zip(new, self.encoder.encode_queries(new), strict=True):
      self._queries[query] = own
    found = [self._queries[query] for query in queries]
    while len(self._queries) > _KEPT:
      self._queries.popitem(last=False)
    return found

  def windows(self, video: Video, query: str) -> TokenCache:
    """The windows of a video that were encoded for a query."""
    kept = self._windows.setdefault(video, collections.OrderedDict())
    if query not in kept:
      kept[query] = TokenCache()
    kept.move_to_end(query)
    while len(kept) > _KEPT_HERE:
      kept.popitem(last=False)
    return kept[query]

  def forget_windows(self, video: Video) -> None:
    """Keeps no window of a video: they are encoded anew."""
    self._windows.pop(video, None)
