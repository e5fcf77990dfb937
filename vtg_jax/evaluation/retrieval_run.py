"""Finds the video of every sentence among others, one line a sentence.

cosines   of the sentence and the best frames of each video
closely   the videos of the highest cosines, as `vtg search` ranks them
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from input_pipeline.frame_features import FrameFeatures
from input_pipeline.frame_store import FrameStore
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.items import RetrievalItem, Videos
from vtg_jax.evaluation.records import Records
from vtg_jax.systems.clip.video_features import shows, video_features
from vtg_jax.systems.video_search import Candidate, look_closely


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalOptions:
  """How videos are looked for.

  Attributes:
    search: options of the grounder's `ground`.
    closely: videos that it is asked about, of the highest cosines; 0 for none.
  """

  search: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  closely: int = 10

  def __post_init__(self):
    if type(self.closely) is not int or self.closely < 0:
      raise BadInput(f'closely is {self.closely!r}; give a number from 0 up')


def run_retrieval(
  grounder,
  items: Sequence[RetrievalItem],
  videos: Videos,
  records: Records,
  options: RetrievalOptions = RetrievalOptions(),
  *,
  on_progress: Callable[[int, int], None] | None = None,
) -> None:
  """Ranks the videos for the sentences that have no line yet.

  Every video is encoded once, before the first sentence.

  Args:
    grounder: one that looks through features; see `video_search`.
    items: what to ask, all among the same videos.
    videos: name -> opened frames.
    records: where lines go, and what is done already.
    options: how to look.
    on_progress: called with (samples done, samples).

  Raises:
    BadInput: the system sees no features, or a video cannot be read.
  """
  if not hasattr(grounder, 'features_fps'):
    raise BadInput(
      f'the system {grounder.system!r} encodes no frames to look through; '
      'evaluate one that does, such as a ReVisionLLM'
    )
  encoder = grounder.frame_encoder
  features: dict[str, FrameFeatures] = {}
  for number, item in enumerate(items):
    if number in records.done:
      continue
    for name in item.among:
      if name not in features:
        features[name] = _features(grounder, videos(name))
    (words,) = encoder.encode_queries([item.question])
    among = [
      Candidate(
        video=name,
        cosine=shows(features[name], words),
        features=functools.partial(features.__getitem__, name),
      )
      for name in item.among
    ]
    closely = []
    if options.closely:
      closely = look_closely(
        grounder, among, item.question, most=options.closely, **options.search
      )
    records.append(
      {
        'sample': number,
        'video': item.video,
        'question': item.question,
        'cosines': [one.cosine for one in among],
        'closely': [one.video for one in closely],
        'error': None,
      }
    )
    if on_progress is not None:
      on_progress(len(records.done), len(items))


def _features(grounder, video) -> FrameFeatures:
  """Features of a video: as they are released, or of its frames."""
  if isinstance(video, str | os.PathLike):
    video = grounder.open_video(video)
  if not isinstance(video, FrameStore):
    return video
  return video_features(
    grounder.frame_encoder, video, fps=grounder.features_fps
  )
