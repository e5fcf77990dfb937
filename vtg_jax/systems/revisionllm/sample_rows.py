"""One question and its answer as a row of fixed length.

A chat ... USER: VIDEO During ... ASSISTANT: From 03 to 17.</s>  padding
------------------- ignored ---------------- | --- learnt --- |
"""

import dataclasses

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.systems.revisionllm.prompt import (
  IGNORE,
  Encoder,
  chat_prompt,
  learnt_labels,
  prompt_ids,
)
from vtg_jax.systems.revisionllm.rows import lay_out


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowMaker:
  """Makes the text entries of samples.

  Attributes:
    tokenizer: of the language model.
    n_visual: rows of embeddings that stand for the video: frames at the dense
      level, windows at a sparse one.
    text_tokens: most tokens of a text; rows are longer by `n_visual`.
  """

  tokenizer: Encoder
  n_visual: int
  text_tokens: int

  @property
  def row_tokens(self) -> int:
    """Length of every row, visual rows included."""
    return self.n_visual + self.text_tokens

  def __call__(self, question: str, answer: str) -> dict[str, np.ndarray]:
    """The entries of a sample that come from its text.

    Args:
      question: the video first.
      answer: without what ends it.

    Returns:
      'input_ids', 'places' and 'labels', int32 [T], and 'attention_mask', bool
      [T]; see `rows.Rows`.

    Raises:
      BadInput: the text does not fit a row, or nothing of it is learnt.
    """
    text = chat_prompt(question, answer)
    ids = prompt_ids(self.tokenizer, text)
    if len(ids) - 1 > self.text_tokens:  # the video is one of them
      raise BadInput(
        f'a text has {len(ids) - 1} tokens and rows have room for '
        f'{self.text_tokens}; use a larger text_tokens'
      )
    labels = learnt_labels(self.tokenizer, text)
    if all(label == IGNORE for label in labels):
      raise BadInput(f'nothing is learnt of {text[-80:]!r}')
    rows = lay_out([ids], self.n_visual, [labels], pad_to=self.row_tokens)
    return {
      name: getattr(rows, name)[0]
      for name in ('input_ids', 'places', 'labels', 'attention_mask')
    }
