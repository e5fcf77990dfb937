"""What is asked about which video, whatever benchmark it is from."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from input_pipeline.frame_features import FrameFeatures
from input_pipeline.frame_store import FrameStore
from vtg_jax.metrics.dense_captions import Event
from vtg_jax.metrics.highlights import TrueSaliency


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundingItem:
  """One sentence to find in one video.

  Attributes:
    video: as the annotation names it.
    question: the bare sentence.
    gold: true spans, seconds; none where it does not happen.
    tags: groups that get a row of their own.
    part: a part of the benchmark that counts only in a row of its own; ''
      is the main part.
    qid: the annotation's own number.
    search: with which of the benchmark's searches it is asked, where it
      compares some.
  """

  video: str
  question: str
  gold: tuple[tuple[float, float], ...]
  tags: tuple[str, ...] = ()
  part: str = ''
  qid: str | int | None = None
  search: str = ''


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongItem(GroundingItem):
  """One sentence to find in hours of video, by the best few answers.

  What a score is worth is learnt on the part `CALIBRATION`, which counts for
  nothing else. An absent sentence has its kind for a tag.
  """


CALIBRATION = 'calibration'


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionItem:
  """One multiple-choice question about one video.

  Attributes:
    video: as the annotation names it.
    question: without its options.
    candidates: the options, without letters.
    answer: the true one's text; None where it is hidden.
    task: accuracy is counted by task.
    start_s: start of the clip that is asked about; None is the video's.
    end_s: its end.
    qid: the annotation's own number.
    evidence: where the answer is to be seen, seconds; a system is asked for
      it too where there is any.
    groups: accuracy is counted by each of these besides.
  """

  video: str
  question: str
  candidates: tuple[str, ...]
  answer: str | None
  task: str = ''
  start_s: float | None = None
  end_s: float | None = None
  qid: str | int | None = None
  evidence: tuple[tuple[float, float], ...] = ()
  groups: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionItem:
  """One video whose events are to be told.

  Attributes:
    video: as the annotation names it.
    references: the true events, once for each person who told them.
  """

  video: str
  references: tuple[tuple[Event, ...], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class HighlightItem:
  """One sentence whose highlights are to be found in one video.

  Attributes:
    video: as the annotation names it.
    question: the bare sentence.
    duration_s: of the video, as annotated; its clips are counted by it.
    true: what people say of the clips.
    qid: the annotation's own number.
  """

  video: str
  question: str
  duration_s: float
  true: TrueSaliency
  qid: str | int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalItem:
  """One sentence whose video is to be found.

  Attributes:
    video: the one that it is true of.
    question: the bare sentence.
    among: the videos to choose from.
  """

  video: str
  question: str
  among: tuple[str, ...]


Item = (
  GroundingItem | QuestionItem | CaptionItem | HighlightItem | RetrievalItem
)
# A video's name in the annotation -> its file, folder, opened frames, or the
# features of its frames.
Videos = Callable[[str], str | Path | FrameStore | FrameFeatures]


# Fields that came after the first runs were stored: they count where filled.
_LATER = ('evidence', 'groups', 'search')


def digest(items: Sequence[Item]) -> str:
  """Returns a fingerprint of the items and their order."""
  sha = hashlib.sha256()
  for item in items:
    fields = {
      name: value
      for name, value in dataclasses.asdict(item).items()
      if value or name not in _LATER
    }
    sha.update(json.dumps(fields).encode() + b'\n')
  return sha.hexdigest()[:16]


def by_search(
  items: Sequence[GroundingItem], searches: Sequence[str]
) -> list[GroundingItem]:
  """Returns each item with each search, or as it is where there is none."""
  if not searches:
    return list(items)
  return [
    dataclasses.replace(item, search=name)
    for item in items
    for name in searches
  ]


def by_video(items: Sequence[Any]) -> dict[str, list[int]]:
  """Returns the places of each video's items, in the order of first use."""
  places: dict[str, list[int]] = {}
  for i, item in enumerate(items):
    places.setdefault(item.video, []).append(i)
  return places
