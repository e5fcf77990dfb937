"""What a training sample of TimeChat says: its conversation and its times."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.systems.timechat import chat
from vtg_jax.systems.timechat.ids import IGNORE
from vtg_jax.systems.timechat.prompt import learnt_rows
from vtg_jax.systems.timechat.rows import lay_out

# What short sentences of times are filled with: BERT's [PAD], LLaMA's unknown.
_TIME_PAD_ID = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowMaker:
  """Makes the entries of samples that are words.

  Attributes:
    tokenizer: of the language model, placeholder and digit tokens included.
    time_tokenizer: of the image Q-Former; None reads its sentences with the
      language model's, as released training does.
    video_id: of the placeholder.
    row_tokens: length of every row, video tokens included.
    time_tokens: length of every sentence of a frame's time.
  """

  tokenizer: SentencePieceTokenizer
  time_tokenizer: WordPieceTokenizer | None
  video_id: int
  row_tokens: int
  time_tokens: int

  def conversation(
    self, turns: Sequence[tuple[str, str]], message: str, n_video: int
  ) -> dict[str, np.ndarray]:
    """The entries of the language model.

    Args:
      turns: questions and answers.
      message: about the frames, the blank at its end included.
      n_video: tokens of the video.

    Returns:
      'input_ids' int32 [T], 'places' int32 [T], see `llm.places`, 'labels'
      int32 [T], 'attention_mask' bool [T].

    Raises:
      BadInput: no token of an answer fits into the row, or a text holds a
        mark of the chat.
    """
    for text in itertools.chain(*turns):
      for mark in chat.MARKS:
        if mark in text:
          raise BadInput(
            f'the text {text[:60]!r} holds {mark}, which is a mark of the '
            'chat; leave it out'
          )
    text = chat.learnt_text(turns, message, n_placeholders=n_video)
    ids, labels = learnt_rows(self.tokenizer, text, most=self.row_tokens)
    if not any(label != IGNORE for label in labels):
      raise BadInput(
        f'its question fills all {self.row_tokens} tokens of a row; raise '
        'data.row_tokens'
      )
    rows = lay_out([ids], self.video_id, pad_to=self.row_tokens)
    padded = np.full(self.row_tokens, IGNORE, np.int32)
    padded[: len(labels)] = labels
    return {
      'input_ids': rows.input_ids[0],
      'places': rows.places[0],
      'labels': padded,
      'attention_mask': rows.attention_mask[0],
    }

  def times(
    self, sentences: Sequence[str], n_frames: int
  ) -> dict[str, np.ndarray]:
    """The entries of the image Q-Former.

    Args:
      sentences: of the frames that are there.
      n_frames: frames of a sample; the rest have a sentence without words.

    Returns:
      'time_ids' int32 [F T], 'time_mask' bool [F T].

    Raises:
      BadInput: a sentence is too long.
    """
    ids = np.full((n_frames, self.time_tokens), _TIME_PAD_ID, np.int32)
    mask = np.zeros(ids.shape, bool)
    for i, sentence in enumerate(sentences):
      tokens = self._time_ids(sentence)
      if len(tokens) > self.time_tokens:
        raise BadInput(
          f'{sentence!r} has {len(tokens)} tokens; raise data.time_tokens, '
          f'which is {self.time_tokens}'
        )
      ids[i, : len(tokens)], mask[i, : len(tokens)] = tokens, True
    return {'time_ids': ids, 'time_mask': mask}

  def _time_ids(self, sentence: str) -> list[int]:
    if self.time_tokenizer is None:
      return self.tokenizer.encode(sentence, bos=True)
    # One more than there is room for, so that nothing is cut in silence.
    return self.time_tokenizer.encode(sentence, max_length=self.time_tokens + 1)
