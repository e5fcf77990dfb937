"""Many videos for one sentence: what text-to-video retrieval is trained on.

    videos  7  3  9  1 ...   -> 'In video 2': the sentence is of the third

or one video, asked for yes or no. A video is shown from end to end.

Source: ReVisionLLM's data set code, and its facts in section 8.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from input_pipeline.long_video.draws import Draws, Unusable
from input_pipeline.long_video.item import NO, YES, MomentItem
from vtg_jax.moments.frame_answers import NOT_PRESENT

FOUND = 'In video {}'


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalOptions:
  """What is shown for a sentence.

  Attributes:
    n_videos: videos of a sequence, R; 1 asks of one video whether it is there.
    yes_no: of one video the answer is yes or no, not yes or `NOT_PRESENT`.
  """

  n_videos: int = 1
  yes_no: bool = False

  def __post_init__(self):
    if self.n_videos < 1:
      raise ValueError(f'n_videos is {self.n_videos}; use 1 up')
    if self.n_videos > 1 and self.yes_no:
      raise ValueError(
        f'{self.n_videos} videos are no question for yes or no; leave yes_no '
        'out'
      )


class RetrievalSample(NamedTuple):
  """What is shown for an item.

  Attributes:
    item: that it is shown for.
    videos: their keys, in order.
    answer: to the item's question.
  """

  item: MomentItem
  videos: tuple[str, ...]
  answer: str


def draw_videos(
  item: MomentItem,
  videos: Sequence[str],
  options: RetrievalOptions,
  draws: Draws,
) -> RetrievalSample:
  """The videos of an item: among them its own, or not if it is negative.

  Args:
    item: any.
    videos: keys of all there are.
    options: how many.
    draws: random numbers.

  Raises:
    Unusable: there are too few videos.
  """
  n_others = options.n_videos - (not item.negative)
  others = [video for video in videos if video != item.video]
  if len(others) < n_others:
    raise Unusable(
      f'{item.query_id!r} needs {n_others} other videos, there are '
      f'{len(others)}'
    )
  absent = NO if options.yes_no else NOT_PRESENT
  if options.n_videos == 1:
    if item.negative:
      return RetrievalSample(item, (draws.choice(others),), absent)
    return RetrievalSample(item, (item.video,), YES)
  shown = draws.sample(others, n_others)
  if item.negative:
    return RetrievalSample(item, tuple(shown), absent)
  place = draws.randint(0, options.n_videos - 1)
  shown.insert(place, item.video)
  return RetrievalSample(item, tuple(shown), FOUND.format(place))
