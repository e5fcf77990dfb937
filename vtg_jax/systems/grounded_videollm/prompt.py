"""Grounded-VideoLLM's words: chat templates, and the marker of a when.

Source: Grounded-VideoLLM `mm_utils/` and `datasets/`.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from vtg_jax.moments.temporal_tokens import GROUNDING_MARKER

# What stands where the video's tokens go; exactly one in a text.
VIDEO = '<image>'
HUMAN, ASSISTANT = 'human', 'gpt'

# Questions of the reference's lists: when a sentence happens, what happens
# when, and what happens in a span of seconds.
GROUNDING = (
  "Give you a textual query: '%s'. When does the described content occur in "
  'the video? Please return the start and end timestamps.'
)
DENSE_CAPTIONS = (
  'Localize a series of activity events in the video, output the start and '
  'end timestamp for each event, and describe each event with sentences.'
)
REFERRING = 'What is happening from {} seconds to {} seconds?'

_TIMES = re.compile(r'<-?\d+(\.\d+)?>')

Turn = Mapping[str, str]  # {'from': HUMAN or ASSISTANT, 'value': text}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dialect:
  """How a language model is spoken to.

  Attributes:
    system: what a conversation begins with.
    user: template of a question, one %s.
    assistant: template of an answer, one %s; ends with `end`.
    separator: what stands between a question and its answer.
    end: the token after each answer.
    padding: the token that fills rows.
    learnt_before: tokens of the separator that are learnt with the answer: the
      reference counts a first token that this tokenizer does not have.
    seconds: how an answer's time is written out; with a space where the
      tokenizer swallows the one before a temporal token.
  """

  system: str
  user: str
  assistant: str
  separator: str
  end: str
  padding: str
  learnt_before: int
  seconds: str


PHI3 = Dialect(
  system=(
    '<|system|>\nYou are a helpful AI assistant that can generate responses '
    'based on visual inputs.'
  ),
  user='\n<|user|>\n%s',
  assistant='\n<|assistant|>\n%s<|endoftext|>',
  separator='\n<|assistant|>\n',
  end='<|endoftext|>',
  padding='<|end|>',
  learnt_before=1,
  seconds=' {:.2f} seconds',
)

LLAMA3 = Dialect(
  system=(
    '<|start_header_id|>system<|end_header_id|>You are a helpful language and '
    'vision assistant. You are able to understand the visual content that the '
    'user provides, and assist the user with a variety of tasks using natural '
    'language.'
  ),
  user='<|start_header_id|>user<|end_header_id|>%s',
  assistant='<|start_header_id|>assistant<|end_header_id|>%s<|eot_id|>',
  separator='<|start_header_id|>assistant<|end_header_id|>',
  end='<|eot_id|>',
  padding='<|end_of_text|>',
  learnt_before=0,
  seconds='{:.2f} seconds',
)

DIALECTS = {'phi3': PHI3, 'llama3': LLAMA3}


def conversation(turns: Sequence[Turn], dialect: Dialect) -> str:
  """The text of questions and answers, in one language model's dialect.

  A question that holds the video and no marker is rewritten so that the video
  stands on a line of its own before it.

  Args:
    turns: alternating, the user's first.
    dialect: of the language model.
  """
  parts = [dialect.system]
  for turn in turns:
    if turn['from'] == HUMAN:
      parts.append(dialect.user % _with_video_first(turn['value']))
    else:
      parts.append(dialect.assistant % turn['value'])
  return ''.join(parts)


def marked(turns: Sequence[Turn]) -> list[dict[str, str]]:
  """Turns with the marker before each question that is answered with times.

  Args:
    turns: alternating, the user's first; times in angle brackets.
  """
  out = [dict(turn) for turn in turns]
  for i, (question, answer) in enumerate(zip(out, out[1:], strict=False)):
    asks = question['from'] == HUMAN and answer['from'] == ASSISTANT
    if not (asks and _TIMES.search(answer['value'])):
      continue
    if i:
      question['value'] = f'{GROUNDING_MARKER}\n{question["value"]}'
    else:
      text = question['value'].removeprefix(f'{VIDEO}\n')
      question['value'] = f'{VIDEO} {GROUNDING_MARKER}\n{text}'
  return out


def asked(question: str, dialect: Dialect, *, when: bool) -> str:
  """The prompt of one question about a video, up to its answer.

  Args:
    question: without the video.
    dialect: of the language model.
    when: the answer tells times, so the question is marked.
  """
  marker = f' {GROUNDING_MARKER}' if when else ''
  turns = [
    {'from': HUMAN, 'value': f'{VIDEO}{marker}\n{question}'},
    {'from': ASSISTANT, 'value': ''},
  ]
  return conversation(turns, dialect).replace(dialect.end, '')


def about_span(start_s: float, end_s: float) -> str:
  """The question of what happens in a span, its seconds in figures."""
  # Not '1e-05': figures are found by their digits.
  told = (np.format_float_positional(s, trim='-') for s in (start_s, end_s))
  return REFERRING.format(*told)


def _with_video_first(question: str) -> str:
  if VIDEO not in question or GROUNDING_MARKER in question:
    return question
  return f'{VIDEO}\n{question.replace(VIDEO, "").strip()}'
