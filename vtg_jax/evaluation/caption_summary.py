"""From lines of a captioning run to its scores."""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.rows import percent
from vtg_jax.metrics import dense_captions
from vtg_jax.metrics.bootstrap import Bootstrap, mean_interval
from vtg_jax.metrics.caption_scorers import (
  WORD_OVERLAP,
  CaptionScorer,
  published_scorers,
)
from vtg_jax.metrics.dense_captions import Event

# How sentences may be compared: by what SODA_c does, then by what else.
WORDS = {'published': ('METEOR', 'CIDEr'), 'overlap': ('words',)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionSummary:
  """All scores of one run, means over videos, 0..1 (CIDEr 0..10).

  Attributes:
    soda_c: the story in order, its sentences compared by the first of
      `sentences`; with several references the mean over them, where the
      published program joins them or takes the best.
    interval: low and high of it, resampled over videos.
    sentences: scorer -> score where spans agree, mean over thresholds of IoU.
    precision: share of told events that overlap a true one.
    recall: share of true events that a told one overlaps.
    f1: harmonic mean of the two.
    f1_of_videos: mean over videos of each one's own, as YouCook2's figures are.
    told_per_video: events told.
    true_per_video: true ones, of the first reference.
    n_videos: videos, failed ones included: they score 0.
    errors: message -> how many videos.
    seconds: mean a video.
  """

  soda_c: float
  interval: tuple[float, float]
  sentences: Mapping[str, float]
  precision: float
  recall: float
  f1: float
  f1_of_videos: float
  told_per_video: float
  true_per_video: float
  n_videos: int
  errors: Mapping[str, int]
  seconds: float

  @property
  def n_failed(self) -> int:
    return sum(self.errors.values())

  def to_json(self) -> dict[str, Any]:
    return {**dataclasses.asdict(self), 'n_failed': self.n_failed}


def check_words(words: str) -> None:
  """Raises BadInput unless it is one of WORDS."""
  if words not in WORDS:
    raise BadInput(f'words is {words!r}; use one of {list(WORDS)}')


def summarise_captions(
  records: Sequence[Mapping[str, Any]], *, words: str, bootstrap: Bootstrap
) -> CaptionSummary:
  """Scores the lines of a run.

  Args:
    records: lines as `run_captions` writes them.
    words: one of WORDS: 'published' are METEOR and CIDEr, which need an extra
      and Java; 'overlap' counts words in common.
    bootstrap: how the interval is resampled.

  Raises:
    BadInput: the tools that compare sentences are not here.
  """
  check_words(words)
  told = [_events(r['told']) for r in records]
  true = [[_events(one) for one in r['references']] for r in records]
  texts = {
    event.sentence
    for events in (*told, *(one for several in true for one in several))
    for event in events
  }
  with contextlib.ExitStack() as stack:
    if words == 'published':
      scorers = stack.enter_context(published_scorers(texts))
    else:
      scorers = {WORD_OVERLAP.name: WORD_OVERLAP}
    used = [scorers[name] for name in WORDS[words]]
    found = np.array(
      [
        _video_scores(events, references, used)
        for events, references in zip(told, true, strict=True)
      ]
    )
  soda, precision, recall, *sentences = found.mean(axis=0).tolist()
  low, high = mean_interval(
    found[:, :1], [r['video'] for r in records], bootstrap
  )
  seconds = [r['seconds'] for r in records if r['error'] is None]
  return CaptionSummary(
    soda_c=soda,
    interval=(float(low[0]), float(high[0])),
    sentences=dict(zip(WORDS[words], sentences, strict=True)),
    precision=precision,
    recall=recall,
    f1=dense_captions.harmonic(precision, recall),
    f1_of_videos=float(
      np.mean([dense_captions.harmonic(*pair) for pair in found[:, 1:3]])
    ),
    told_per_video=float(np.mean([len(events) for events in told])),
    true_per_video=float(np.mean([len(one[0]) for one in true])),
    n_videos=len(records),
    errors=dict(Counter(r['error'] for r in records if r['error'] is not None)),
    seconds=float(np.mean(seconds)) if seconds else float('nan'),
  )


def _video_scores(
  told: list[Event],
  references: list[list[Event]],
  scorers: Sequence[CaptionScorer],
) -> list[float]:
  """SODA_c, precision and recall, then what each scorer says of the words."""
  soda = [
    dense_captions.soda_c(told, true, scorers[0].each) for true in references
  ]
  where = dense_captions.localisation(told, references)
  return [
    float(np.mean(soda)),
    where.precision,
    where.recall,
    *(
      dense_captions.mean_at_thresholds(told, references, one.together)
      for one in scorers
    ),
  ]


def _events(told) -> list[Event]:
  """As JSON brings them back: [[start, end], sentence] each."""
  return [Event(tuple(span), sentence) for span, sentence in told]


def head(summary: CaptionSummary) -> tuple[str, ...]:
  """Columns of the table."""
  return (
    '', 'SODA_c', 'SODA_c interval', *summary.sentences, 'F1', 'F1 of videos',
    'precision', 'recall', 'n',
  )  # fmt: skip


def cells(summary: CaptionSummary) -> list[str]:
  """The model's row, in per cent."""
  low, high = summary.interval
  return [
    'model',
    percent(summary.soda_c),
    f'{percent(low)} to {percent(high)}',
    *(percent(score) for score in summary.sentences.values()),
    percent(summary.f1),
    percent(summary.f1_of_videos),
    percent(summary.precision),
    percent(summary.recall),
    str(summary.n_videos),
  ]


def remarks(summary: CaptionSummary) -> list[str]:
  """Returns what the table does not say, a line each."""
  thresholds = ', '.join(f'{t:g}' for t in dense_captions.THRESHOLDS)
  by = next(iter(summary.sentences))
  return [
    f'{summary.n_videos} videos, {summary.told_per_video:.1f} events told of '
    f'each and {summary.true_per_video:.1f} true; the interval resamples the '
    'videos.',
    f'SODA_c compares sentences by {by}; the scores after it are means over '
    f'the IoU thresholds {thresholds}.',
  ]
