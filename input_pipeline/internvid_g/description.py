"""What one video shows: its scenes, how alike they are, and their captions.

Models arrive as two protocols, `ImageTextEmbedder` and `Captioner`; this
package loads none.

Source: HawkEye `internvid_g/` (arXiv 2403.10228, section 3.1).
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from jaxtyping import Float64, UInt8

from input_pipeline.frame_store import FrameStore
from input_pipeline.internvid_g import scene_frames
from input_pipeline.internvid_g.scene_cuts import CutRule, find_scenes
from input_pipeline.internvid_g.spans import (
  MergeRule,
  NegativeSpanRule,
  merge_scenes,
)
from input_pipeline.video import open_video
from input_pipeline.video_frames import iterate_frames
from vtg_jax.errors import BadInput

Images = Sequence[UInt8[np.ndarray, '_ _ 3']]  # of any sizes
Item = TypeVar('Item')
Result = TypeVar('Result')


class ImageTextEmbedder(Protocol):
  """Puts images and texts into one space, as CLIP does.

  Attributes:
    name: what it is, as the record of a run tells it.
  """

  name: str

  def embed_images(self, images: Images) -> np.ndarray:
    """Vectors [n, D] of n RGB images, whose sizes may differ."""
    ...

  def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
    """Vectors [n, D] of n texts."""
    ...


class Captioner(Protocol):
  """Says what an image shows, as BLIP-2 does.

  Attributes:
    name: what it is, as the record of a run tells it.
  """

  name: str

  def caption_images(self, images: Images) -> Sequence[str]:
    """A text for each RGB image; an empty one means there is none."""
    ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class InternVidGConfig:
  """Every number of the construction; defaults are the paper's.

  Attributes:
    cuts: what is a cut, and which scenes are kept.
    max_scenes: later scenes of a video are not looked at.
    frames_per_scene: frames that stand for a scene, for its likeness to
      others and for its match with a caption.
    merge: when neighbouring scenes are one.
    min_captioned_s: shorter scenes, once merged, get no caption.
    kept_quantile: captions whose match is at least this quantile of all
      matches are kept; 0.5 is the median.
    negative: thresholds of the negative span.
    batch_size: images given to a model at once.
  """

  cuts: CutRule = CutRule()
  max_scenes: int = 100
  frames_per_scene: int = 3
  merge: MergeRule = MergeRule()
  min_captioned_s: float = 1.0
  kept_quantile: float = 0.5
  negative: NegativeSpanRule = NegativeSpanRule()
  batch_size: int = 32

  def __post_init__(self) -> None:
    for name in ('max_scenes', 'frames_per_scene', 'batch_size'):
      if getattr(self, name) < 1:
        raise BadInput(f'{name} is {getattr(self, name)}; use 1 or more')
    if not 0 <= self.kept_quantile <= 1:
      raise BadInput(f'kept_quantile is {self.kept_quantile}; use 0 to 1')


@dataclasses.dataclass(frozen=True, kw_only=True)
class SceneCaption:
  """A caption of a scene.

  Attributes:
    start_s: start of the scene, seconds.
    end_s: its end.
    text: the caption.
    match: cosine of the caption with the scene's most similar frame.
  """

  start_s: float
  end_s: float
  text: str
  match: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoDescription:
  """Scenes and captions of one video.

  Attributes:
    duration_s: seconds of the video, three decimals as for all times here.
    scenes: [start_s, end_s] between its cuts.
    merged: the same once scenes that look alike are one.
    similarity: how alike those are, [merged, merged], three decimals.
    captions: of the merged scenes that are long enough.
  """

  duration_s: float
  scenes: list[list[float]]
  merged: list[list[float]]
  similarity: list[list[float]]
  captions: list[SceneCaption]

  @classmethod
  def from_json(cls, fields: Mapping[str, Any]) -> 'VideoDescription':
    """Undoes `dataclasses.asdict`, as JSON brings it back."""
    captions = [SceneCaption(**caption) for caption in fields['captions']]
    return cls(**{**fields, 'captions': captions})


def describe_video(
  path: str,
  config: InternVidGConfig,
  *,
  embedder: ImageTextEmbedder,
  captioner: Captioner,
) -> VideoDescription:
  """Finds a video's scenes, compares, merges and captions them.

  Memory: `config.batch_size` frames at the video's size, and a vector for
  each frame that stands for a scene.

  Args:
    path: a video file.
    config: thresholds.
    embedder: compares scenes, and captions with scenes.
    captioner: captions scenes.

  Raises:
    BadInput: the video cannot be read.
    ValueError: a model does not give one finite vector, or one text, for each
      image or text it got.
  """
  store = open_video(path, resize=None)
  scenes = find_scenes(store.index, config.cuts)
  looked_at = scenes[: config.max_scenes]
  similarity = _scene_similarity(store, looked_at, config, embedder)
  merged, similarity = merge_scenes(looked_at, similarity, config.merge)
  return VideoDescription(
    duration_s=round(store.duration_s, 3),
    scenes=scenes,
    merged=merged,
    similarity=similarity.tolist(),
    captions=_captions(store, merged, config, embedder, captioner),
  )


def cosines(
  left: Float64[np.ndarray, 'n D'], right: Float64[np.ndarray, 'm D']
) -> Float64[np.ndarray, 'n m']:
  """Cosine of each of the left vectors with each right one; of zero, 0."""
  units = (
    vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-8)
    for vectors in (left, right)
  )
  return next(units) @ next(units).T


def _scene_similarity(
  store: FrameStore,
  scenes: Sequence[Sequence[float]],
  config: InternVidGConfig,
  embedder: ImageTextEmbedder,
) -> np.ndarray:
  """Cosines of the mean vectors of the scenes' frames, three decimals."""
  if not scenes:
    return np.zeros((0, 0))
  times_s = [
    scene_frames.likeness_times_s(scene, store.fps, config.frames_per_scene)
    for scene in scenes
  ]
  vectors = _frame_vectors(store, np.stack(times_s), config, embedder)
  features = vectors.mean(axis=1)
  return np.round(cosines(features, features), 3)


