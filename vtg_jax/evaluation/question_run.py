"""Asks every question of a benchmark, one line a question."""

import dataclasses
import inspect
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from input_pipeline.frame_store import FrameStore
from vtg_jax.evaluation.items import QuestionItem, Videos, by_video
from vtg_jax.evaluation.records import Records
from vtg_jax.metrics import question_answering as metric
from vtg_jax.moments import Answer


class Answerer(Protocol):
  """A system that answers questions; see `Grounder`."""

  def open_video(self, path: str | os.PathLike, **options) -> FrameStore: ...

  def answer(
    self, video: FrameStore, questions: Sequence[str], **options
  ) -> list[Answer]: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionOptions:
  """How questions are asked.

  Attributes:
    answer: options of the grounder's `answer`.
    resize: see `Grounder.open_video`.
  """

  answer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  resize: str = 'pil'


def run_questions(
  answerer: Answerer,
  items: Sequence[QuestionItem],
  videos: Videos,
  records: Records,
  options: QuestionOptions = QuestionOptions(),
  *,
  on_progress: Callable[[int, int], None] | None = None,
) -> None:
  """Answers the items that have no line yet; each video is opened once.

  A hidden answer leaves `gold`, `right` and `right_strict` null. A question
  that fails has no `prediction` and is wrong; its line holds the error.

  Args:
    answerer: a system with `answer`.
    items: what to ask.
    videos: name -> file or frames.
    records: where lines go, and what is done already.
    options: how to ask.
    on_progress: called with (samples done, samples).
  """

  def told():
    if on_progress is not None:
      on_progress(len(records.done), len(items))

  told()
  for name, places in by_video(items).items():
    places = [i for i in places if i not in records.done]
    if not places:
      continue
    video, problem = None, None
    try:
      video = videos(name)
      if isinstance(video, str | os.PathLike):
        video = answerer.open_video(video, resize=options.resize)
    except Exception as error:  # one bad video must not end the benchmark
      problem = error
    for i in places:
      records.append(
        {'sample': i, **_line(answerer, video, problem, items[i], options)}
      )
      told()


def _line(answerer, video, problem, item: QuestionItem, options):
  """One question's line."""
  gold = metric.choice_gold(item.candidates, item.answer)
  line: dict[str, Any] = {
    'task': item.task,
    'video': item.video,
    'question': item.question,
    'candidates': list(item.candidates),
    'answer': item.answer,
    'gold': gold,
  }
  if item.qid is not None:
    line['qid'] = item.qid
  if item.groups:
    line['groups'] = list(item.groups)
  if item.evidence:
    line |= {'evidence': item.evidence, 'told_evidence': []}
  start = time.perf_counter()
  try:
    if problem is not None:
      raise problem
    answer = _answer(answerer, video, item, options)
  except Exception as error:  # as above
    return line | {
      'prediction': None,
      'letter': None,
      'probabilities': [],
      'right': None if gold is None else False,
      'right_strict': None if gold is None else False,
      'seconds': None,
      'error': f'{type(error).__name__}: {" ".join(str(error).split())}',
    }
  letter = None if answer.choice is None else chr(ord('A') + answer.choice)
  if item.evidence:
    line['told_evidence'] = [
      [float(one.start_s), float(one.end_s)] for one in answer.evidence
    ]
  return line | {
    'prediction': answer.text,
    'letter': letter,
    'probabilities': list(answer.probabilities),
    **_right(answer.text, gold),
    'seconds': time.perf_counter() - start,
    'error': None,
  }


def _answer(answerer, video, item: QuestionItem, options) -> Answer:
  """One question's answer, about its clip where it has one."""
  more: dict[str, Any] = {'evidence': True} if item.evidence else {}
  if item.start_s is not None or item.end_s is not None:
    if 'start_s' in inspect.signature(answerer.answer).parameters:
      more |= {'start_s': item.start_s, 'end_s': item.end_s}
    else:
      video = video.clip(item.start_s, item.end_s)
  (answer,) = answerer.answer(
    video,
    [item.question],
    options=list(item.candidates),
    **more,
    **options.answer,
  )
  return answer


def _right(reply: str, gold: str | None) -> Mapping[str, bool | None]:
  if gold is None:
    return {'right': None, 'right_strict': None}
  return {
    'right': metric.choice_matches(reply, gold),
    'right_strict': metric.choice_matches_strict(reply, gold),
  }
