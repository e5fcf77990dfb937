"""Captions with times to grounded questions with options.

    captions.json -> train.videos.jsonl    a line a video, as it goes
                  -> train.json            the whole file, at the end

The first file is the record by which a run goes on after it was stopped; only
once every question is written is it known which wrong options there are.
"""

import dataclasses
import hashlib
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from input_pipeline.build_record import Record, written_whole
from input_pipeline.grounded_qa.captions import CaptionedVideo
from input_pipeline.grounded_qa.checks import (
  CheckRule,
  Refused,
  WrittenQuestion,
  checked,
)
from input_pipeline.grounded_qa.distractors import (
  DistractorRule,
  Distractors,
  HashedWords,
  TextEmbedder,
)
from input_pipeline.grounded_qa.writing import QuestionWriter, Request
from vtg_jax.errors import BadInput
from vtg_jax.moments.options import lettered, with_options


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundedQaConfig:
  """Every choice of the construction.

  Attributes:
    seed: of all that is drawn.
    attempts: how often a question is asked for until one can be used.
    check: what is asked of a question.
    distractors: which answers make wrong options.
    dataset_name: of every item.
    video_file: where a video lies below the data root, by its name.
  """

  seed: int = 0
  attempts: int = 3
  check: CheckRule = CheckRule()
  distractors: DistractorRule = DistractorRule()
  dataset_name: str = 'grounded_qa'
  video_file: str = '{name}.mp4'

  def __post_init__(self) -> None:
    if self.attempts < 1:
      raise BadInput(f'attempts is {self.attempts}; use 1 or more')
    try:
      file = self.video_file.format(name='x')
    except (KeyError, IndexError, ValueError) as error:
      raise BadInput(
        f'video_file {self.video_file!r} cannot be filled in; write {{name}} '
        'where the name goes'
      ) from error
    if 'x' not in file:
      raise BadInput(
        f'video_file {self.video_file!r} has no {{name}}; say where it goes'
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuildReport:
  """What a run did.

  Attributes:
    n_videos: videos in the annotations.
    n_asked: those asked about in this run; others were done before.
    n_events: events of all videos.
    n_questions: questions that can be used.
    n_items: lines written: those with enough wrong options.
    refused: why -> how many replies could not be used.
  """

  n_videos: int
  n_asked: int
  n_events: int
  n_questions: int
  n_items: int
  refused: Mapping[str, int]


def build_dataset(
  videos: Sequence[CaptionedVideo],
  out: str | os.PathLike,
  config: GroundedQaConfig,
  *,
  writer: QuestionWriter,
  embedder: TextEmbedder | None = None,
  on_progress: Callable[[int, int], None] | None = None,
) -> BuildReport:
  """Asks about the videos that have no questions yet, then writes `out` whole.

  An item of `out`: {'question_id': 'v_1_0', 'video_id': 'v_1', 'video_file':
  'v_1.mp4', 'dataset_name': 'grounded_qa', 'conversation': [
  {'from': 'human', 'value': '<image>\\nQuestion: Who barks?\\nOptions:\\n(A) a
  cat\\n(B) a dog'}, {'from': 'gpt', 'value': 'Answer: (B) a dog. From <2.5> to
  <4.0>.'}]}

  Args:
    videos: what happens in them when.
    out: the file of items; its record lies beside it.
    config: every choice.
    writer: writes questions.
    embedder: finds answers that are alike; `HashedWords` when None.
    on_progress: is called with (videos done, videos).

  Raises:
    BadInput: the record is another run's.
  """
  out = Path(out)
  embedder = embedder or HashedWords()
  record = Record(
    out.with_suffix('.videos.jsonl'),
    {
      'writer': writer.name,
      'seed': config.seed,
      'attempts': config.attempts,
      **{f'check.{k}': v for k, v in dataclasses.asdict(config.check).items()},
    },
    kind='grounded questions 1',
  )
  n_asked = 0
  for n_done, video in enumerate(videos):
    if on_progress is not None:
      on_progress(n_done, len(videos))
    captions = _fingerprint(video)
    before = record.read(video.name)
    if before is None or before['captions'] != captions:
      entry = _asked(video, config, writer)
      record.append({'video': video.name, 'captions': captions, **entry})
      n_asked += 1
  if on_progress is not None:
    on_progress(len(videos), len(videos))
  return _write_items(videos, record, out, config, embedder, n_asked)


def _asked(
  video: CaptionedVideo, config: GroundedQaConfig, writer: QuestionWriter
) -> dict[str, Any]:
  """The questions about a video, and why replies were refused."""
  waiting = list(range(len(video.events)))
  questions: dict[int, WrittenQuestion] = {}
  refused: list[list[Any]] = []
  for attempt in range(config.attempts):
    if not waiting:
      break
    requests = [
      Request(video=video, event=i, attempt=attempt, seed=config.seed)
      for i in waiting
    ]
    replies = writer.write(requests)
    left = []
    for i, reply in zip(waiting, replies, strict=True):
      try:
        questions[i] = checked(reply, video, i, config.check)
      except Refused as why:
        refused.append([i, str(why)])
        left.append(i)
    waiting = left
  return {
    'questions': [
      {'event': i, **dataclasses.asdict(questions[i])}
      for i in sorted(questions)
    ],
    'refused': refused,
  }


def _write_items(
  videos, record: Record, out: Path, config, embedder, n_asked: int
) -> BuildReport:
  """Gives every question its options."""
  entries = [record.read(video.name) for video in videos]
  asked = [
    (video, question)
    for video, entry in zip(videos, entries, strict=True)
    for question in entry['questions']
  ]
  pool = Distractors(
    [question['answer'] for _, question in asked],
    [video.name for video, _ in asked],
    config.distractors,
    embedder,
  )
  items = []
  for place, (video, question) in enumerate(asked):
    # Of its own, so that another video's questions change none of it.
    rng = random.Random(f'{config.seed} {video.name} {question["event"]}')
    wrong = pool.of(place, rng)
    if wrong is not None:
      items.append(_item(video, question, wrong, config, rng))
  with written_whole(out) as file:
    json.dump(items, file, indent=1)
    file.write('\n')
  return BuildReport(
    n_videos=len(videos),
    n_asked=n_asked,
    n_events=sum(len(video.events) for video in videos),
    n_questions=len(asked),
    n_items=len(items),
    refused=dict(Counter(why for one in entries for _, why in one['refused'])),
  )


def _item(video, question, wrong, config, rng) -> dict[str, Any]:
  """One question as the mixtures have it."""
  answer = question['answer']
  options = [answer, *wrong]
  rng.shuffle(options)
  lines = lettered(options)
  asked = with_options(f'Question: {question["question"]}', lines)
  said = f'Answer: {lines[options.index(answer)].rstrip(".")}.'
  span = f'From <{question["start_s"]:g}> to <{question["end_s"]:g}>.'
  return {
    'question_id': f'{video.name}_{question["event"]}',
    'video_id': video.name,
    'video_file': config.video_file.format(name=video.name),
    'dataset_name': config.dataset_name,
    'conversation': [
      {'from': 'human', 'value': f'<image>\n{asked.rstrip()}'},
      {'from': 'gpt', 'value': f'{said} {span}'},
    ],
  }


def _fingerprint(video: CaptionedVideo) -> str:
  """Of what is asked about: other captions are asked about anew."""
  return hashlib.sha256(
    json.dumps([video.duration_s, *video.events]).encode()
  ).hexdigest()[:16]
