"""Whether what a language model wrote can be used, and if not, why."""

import dataclasses
import json
import math
import re
from typing import Any

from input_pipeline.grounded_qa.captions import CaptionedVideo

_FENCED = re.compile(r'\s*```(?:json)?\s*(.*?)\s*```\s*', re.DOTALL)
# '12.5 seconds', '3s', '0:45', '<12>', 'timestamp'.
_TIME = re.compile(
  r'\d\s*(?:s|sec|secs|seconds?|min|mins|minutes?|%)\b|\d:\d\d|<[^>]*>'
  r'|\btime\s?stamps?\b|\bseconds?\s+\d',
  re.IGNORECASE,
)
_MARKS = ('<image>', '\n')
_WORD = re.compile(r'\w+')


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckRule:
  """What is asked of a reply.

  Attributes:
    min_overlap: IoU of the told span with the event, at least.
    max_question_words: longer questions are refused.
    max_answer_words: longer answers too.
  """

  min_overlap: float = 0.5
  max_question_words: int = 40
  max_answer_words: int = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class WrittenQuestion:
  """A question with its answer and where that is to be seen.

  Attributes:
    question: ends with a question mark.
    answer: not empty.
    start_s: inside the video.
    end_s: after it, and inside the video.
  """

  question: str
  answer: str
  start_s: float
  end_s: float


class Refused(ValueError):
  """A reply that cannot be used; the text says why."""


def checked(
  reply: str, video: CaptionedVideo, event: int, rule: CheckRule
) -> WrittenQuestion:
  """Reads a reply.

  Args:
    reply: what was written.
    video: what it was written from.
    event: number of the event that it is to be about.
    rule: what is asked of it.

  Raises:
    Refused: it is not the JSON object that was asked for, its span is not the
      event's, or question or answer tell what they should not.
  """
  fields = _fields(reply)
  question = ' '.join(fields['question'].split())
  answer = ' '.join(fields['answer'].split())
  start_s, end_s = fields['start'], fields['end']
  if not (math.isfinite(start_s) and math.isfinite(end_s)):
    raise Refused('start or end is no number')
  if not 0 <= start_s < end_s <= video.duration_s:
    raise Refused('the span is empty or outside the video')
  if _overlap((start_s, end_s), video.events[event]) < rule.min_overlap:
    raise Refused('the span is not that of the event')
  _check_text('question', question, rule.max_question_words)
  _check_text('answer', answer, rule.max_answer_words)
  if not question.endswith('?'):
    raise Refused('the question has no question mark')
  if _says(question, answer):
    raise Refused('the question says the answer')
  return WrittenQuestion(
    question=question, answer=answer, start_s=start_s, end_s=end_s
  )


def _fields(reply: str) -> dict[str, Any]:
  fenced = _FENCED.fullmatch(reply)
  try:
    fields = json.loads(fenced[1] if fenced else reply)
  except ValueError as error:
    raise Refused('it is no JSON') from error
  kinds = {'question': str, 'answer': str, 'start': float, 'end': float}
  if not isinstance(fields, dict) or set(fields) != set(kinds):
    raise Refused('it is no object of question, answer, start and end')
  for name, kind in kinds.items():
    value = fields[name]
    if kind is float and type(value) is int:
      value = fields[name] = float(value)
    if type(value) is not kind:
      raise Refused(f'{name} is no {"text" if kind is str else "number"}')
  return fields


def _check_text(what: str, text: str, max_words: int) -> None:
  n_words = len(_WORD.findall(text))
  if not n_words:
    raise Refused(f'the {what} is empty')
  if n_words > max_words:
    raise Refused(f'the {what} is too long')
  if _TIME.search(text) or any(mark in text for mark in _MARKS):
    raise Refused(f'the {what} tells a time')


def _says(question: str, answer: str) -> bool:
  """Whether the words of the answer stand in the question, in order."""
  asked, said = (_WORD.findall(text.lower()) for text in (question, answer))
  n = len(said)
  return any(asked[i : i + n] == said for i in range(len(asked) - n + 1))


def _overlap(span, event) -> float:
  """IoU of two spans."""
  shared = min(span[1], event[1]) - max(span[0], event[0])
  hull = max(span[1], event[1]) - min(span[0], event[0])
  return max(shared, 0.0) / hull