def _captions(
  store: FrameStore,
  scenes: Sequence[Sequence[float]],
  config: InternVidGConfig,
  embedder: ImageTextEmbedder,
  captioner: Captioner,
) -> list[SceneCaption]:
  """Captions of the scenes long enough, with their match; empty ones go."""
  scenes = [
    scene for scene in scenes if scene[1] - scene[0] >= config.min_captioned_s
  ]
  middles = store.frame_at(
    [scene_frames.caption_time_s(scene, store.fps) for scene in scenes]
  )
  texts = _of_frames(
    store, middles, captioner.caption_images, config.batch_size
  )
  captioned = [
    (scene, texts[int(middle)].strip())
    for scene, middle in zip(scenes, middles, strict=True)
    if texts[int(middle)].strip()
  ]
  if not captioned:
    return []
  times_s = [
    scene_frames.match_times_s(scene, store.fps, config.frames_per_scene)
    for scene, _ in captioned
  ]
  of_frames = _frame_vectors(store, np.stack(times_s), config, embedder)
  of_texts = np.concatenate(
    [
      _vectors(embedder, embedder.embed_texts, batch)
      for batch in _batches((text for _, text in captioned), config.batch_size)
    ]
  )
  return [
    SceneCaption(
      start_s=start_s,
      end_s=end_s,
      text=text,
      match=float(cosines(of_frames[i], of_texts[i : i + 1]).max()),
    )
    for i, ((start_s, end_s), text) in enumerate(captioned)
  ]


def _frame_vectors(
  store: FrameStore,
  times_s: Float64[np.ndarray, 'n F'],
  config: InternVidGConfig,
  embedder: ImageTextEmbedder,
) -> Float64[np.ndarray, 'n F D']:
  """Vectors of the frames on display at each time."""
  ids = store.frame_at(times_s.ravel())
  vectors = _of_frames(
    store,
    ids,
    lambda images: _vectors(embedder, embedder.embed_images, images),
    config.batch_size,
  )
  return np.stack([vectors[int(i)] for i in ids]).reshape(*times_s.shape, -1)


def _of_frames(
  store: FrameStore,
  frame_ids: Iterable[int],
  model: Callable[[Images], Sequence[Result]],
  batch_size: int,
) -> dict[int, Result]:
  """What a model gives for each frame; a batch of frames is held at a time."""
  results: dict[int, Result] = {}
  for batch in _batches(iterate_frames(store.index, frame_ids), batch_size):
    ids, images = zip(*batch, strict=True)
    given = model(list(images))
    if len(given) != len(ids):
      raise ValueError(
        f'a model gave {len(given)} results for {len(ids)} images; it must '
        'give one for each'
      )
    results.update(zip(ids, given, strict=True))
  return results


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
  iterator = iter(items)
  while batch := list(itertools.islice(iterator, size)):
    yield batch


def _vectors(
  embedder: ImageTextEmbedder, embed: Callable, items: Sequence
) -> Float64[np.ndarray, 'n D']:
  vectors = np.asarray(embed(items), np.float64)
  if vectors.ndim != 2 or len(vectors) != len(items):
    raise ValueError(
      f'{embedder.name} gave shape {vectors.shape} for {len(items)} items; it '
      'must give a vector for each'
    )
  if not np.isfinite(vectors).all():
    raise ValueError(
      f'{embedder.name} gave a vector that is not finite; compute it in float32'
    )
  return vectors
