"""What the builders have in common: a video and all its sentences a record."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from input_pipeline.hawkeye_samples import GroundedSentence
from input_pipeline.pixels import Resize
from input_pipeline.video_folder import open_named_video
from vtg_jax.errors import BadInput


@dataclasses.dataclass(kw_only=True)
class FramesConfig(tfds.core.BuilderConfig):
  """What is stored of a video.

  Attributes:
    fps: frames per second that are kept; 0 keeps none, only the file's name.
    size: side of the square frames, pixels.
  """

  fps: float = 0.0
  size: int = 224


CONFIGS = [
  FramesConfig(name='annotations', description='Sentences and times only.'),
  FramesConfig(
    name='frames_3fps',
    description='And 3 frames a second, 224 x 224, as HawkEye evaluates.',
    fps=3.0,
  ),
]


def features(config: FramesConfig) -> tfds.features.FeaturesDict:
  """What a record holds; texts come back from a data source as bytes.

  {'video': 'a.mp4', 'duration_s': 30.5, 'sentences': {'text': ['a person
   sits'], 'start_s': [0.0], 'end_s': [6.9]}, 'frames': uint8 [F s s 3]}
  """
  frames = {}
  if config.fps:
    shape = (None, config.size, config.size, 3)
    frames['frames'] = tfds.features.Tensor(shape=shape, dtype=np.uint8)
  return tfds.features.FeaturesDict(
    {
      'video': tfds.features.Text(),
      'duration_s': np.float64,
      'sentences': tfds.features.Sequence(
        {
          'text': tfds.features.Text(),
          'start_s': np.float64,
          'end_s': np.float64,
        }
      ),
      **frames,
    }
  )


def find_video(folder: str | os.PathLike, name: str) -> str:
  """The video's file (or folder of frames) under a name without extension.

  Raises:
    BadInput: there is none.
  """
  if os.path.exists(os.path.join(folder, name)):
    return name
  stem = Path(name).stem if Path(name).suffix == '.mp4' else name
  found = sorted(path.name for path in Path(folder).glob(f'{_literal(stem)}.*'))
  if not found:
    raise BadInput(
      f'there is no video {name} in {os.fspath(folder)}; copy it there'
    )
  return found[0]


def records(
  sentences: Iterable[GroundedSentence],
  videos: str | os.PathLike,
  config: FramesConfig,
  warn: Callable[[str], None],
) -> Iterator[tuple[str, dict[str, Any]]]:
  """Pairs of key and record, one a video, in the annotations' order.

  Args:
    sentences: of one split.
    videos: folder of the videos.
    config: what to store.
    warn: is told of each video that is left out because it cannot be read.
  """
  by_video: dict[str, list[GroundedSentence]] = {}
  for sentence in sentences:
    by_video.setdefault(sentence.video, []).append(sentence)
  size = Resize(size=config.size)
  for name, group in by_video.items():
    try:
      video = open_named_video(
        videos,
        find_video(videos, name),
        resize=size,
        folder_fps=config.fps or 3.0,
      )
      frames = {}
      if config.fps:
        times_s = np.arange(0, video.duration_s, 1 / config.fps)
        frames['frames'] = video.get(video.frame_at(times_s))
    except BadInput as error:
      warn(str(error))
      continue
    yield (
      name,
      {
        'video': os.path.basename(video.path),
        'duration_s': video.duration_s,
        'sentences': [
          {'text': s.sentence, 'start_s': s.start_s, 'end_s': s.end_s}
          for s in group
        ],
        **frames,
      },
    )


def _literal(name: str) -> str:
  """The name with what `glob` would take for a pattern escaped."""
  return ''.join(f'[{c}]' if c in '*?[' else c for c in name)
