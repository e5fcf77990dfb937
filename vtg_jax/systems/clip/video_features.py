"""Features of a video: from its index, or encoded now; and what fits a query.

video -> index there and usable? -> features -> likeness to a query
"""

import os
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32

from input_pipeline.feature_index import (
  BadIndex,
  FeatureIndex,
  check_made,
  check_source,
  index_path,
  open_index,
  read_index,
  video_of,
)
from input_pipeline.feature_layout import Made
from input_pipeline.frame_features import (
  EvenFeatures,
  FrameFeatures,
  QueryFeatures,
)
from input_pipeline.frame_store import FrameStore
from input_pipeline.index_features import encoded_rows, index_features
from vtg_jax.errors import BadInput
from vtg_jax.systems.clip.frame_encoder import FrameEncoder

# Of the frames of a video or a moment, those that say whether it shows a
# sentence.
BEST_FRAMES = 3


def video_features(
  encoder: FrameEncoder,
  video: FrameStore,
  *,
  fps: float,
  folder: str | os.PathLike | None = None,
  on_notice: Callable[[str], None] | None = None,
  on_progress: Callable[[int, int], None] | None = None,
) -> FrameFeatures:
  """Features of a video's frames.

  They come from its index if there is one. An index that is damaged, or of the
  video before it changed, is made anew. A video that has none is encoded now,
  which writes nothing.

  Args:
    encoder: What frames are encoded with.
    video: Opened by the encoder.
    fps: Frames per second.
    folder: Where indexes are, if not beside the videos.
    on_notice: Is called with what is wrong with its index, and with what is
      done about it.
    on_progress: Is called with (frames encoded, frames).

  Raises:
    BadInput: the index is of another model or rate, or of a later version; or
      a frame cannot be decoded.
  """
  tell = on_notice or (lambda said: None)
  try:
    return indexed_features(encoder, video.path, fps=fps, folder=folder)
  except BadIndex as error:
    if not error.replaceable:
      raise
    if not index_path(video.path, folder).exists():
      tell(str(error))
    else:
      tell(f'made anew: {error}')
      try:
        _rebuild(encoder, video, fps, folder, on_progress)
        return indexed_features(encoder, video.path, fps=fps, folder=folder)
      except BadInput as refused:  # such as a folder that cannot be written
        tell(f'not made anew: {refused}')
  ids = video.ids_at_rate(fps)
  features = np.empty((len(ids), encoder.features), np.float32)
  n_done = 0
  for rows, encoded in encoded_rows(
    video, ids, encoder.start_encoding, batch=encoder.batch
  ):
    features[n_done : n_done + len(rows)] = encoded
    n_done += len(rows)
    if on_progress is not None:
      on_progress(n_done, len(ids))
  return EvenFeatures(features=features, fps=fps)


def indexed_features(
  encoder: FrameEncoder,
  path: str | os.PathLike,
  *,
  fps: float,
  folder: str | os.PathLike | None = None,
) -> FeatureIndex:
  """The index of a video; arguments as above.

  Raises:
    BadInput: there is none that can be used.
  """
  index = open_index(path, folder)
  _check_fits(index, encoder, fps)
  return index


def features_of_index(
  encoder: FrameEncoder, path: str | os.PathLike, *, fps: float
) -> FeatureIndex:
  """An index by its own path, wherever its video is.

  Args:
    encoder: What it must have been made with.
    path: Of the index.
    fps: Frames per second.

  Raises:
    BadIndex: It cannot be used, or the video beside it has changed.
  """
  index = read_index(path)
  video = video_of(path)
  if video.exists():
    check_source(index, video)
  _check_fits(index, encoder, fps)
  return index


def _check_fits(index: FeatureIndex, encoder: FrameEncoder, fps: float) -> None:
  check_made(index, fingerprint=encoder.fingerprint, fps=fps)
  if index.header.width != encoder.features:
    raise BadIndex(
      f'{index.path} has rows of {index.header.width} numbers, not the '
      f'{encoder.features} of {encoder.name}; run vtg index --rebuild',
      replaceable=False,
    )


def _rebuild(encoder, video, fps, folder, on_progress) -> None:
  """Writes the index of a video over the one that is there."""
  made = Made(
    model=encoder.name,
    fingerprint=encoder.fingerprint,
    resize=video.resize.method,
    fps=fps,
  )
  index_features(
    video,
    index_path(video.path, folder),
    made,
    encoder.start_encoding,
    width=encoder.features,
    batch=encoder.batch,
    on_progress=on_progress,
  )


def likeness(
  frames: FrameFeatures, query: QueryFeatures
) -> Float32[np.ndarray, 'N']:
  """Cosine of each frame and the whole sentence."""
  return _unit(frames.features) @ _unit(query.cls_features)


def shows(frames: FrameFeatures, query: QueryFeatures) -> float:
  """How well a video shows a sentence: how alike its best frames are.

  Videos are ranked by it before anything looks at them more closely.
  """
  return of_best_frames(likeness(frames, query))


def of_best_frames(cosines: Float[np.ndarray, ' N']) -> float:
  """Mean of the best frames' cosines: not every frame of a deed shows it."""
  n = min(BEST_FRAMES, len(cosines))
  return float(np.sort(cosines)[-n:].mean())


def _unit(x: Float[np.ndarray, '*N D']) -> Float32[np.ndarray, '*N D']:
  x = x.astype(np.float32)
  length = np.linalg.norm(x, axis=-1, keepdims=True)
  return x / np.maximum(length, np.finfo(np.float32).tiny)
