"""One conversation as a row of fixed length: what a training sample says.

The paper has all turns in a row, each seeing those before it. Side by side,
each question stands after the same video as if it were the first:

    <|system|> ... VIDEO | question 1, answer 1 | question 2, answer 2 | ...
                         ^----------------------^ sees itself and the video
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import write_tokens
from vtg_jax.systems.grounded_videollm.prompt import (
  VIDEO,
  Dialect,
  Turn,
  conversation,
  marked,
)
from vtg_jax.systems.grounded_videollm.rows import (
  IGNORE,
  SplicedRows,
  training_rows,
  with_video,
)

LAYOUTS = ('conversation', 'side_by_side')


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowMaker:
  """Makes the text entries of samples.

  Attributes:
    tokenizer: of the language model, words of time included.
    dialect: in which it is spoken to.
    n_video: rows of embeddings that stand for the video.
    n_intervals: steps of the time scale; None where times stay as they are, in
      the first stage.
    max_text_tokens: where the paper cuts a text, the video counting as one.
    row_tokens: length of every row, video rows included.
    layout: of `LAYOUTS`.
  """

  tokenizer: JsonTokenizer
  dialect: Dialect
  n_video: int
  n_intervals: int | None
  max_text_tokens: int
  row_tokens: int
  layout: str = 'conversation'

  def __call__(
    self,
    turns: Sequence[Turn],
    duration_s: float | None,
  ) -> dict[str, np.ndarray]:
    """The entries of a sample that come from its text.

    Args:
      turns: questions and answers, the video first in the first question.
      duration_s: of the video as its reader tells it; None for a conversation
        about no video.

    Returns:
      'input_ids' int32 [T], 'labels' int32 [T], 'attention_mask' bool [T],
      'video_start' int32; side by side also 'turn' int32 [T], the number of
      the question that a token belongs to, 0 for what all see, and 'positions'
      int32 [T].

    Raises:
      BadInput: the text does not fit a row.
    """
    if self.layout == 'side_by_side':
      row = self._side_by_side(turns, duration_s)
    else:
      spliced = self._spliced(turns, duration_s)
      row = {name: x[0] for name, x in spliced._asdict().items()}
    return self._padded(row)

  def _spliced(self, turns, duration_s) -> SplicedRows:
    if self.n_intervals is not None:
      turns = marked(turns)
    text = conversation(turns, self.dialect)
    if duration_s is not None and self.n_intervals is not None:
      text = write_tokens(text, duration_s, self.n_intervals)
    rows = training_rows(
      [text], self.tokenizer, self.dialect, max_tokens=self.max_text_tokens
    )
    return with_video(
      rows, self.n_video, self._padding_id, text_only=[duration_s is None]
    )

  def _side_by_side(self, turns, duration_s) -> dict[str, np.ndarray]:
    parts = []
    for i in range(0, len(turns), 2):
      question, answer = turns[i], turns[i + 1]
      if VIDEO not in question['value']:
        value = f'{VIDEO}\n{question["value"]}'
        question = {**question, 'value': value}
      parts.append(self._spliced([question, answer], duration_s))
    start = int(parts[0].video_start[0])
    n_seen = start + self.n_video
    own = [part.input_ids.shape[1] - n_seen for part in parts]

    def joined(name):
      first = getattr(parts[0], name)[0, :n_seen]
      rest = [getattr(part, name)[0, n_seen:] for part in parts]
      return np.concatenate([first, *rest])

    turn = np.repeat(np.arange(len(parts) + 1), [n_seen, *own])
    positions = [np.arange(n_seen)] + [n_seen + np.arange(n) for n in own]
    return {
      'input_ids': joined('input_ids'),
      'labels': joined('labels'),
      'attention_mask': joined('attention_mask'),
      'video_start': np.int32(start),
      'turn': turn.astype(np.int32),
      'positions': np.concatenate(positions).astype(np.int32),
    }

  @property
  def _padding_id(self) -> int:
    return self.tokenizer.token_id(self.dialect.padding)

  def _padded(self, row: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    n_tokens = len(row['input_ids'])
    if n_tokens > self.row_tokens:
      raise BadInput(
        f'a text takes {n_tokens} tokens with its video and rows have '
        f'{self.row_tokens}; use a larger row_tokens'
      )
    fills = {
      'input_ids': self._padding_id,
      'labels': IGNORE,
      'attention_mask': False,
      'turn': -1,
      'positions': 0,
    }
    padding = (0, self.row_tokens - n_tokens)
    return {
      name: np.pad(x, padding, constant_values=fills[name])
      if name in fills
      else x
      for name, x in row.items()
    }
