"""ReVisionLLM's words: Vicuna's chat, the questions, and what is learnt.

Source: spec section 4.
"""

from collections.abc import Sequence
from typing import Protocol

from input_pipeline.long_video.item import QUESTIONS, VIDEO, asked_sentence

CHAT_SYSTEM = (
  'A chat between a curious user and an artificial intelligence assistant. The '
  'assistant gives helpful, detailed, and polite answers to the '
  "user's questions."
)
USER, ASSISTANT = 'USER', 'ASSISTANT'
END = '</s>'
# What stands in a prompt for a memory of an earlier video.
MEMORY = '<memory>'
VIDEO_ID, MEMORY_ID = -200, -300
# Label that does not count, and what short rows are filled with.
IGNORE, PAD_ID = -100, 0

FRAMES_QUESTION, VIDEO_QUESTION = QUESTIONS['frames'], QUESTIONS['video']
YES_NO_QUESTION = QUESTIONS['yes_no']
_ANSWER_MARK = f' {ASSISTANT}: '


class Encoder(Protocol):
  """What is asked of a tokenizer."""

  bos_id: int

  def encode(self, text: str, *, bos: bool = False) -> list[int]: ...


def question(sentence: str, *, template: str = FRAMES_QUESTION) -> str:
  """Returns the user's turn: the video, then what is asked of it."""
  return f'{VIDEO}\n{template.format(asked_sentence(sentence))}'


def chat_prompt(turn: str, answer: str | None = None) -> str:
  """Returns a conversation of one turn.

  Args:
    turn: What the user says.
    answer: The reply; None for one to go on from.
  """
  asked = f'{CHAT_SYSTEM} {USER}: {turn} {ASSISTANT}:'
  return asked if answer is None else f'{asked} {answer}{END}'


def prompt_ids(tokenizer: Encoder, text: str) -> list[int]:
  """Ids of a prompt, with `VIDEO_ID` and `MEMORY_ID` in their places.

  Each stretch of text is tokenised alone. The first begins with BOS; those
  after a video do not, those after a memory do.

  Args:
    tokenizer: Of the language model.
    text: May hold placeholders.
  """
  ids: list[int] = []
  for i, shown in enumerate(text.split(VIDEO)):
    for j, piece in enumerate(shown.split(MEMORY)):
      if j:
        ids.append(MEMORY_ID)
      elif i:
        ids.append(VIDEO_ID)
      ids += tokenizer.encode(piece, bos=bool(j or not i))
  return ids


def learnt_labels(tokenizer: Encoder, text: str) -> list[int]:
  """Labels of a conversation: its answers and what ends them.

  The instruction's length is that of its text up to the space before the
  answer, less BOS and the lone piece of that space. Where the lengths of the
  turns do not add up, nothing is learnt.

  Args:
    tokenizer: Of the language model.
    text: Turns that end with `END`.

  Returns:
    One label an id of `prompt_ids`, `IGNORE` where none is learnt.
  """
  ids = prompt_ids(tokenizer, text)
  labels = list(ids)
  at = 1
  labels[:1] = [IGNORE]
  for turn in text.split(END):
    if not turn:
      break
    parts = turn.split(_ANSWER_MARK)
    if len(parts) != 2:
      break
    n_turn = len(prompt_ids(tokenizer, turn))
    n_asked = len(prompt_ids(tokenizer, parts[0] + _ANSWER_MARK)) - 2
    labels[at : at + n_asked] = [IGNORE] * len(labels[at : at + n_asked])
    at += n_turn
  if at != len(ids):
    return [IGNORE] * len(ids)
  return labels


def answer_ids(ids: Sequence[int], eos_id: int) -> list[int]:
  """What was written before the end of a generated row."""
  ids = [int(i) for i in ids]
  return ids[: ids.index(eos_id)] if eos_id in ids else ids
