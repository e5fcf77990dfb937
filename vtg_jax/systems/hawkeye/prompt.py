"""HawkEye's words: chat prompts, the message about frames, and replies.

Source: HawkEye `tasks/test_recursive_grounding.py` and `tasks/test.py`.
"""

import dataclasses
from collections.abc import Sequence

from input_pipeline import frame_choice
from vtg_jax.metrics import question_answering
from vtg_jax.moments import coarse

SEPARATOR = '###'
HUMAN = 'Human'
ASSISTANT = 'Assistant'

UNK_ID = 0
BOS_ID = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromptTexts:
  """The fixed texts of one task.

  Attributes:
    system: system prompt; opens the prompt, stands again before the question,
      and is all that the Q-Former reads.
    question: template of the question, one %s for the sentence.
    question_suffix: appended to the question block.
    answer_prompt: begins the answer for the model.
    return_prompt: what of it belongs to the reply.
    max_new_tokens: how long a reply may be, in tokens.
    video_slot: where the prompt is cut and the video's rows of embeddings
      go in; each part is tokenised alone.
    video: the slot within its tags.
  """

  system: str
  question: str
  question_suffix: str
  answer_prompt: str
  return_prompt: str
  max_new_tokens: int
  video_slot: str = '<VideoHere>'
  video: str = '<Video><VideoHere></Video>'


GROUNDING = PromptTexts(
  system=(
    'Examine the video and choose the most appropriate choice in accordance '
    "with the video's content.\n"
  ),
  question=coarse.GROUNDING_QUESTION,
  question_suffix='\nOnly give the best option.',
  answer_prompt='Best option: (',
  return_prompt='(',
  max_new_tokens=20,
)

VIDEO_QA = PromptTexts(
  system=(
    'Carefully watch the video and pay attention to the cause and sequence of '
    'events, the detail and movement of objects, and the action and pose of '
    'persons. Based on your observations, select the best option that '
    'accurately addresses the question.\n'
  ),
  question='%s',
  question_suffix='\nOnly give the best option.',
  answer_prompt='Best option:(',  # no space here, unlike in grounding
  return_prompt='(',
  max_new_tokens=100,
)


def chat_prompt(
  system: str,
  messages: Sequence[tuple[str, str | None]],
  *,
  open_answer: bool = False,
) -> str:
  """Joins a conversation into one prompt.

  A message is 'role: text###'; one without text is 'role:', for the model to
  go on from.

  Args:
    system: opens the prompt; may be empty.
    messages: (role, text or None), in order.
    open_answer: leaves the separator off behind the last message, which then
      is the beginning of the model's answer.

  Raises:
    ValueError: an open answer without text.
  """
  parts = [system + SEPARATOR]
  for role, text in messages:
    parts.append(f'{role}: {text}{SEPARATOR}' if text else f'{role}:')
  prompt = ''.join(parts)
  if not open_answer:
    return prompt
  if not messages or not messages[-1][1]:
    raise ValueError(f'{messages=} leave no answer open; end with a text')
  return prompt.removesuffix(SEPARATOR)


def video_message(times_s: Sequence[float]) -> str:
  """Returns the sentence about the frames: how many, and when.

  video_message([0.44, 1.0])
    == 'The video contains 2 frames sampled at 0.4, 1.0 seconds.'
  Without times there is no message: ''.
  """
  return frame_choice.frames_message(times_s) if len(times_s) else ''


def task_prompt(
  question: str, times_s: Sequence[float], *, texts: PromptTexts
) -> str:
  """Returns the prompt of one question about one video.

  Args:
    question: question block, with options where the task has them.
    times_s: seconds of the frames; none leaves the message out.
    texts: the task's fixed texts.

  Returns:
    The prompt, with one `texts.video_slot` in it.
  """
  asked = f'{texts.system}{question}{texts.question_suffix}\n'
  return chat_prompt(
    texts.system,
    [
      (HUMAN, f'{texts.video} {video_message(times_s)}\n'),
      (HUMAN, asked),
      (ASSISTANT, texts.answer_prompt),
    ],
    open_answer=True,
  )


def grounding_prompt(
  query: str,
  order: Sequence[str],
  times_s: Sequence[float],
  *,
  texts: PromptTexts = GROUNDING,
) -> str:
  """Returns the prompt of one round of the search for a sentence.

  Args:
    query: the sentence to find.
    order: categories in the order displayed.
    times_s: seconds of the frames; none leaves the message out.
    texts: the task's fixed texts.
  """
  question = coarse.grounding_question(query, order, template=texts.question)
  return task_prompt(question, times_s, texts=texts)


def video_qa_prompt(
  question: str,
  candidates: Sequence[str],
  times_s: Sequence[float],
  *,
  texts: PromptTexts = VIDEO_QA,
) -> str:
  """Returns the prompt of a multiple-choice question about a video."""
  block = question_answering.choice_question(question, candidates)
  return task_prompt(
    coarse.fill_template(texts.question, block), times_s, texts=texts
  )


def reply_ids(ids: Sequence[int]) -> list[int]:
  """Drops one leading unknown id, then one leading BOS id."""
  ids = list(ids)
  for leading in (UNK_ID, BOS_ID):
    if ids and ids[0] == leading:
      ids = ids[1:]
  return ids


def reply_text(generated: str, *, return_prompt: str = '') -> str:
  """Cleans generated text: up to the separator, after the assistant's tag.

  reply_text('C) At the end.###Human', return_prompt='(') == '(C) At the end.'
  """
  text = generated.split(SEPARATOR)[0]
  text = text.split(f'{ASSISTANT}:')[-1].strip()
  return return_prompt + text
