"""What ReVisionLLM is asked about one query, and may answer, as tokens."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from vtg_jax.decode.number_grammar import NumberTables, number_tables
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.moments.frame_answers import (
  NOT_PRESENT,
  frames_answer,
  places_answer,
)
from vtg_jax.systems.revisionllm import prompt

# Questions are filled up to one of these, so that few shapes are compiled.
LENGTHS = (24, 48, 96, 192, 384, 1024)
_TO = ' to '


class Question(NamedTuple):
  """The tokens behind the video; of one question, or of several.

  Attributes:
    ids: Padded on the right.
    length: How many are real.
  """

  ids: Int[np.ndarray, '*B T']
  length: Int[np.ndarray, '*B']

  def of(self, rows: Int[np.ndarray, ' B'] | int) -> 'Question':
    """Some of several, or one."""
    return Question(self.ids[rows], self.length[rows])

  def filled(self, width: int) -> 'Question':
    """The same with padding up to a width, if it is not that wide."""
    missing = width - self.ids.shape[-1]
    if missing <= 0:
      return self
    padding = np.full((*self.ids.shape[:-1], missing), prompt.PAD_ID, np.int32)
    return Question(np.concatenate([self.ids, padding], -1), self.length)


def together(questions: Sequence[Question]) -> Question:
  """Several questions, as long as the longest is."""
  width = max(len(one.ids) for one in questions)
  questions = [one.filled(width) for one in questions]
  return Question(*map(np.stack, zip(*questions, strict=True)))


class Wording:
  """Texts of one tokenizer.

  Attributes:
    tokenizer: Of the language model.
    lead: Tokens before the video, the same for all questions.
  """

  def __init__(self, tokenizer: SentencePieceTokenizer):
    self.tokenizer = tokenizer
    before, _ = self._around(prompt.question(''))
    self.lead = np.array([before], np.int32)

  def question(self, query: str, template: str) -> Question:
    """The tokens behind the video.

    Args:
      query: A sentence.
      template: Of `prompt`, with a place for it.

    Raises:
      BadInput: it is too long.
    """
    _, ids = self._around(prompt.question(query, template=template))
    length = next((n for n in LENGTHS if n >= len(ids)), None)
    if length is None:
      raise BadInput(
        f'the query {query[:40]!r}... makes a question of {len(ids)} tokens; '
        f'{LENGTHS[-1]} can be read, use fewer words'
      )
    padded = np.full(length, prompt.PAD_ID, np.int32)
    padded[: len(ids)] = ids
    return Question(padded, np.int32(len(ids)))

  def frame_answers(self, n_frames: int) -> NumberTables:
    """What may be answered at the dense level; see `moments.frame_answers`."""
    return self._answers(tuple(f'{i:02d}' for i in range(n_frames)), True)

  def place_answers(self, n_places: int) -> NumberTables:
    """What may be answered above it."""
    return self._answers(tuple(map(str, range(n_places + 1))), False)

  @functools.cache  # noqa: B019
  def _answers(self, numbers: tuple[str, ...], padded: bool) -> NumberTables:
    answer = frames_answer if padded else places_answer
    before = prompt.ASSISTANT + ':'

    def parts(number):
      text = answer(number, number)
      at = text.index(_TO)
      return f' {text[:at]}', text[at:]

    follow = self.tokenizer.encode_continuation
    first, _ = parts(numbers[0])
    try:
      return number_tables(
        [follow(before, parts(number)[0]) for number in numbers],
        [follow(before + first, parts(number)[1]) for number in numbers],
        follow(before, f' {NOT_PRESENT}'),
        eos_id=self.tokenizer.eos_id,
      )
    except ValueError as error:
      raise BadInput(
        f'the tokenizer cannot tell the answers apart ({error}); give that of '
        'the language model'
      ) from error

  def text(self, ids: np.ndarray) -> str:
    """What was written."""
    written = prompt.answer_ids(ids, self.tokenizer.eos_id)
    return self.tokenizer.decode(written).strip()

  def _around(self, turn: str) -> tuple[list[int], list[int]]:
    """Tokens before the video, and those behind it."""
    ids = prompt.prompt_ids(self.tokenizer, prompt.chat_prompt(turn))
    at = ids.index(prompt.VIDEO_ID)
    return ids[:at], ids[at + 1 :]
