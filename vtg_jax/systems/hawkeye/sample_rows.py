"""One conversation as a row of fixed length: what a training sample says."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from input_pipeline import hawkeye_samples
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.rows import (
  IGNORE,
  TrainingRows,
  split_at_video,
  training_rows,
)

LAYOUTS = ('paper', 'evaluation')


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowSizes:
  """What the network asks of a sample's text.

  Attributes:
    n_video: rows of embeddings that stand for the video.
    max_text_tokens: where the paper cuts a text, video rows not counted.
    pad_id: token of the padding.
    row_tokens: length of every row, video rows included.
    instruction_tokens: length of every instruction; longer ones lose their
      first words.
  """

  n_video: int
  max_text_tokens: int
  pad_id: int
  row_tokens: int
  instruction_tokens: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowMaker:
  """Makes the text entries of samples.

  Attributes:
    sizes: lengths.
    tokenizer: of the language model.
    instruction_tokenizer: of the Q-Former.
    layout: 'paper' is the paper's conversation; 'evaluation' gives grounding
      samples the very prompt that the search asks with, instruction included,
      and teaches nothing but the answer.
  """

  sizes: RowSizes
  tokenizer: SentencePieceTokenizer
  instruction_tokenizer: WordPieceTokenizer
  layout: str = 'paper'

  def __call__(
    self,
    turns: Sequence[Mapping[str, Any]],
    times_s: Sequence[float] | None,
    *,
    grounding: bool,
  ) -> dict[str, np.ndarray]:
    """The entries of a sample that come from its text.

    Args:
      turns: with 'q' and 'a' as texts.
      times_s: when the frames were taken; None leaves the message out.
      grounding: the answer is one of the options in the question.

    Raises:
      BadInput: the text does not fit a row.
    """
    if grounding and self.layout == 'evaluation':
      instruction = prompt.GROUNDING.system
      row = self._answer_row(turns[0], times_s)
    else:
      instruction = hawkeye_samples.qformer_instruction(turns)
      row = self._paper_row(turns, times_s)
    return self._padded(row) | self._instruction(instruction)

  def _paper_row(self, turns, times_s) -> TrainingRows:
    message = ''
    if times_s is not None:
      message = hawkeye_samples.training_message(times_s)
    return training_rows(
      self.tokenizer,
      [hawkeye_samples.conversation(turns, message)],
      n_video=self.sizes.n_video,
      max_text_tokens=self.sizes.max_text_tokens,
      pad_id=self.sizes.pad_id,
    )

  def _answer_row(self, turn, times_s) -> TrainingRows:
    """The prompt of evaluation up to '(', then the answer and the separator."""
    texts, tokenizer = prompt.GROUNDING, self.tokenizer
    asked = prompt.task_prompt(
      turn['q'], () if times_s is None else times_s, texts=texts
    )
    before, after = split_at_video(asked.replace(texts.video_slot, ''))
    answer = turn['a'].removeprefix(texts.return_prompt) + prompt.SEPARATOR
    head = [tokenizer.bos_id, *tokenizer.encode(before)]
    asked_ids = tokenizer.encode(after)
    answer_ids = tokenizer.encode_continuation(texts.answer_prompt, answer)
    video = [self.sizes.pad_id] * self.sizes.n_video
    ids = [*head, *video, *asked_ids, *answer_ids]
    labels = [IGNORE] * (len(ids) - len(answer_ids)) + answer_ids
    return TrainingRows(
      input_ids=np.array([ids], np.int32),
      attention_mask=np.ones((1, len(ids)), bool),
      labels=np.array([labels], np.int32),
      video_start=np.array([len(head)], np.int32),
    )

  def _padded(self, row: TrainingRows) -> dict[str, np.ndarray]:
    sizes, n_tokens = self.sizes, row.input_ids.shape[1]
    if n_tokens > sizes.row_tokens:
      raise BadInput(
        f'a text takes {n_tokens} tokens with its video and rows have '
        f'{sizes.row_tokens}; use a larger row_tokens'
      )
    fill = (0, sizes.row_tokens - n_tokens)
    return {
      'input_ids': np.pad(row.input_ids[0], fill, constant_values=sizes.pad_id),
      'attention_mask': np.pad(row.attention_mask[0], fill),
      'labels': np.pad(row.labels[0], fill, constant_values=IGNORE),
      'video_start': row.video_start[0],
    }

  def _instruction(self, text: str) -> dict[str, np.ndarray]:
    length = self.sizes.instruction_tokens
    ids = self.instruction_tokenizer.encode(text, max_length=length)
    fill = (0, length - len(ids))
    padding = self.instruction_tokenizer.pad_id
    return {
      'text_ids': np.pad(
        np.array(ids, np.int32), fill, constant_values=padding
      ),
      'text_mask': np.arange(length) < len(ids),
    }
