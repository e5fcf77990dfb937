"""Questions about a video: answered freely, by choice, with evidence."""

import dataclasses
import re
from collections.abc import Sequence

import jax
import numpy as np

from input_pipeline.video import FrameStore
from vtg_jax.errors import BadInput
from vtg_jax.moments.answer import Answer
from vtg_jax.moments.moment import Moment
from vtg_jax.systems.checks import (
  check_known,
  checked_score,
  options_of_questions,
)
from vtg_jax.systems.grounded_videollm.asker import Asker, Row
from vtg_jax.systems.grounded_videollm.choices import (
  choice_answers,
  choice_question,
  chosen_option,
  without_answer,
)
from vtg_jax.systems.grounded_videollm.config import SYSTEM
from vtg_jax.systems.grounded_videollm.spans import TimeScale, scored_moments
from vtg_jax.systems.grounded_videollm.told import plain_text
from vtg_jax.systems.grounded_videollm.wording import asked_text
from vtg_jax.systems.writing import Draws, mean_probability

# How an answer is found: options compared by their texts or by their letters,
# or a text written freely.
WAYS = ('score', 'letter', 'generate')
# Where a written answer tells its evidence itself.
_TOLD_SPAN = re.compile(r'\s*\bFrom\s*<\d+>')


def answer_questions(
  asker: Asker,
  video: FrameStore,
  sampling: str,
  scale: TimeScale,
  questions: Sequence[str],
  *,
  options: Sequence[str] | Sequence[Sequence[str]] | None,
  evidence: bool,
  mode: str | None,
  max_tokens: int,
  draws: Draws,
) -> list[Answer]:
  """See `GroundedVideoLlmGrounder.answer`."""
  lists = options_of_questions(options, len(questions))
  mode = mode or ('score' if options else 'generate')
  check_known('mode', mode, WAYS)
  if mode != 'generate' and not options:
    raise BadInput(
      f'mode {mode} compares options and there are none; give options, or use '
      'mode generate'
    )
  texts = [
    asked_text(choice_question(question, own) if own else question, scale)
    for question, own in zip(questions, lists, strict=True)
  ]
  rows = [asker.wording.question_ids(text, when=False) for text in texts]
  if mode == 'generate':
    written = asker.write(
      video, sampling, rows, max_tokens=max_tokens, draws=draws
    )
    replies = [asker.wording.tokenizer.decode(one.ids) for one in written]
    answers = [
      Answer(
        question=question,
        text=_shown(plain_text(one.ids, asker.wording, scale), own),
        choice=chosen_option(reply, own) if own else None,
        score=mean_probability(one.log_probs),
        system=SYSTEM,
      )
      for question, own, one, reply in zip(
        questions, lists, written, replies, strict=True
      )
    ]
  else:
    answers, replies = _chosen(
      asker, video, sampling, questions, lists, rows, mode
    )
  if not evidence:
    return answers
  found = _evidence(asker, video, sampling, scale, questions, texts, replies)
  return [
    dataclasses.replace(answer, evidence=tuple(moments))
    for answer, moments in zip(answers, found, strict=True)
  ]


def _shown(text: str, options: Sequence[str]) -> str:
  return without_answer(text) if options else text


def _chosen(
  asker, video, sampling, questions, lists, rows: list[Row], mode
) -> tuple[list[Answer], list[str]]:
  """The most probable option of each question, and how it is told in full."""
  encode = asker.wording.answer_ids
  texts = [choice_answers(own, letters_only=mode == 'letter') for own in lists]
  options = [[encode(text) for text in own] for own in texts]
  scores = asker.choose(video, sampling, rows, options)
  answers, replies = [], []
  for question, own, of_options in zip(questions, lists, scores, strict=True):
    checked_score(float(of_options.max()))
    probabilities = np.asarray(jax.nn.softmax(of_options), np.float64)
    best = int(probabilities.argmax())
    reply = choice_answers(own, letters_only=False)[best]
    replies.append(reply)
    answers.append(
      Answer(
        question=question,
        text=without_answer(reply),
        choice=best,
        probabilities=tuple(np.minimum(probabilities, 1).tolist()),
        score=float(probabilities[best]),
        system=SYSTEM,
      )
    )
  return answers, replies


def _evidence(
  asker, video, sampling, scale, questions, texts, replies
) -> list[list[Moment]]:
  """The span that each answer would go on with, were it to tell one."""
  rows, middle = [], ()
  for text, reply in zip(texts, replies, strict=True):
    said = _TOLD_SPAN.split(reply)[0].strip().rstrip('.')
    words = asker.wording.span_words(f'{said}. ' if said else '')
    middle = words.middle
    rows.append([*asker.wording.question_ids(text, when=True), *words.lead])
  found = asker.spans(video, sampling, rows, middle)
  return [
    scored_moments(question, start, end, scale, top_k=1)
    for question, (start, end) in zip(questions, found, strict=True)
  ]
