"""Token rows: which token stands where, and which of them are learnt.

    <|system|> ... <|user|> VIDEO When ... <|assistant|> From <2> to <16>. END
    ------------------ ignored ---------- | ---------- learnt ---------------

The video is one token in a text; `with_video` makes room for its many rows of
embeddings.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.systems.grounded_videollm.prompt import VIDEO, Dialect

# A label that no loss is taken on, and the token that stands for the video.
IGNORE, VIDEO_ID = -100, -200


class Rows(NamedTuple):
  """A batch of token rows.

  Attributes:
    input_ids: Tokens, with VIDEO_ID where the video goes.
    labels: The tokens that are learnt, IGNORE elsewhere.
    attention_mask: False on padding.
  """

  input_ids: Int[np.ndarray, 'B T']
  labels: Int[np.ndarray, 'B T']
  attention_mask: Bool[np.ndarray, 'B T']


def tokenize(text: str, tokenizer: JsonTokenizer) -> list[int]:
  """Ids of a text whose pieces around the video are tokenised alone."""
  ids = list(tokenizer.bos_ids)
  for i, piece in enumerate(text.split(VIDEO)):
    if i:
      ids.append(VIDEO_ID)
    ids.extend(tokenizer.encode(piece))
  return ids


def labels_of(
  text: str, ids: Sequence[int], tokenizer: JsonTokenizer, dialect: Dialect
) -> list[int]:
  """Which tokens of a conversation are learnt: its answers.

  Args:
    text: The conversation.
    ids: Its tokens.
    tokenizer: That made them.
    dialect: In which it is written.

  Returns:
    The token where it is learnt, IGNORE elsewhere. Where a stretch between two
    ends is no question and answer, nothing from there on is learnt.
  """
  labels = [IGNORE] * len(ids)
  for first, after in _answers(text, tokenizer, dialect):
    labels[first:after] = ids[first:after]
  return labels


def counted_tokens(
  text: str, tokenizer: JsonTokenizer, dialect: Dialect
) -> int:
  """Tokens that the questions and answers of a conversation account for.

  Where these are not all tokens the reference warns of a mismatch: of a text
  whose last answer has no end, for one.
  """
  places = [len(tokenizer.bos_ids)]
  places += [after for _, after in _answers(text, tokenizer, dialect)]
  return places[-1]


def training_rows(
  texts: Sequence[str],
  tokenizer: JsonTokenizer,
  dialect: Dialect,
  *,
  max_tokens: int,
) -> Rows:
  """Conversations as rows of one length, padded on the right.

  Rows are cut at `max_tokens`, the video counting as one; if one was, the last
  label of every row becomes the end token, as in the reference (Q3).

  Raises:
    BadInput: a text without exactly one video, or one that is cut off.
  """
  rows = []
  for text in texts:
    if text.count(VIDEO) != 1:
      raise BadInput(f'the text {text[:60]!r} must hold exactly one {VIDEO}')
    ids = tokenize(text, tokenizer)
    rows.append((ids, labels_of(text, ids, tokenizer, dialect)))
  length = max(len(ids) for ids, _ in rows)
  padding = tokenizer.token_id(dialect.padding)
  out = Rows(
    input_ids=np.full((len(rows), length), padding, np.int32),
    labels=np.full((len(rows), length), IGNORE, np.int32),
    attention_mask=np.zeros((len(rows), length), bool),
  )
  for i, (ids, labels) in enumerate(rows):
    out.input_ids[i, : len(ids)] = ids
    out.labels[i, : len(ids)] = labels
    out.attention_mask[i, : len(ids)] = True
  if length <= max_tokens:
    return out
  out = Rows(*(x[:, :max_tokens].copy() for x in out))
  out.labels[:, -1] = tokenizer.token_id(dialect.end)
  return out


def prompt_rows(
  texts: Sequence[str],
  tokenizer: JsonTokenizer,
  dialect: Dialect,
  *,
  max_tokens: int,
) -> Rows:
  """Prompts as rows of one length, padded on the left; nothing is learnt.

  Longer ones lose their first tokens, as in the reference.
  """
  rows = [tokenize(text, tokenizer)[-max_tokens:] for text in texts]
  length = max(map(len, rows))
  padding = tokenizer.token_id(dialect.padding)
  out = Rows(
    input_ids=np.full((len(rows), length), padding, np.int32),
    labels=np.full((len(rows), length), IGNORE, np.int32),
    attention_mask=np.zeros((len(rows), length), bool),
  )
  for i, ids in enumerate(rows):
    out.input_ids[i, length - len(ids) :] = ids
    out.attention_mask[i, length - len(ids) :] = True
  return out


class SplicedRows(NamedTuple):
  """Token rows with room for the video's embeddings.

  Attributes:
    input_ids: Tokens; what stands under the video is the padding token.
    labels: IGNORE under the video.
    attention_mask: False on padding, and on videos that nobody looks at.
    video_start: Position of the first video row.
  """

  input_ids: Int[np.ndarray, 'B S']
  labels: Int[np.ndarray, 'B S']
  attention_mask: Bool[np.ndarray, 'B S']
  video_start: Int[np.ndarray, ' B']


def with_video(
  rows: Rows,
  n_video: int,
  padding_id: int,
  *,
  text_only: Sequence[bool] | None = None,
) -> SplicedRows:
  """Puts `n_video` places where the one token of the video stands.

  Args:
    rows: One video a row.
    n_video: Rows of embeddings that stand for a video.
    padding_id: What is written in those places.
    text_only: Which rows are about no video. Their text is closed up and the
      places come last, where nobody looks.

  Raises:
    BadInput: a row without its video, which was cut off.
  """
  n_rows, n_tokens = rows.input_ids.shape
  is_video = rows.input_ids == VIDEO_ID
  if not (is_video.sum(1) == 1).all():
    raise BadInput(
      f'a row of {n_tokens} tokens was cut in front of its video; allow more'
    )
  places = is_video.argmax(1)
  starts = places.copy()
  seen = np.ones(n_rows, bool)
  if text_only is not None:
    starts[np.asarray(text_only)] = n_tokens - 1
    seen = ~np.asarray(text_only)

  def spread(values, fill):
    out = np.empty((n_rows, n_tokens - 1 + n_video), values.dtype)
    for row, (place, start) in enumerate(zip(places, starts, strict=True)):
      text = np.delete(values[row], place)
      out[row] = np.insert(text, start, [fill[row]] * n_video)
    return out

  return SplicedRows(
    input_ids=spread(rows.input_ids, [padding_id] * n_rows),
    labels=spread(rows.labels, [IGNORE] * n_rows),
    attention_mask=spread(rows.attention_mask, seen),
    video_start=starts.astype(np.int32),
  )


def _answers(
  text: str, tokenizer: JsonTokenizer, dialect: Dialect
) -> Iterator[tuple[int, int]]:
  """Where each answer begins and where it is over, its end included."""
  place = len(tokenizer.bos_ids)
  for round_text in text.split(dialect.end):
    parts = round_text.split(dialect.separator)
    if len(parts) != 2:
      return
    n_asked = _count(parts[0] + dialect.separator, tokenizer)
    after = place + _count(round_text, tokenizer) + 1  # and the end
    yield place + n_asked - dialect.learnt_before, after
    place = after


def _count(text: str, tokenizer: JsonTokenizer) -> int:
  return len(tokenize(text, tokenizer)) - len(tokenizer.bos_ids)
