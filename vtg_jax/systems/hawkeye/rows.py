"""Training rows: which token stands where, and which of them are learnt.

slot 0 | Examine ... ###Human: <Video> | 96 video rows | </Video> ... ###
ignore |            ignore             |    ignore     | roles, answers

"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer

# A label that no loss is taken on.
IGNORE = -100
HUMAN, ASSISTANT = '###Human: ', '###Assistant: '
VIDEO_END, IMAGE_END = '</Video>', '</Image>'


class TrainingRows(NamedTuple):
  """A batch of teacher-forced rows, padded on the right.

  Attributes:
    input_ids: Tokens; what stands under the video is a placeholder.
    attention_mask: False on padding.
    labels: `input_ids` where they are learnt, `IGNORE` elsewhere.
    video_start: Position of the first video row.
  """

  input_ids: Int[np.ndarray, 'B T']
  attention_mask: Bool[np.ndarray, 'B T']
  labels: Int[np.ndarray, 'B T']
  video_start: Int[np.ndarray, ' B']


def split_at_video(text: str) -> tuple[str, str]:
  """Cuts a conversation in front of its one `</Video>` (or `</Image>`).

  Raises:
    BadInput: when there is none, or more than one.
  """
  ends = [end for end in (VIDEO_END, IMAGE_END) if end in text]
  if len(ends) != 1 or text.count(ends[0]) != 1:
    raise BadInput(
      f'the text {text[:60]!r} must hold exactly one {VIDEO_END} or {IMAGE_END}'
    )
  before, after = text.split(ends[0])
  return before, ends[0] + after


def label_after(
  tokenizer: SentencePieceTokenizer, text: str, ids: Sequence[int]
) -> list[int]:
  """Labels of what follows the video: role tags and answers are learnt.

  `</Video> msg ###Human: q ###Assistant: a ###Human: q ###Assistant: a ###`
  ignored ----- learnt -- --- learnt ------------------- learnt ------------
  (the questions q are ignored).

  Args:
    tokenizer: Of the language model.
    text: From the end tag on.
    ids: Its tokens.

  Returns:
    One label a token.

  Raises:
    BadInput: when the pieces, tokenised alone, do not add up to the whole,
      so that nobody can say which token is whose.

  Source: HawkEye models/hawkeye_it.py.
  """

  def count(piece):
    return len(tokenizer.encode(piece.rstrip()))

  system, *turns = text.split(ASSISTANT)
  if not turns:  # a plain caption: all but the end tag
    end_tag = next(e for e in (VIDEO_END, IMAGE_END) if text.startswith(e))
    spans = [(count(end_tag), False), (len(ids) - count(end_tag), True)]
  else:
    spans = _human_turn(system, count, learn_first=False)
    for turn in turns[:-1]:
      spans += _human_turn(ASSISTANT + turn, count, learn_first=True)
    spans.append((count(ASSISTANT + turns[-1]), True))
  learnt = [learn for n, learn in spans for _ in range(n)]
  if len(learnt) != len(ids):
    raise BadInput(
      f'{text[:60]!r} has {len(ids)} tokens but its turns have '
      f'{len(learnt)}; change the spacing around its role tags'
    )
  return [i if on else IGNORE for i, on in zip(ids, learnt, strict=True)]


def _human_turn(piece, count, *, learn_first):
  """Spans of `first part ###Human: question`: the tag is always learnt."""
  first = piece.split(HUMAN)[0]
  if HUMAN not in piece:
    return [(count(piece), learn_first)]
  tag = count(HUMAN)
  rest = count(piece) - count(first) - tag
  return [(count(first), learn_first), (tag, True), (rest, False)]


def training_rows(
  tokenizer: SentencePieceTokenizer,
  texts: Sequence[str],
  *,
  n_video: int,
  max_text_tokens: int,
  pad_id: int,
) -> TrainingRows:
  """Lays out conversations as rows of one length.

  Args:
    tokenizer: Of the language model.
    texts: Conversations with one end tag each.
    n_video: Video rows.
    max_text_tokens: Rows are cut on the right beyond this plus `n_video`.
    pad_id: Token of the padding.

  Raises:
    BadInput: when a row would be cut inside its video or before it (the
      reference crashes there).
  """
  rows = []
  for text in texts:
    before, after = split_at_video(text)
    before_ids = tokenizer.encode(before)
    after_ids = tokenizer.encode(after)
    start = 1 + len(before_ids)  # slot 0 stands for BOS
    ids = [tokenizer.bos_id, *before_ids, *[pad_id] * n_video, *after_ids]
    ignored = [IGNORE] * (start + n_video)
    labels = ignored + label_after(tokenizer, after, after_ids)
    rows.append((ids, labels, start))
  limit = max_text_tokens + n_video
  length = min(max(len(ids) for ids, _, _ in rows), limit)
  for text, (_, _, start) in zip(texts, rows, strict=True):
    if start + n_video > length:
      raise BadInput(
        f'the text before the video takes {start} of {max_text_tokens} '
        f'tokens and leaves no room for the video: {text[:60]!r}'
      )
  shape = (len(rows), length)
  out = TrainingRows(
    input_ids=np.full(shape, pad_id, np.int32),
    attention_mask=np.zeros(shape, bool),
    labels=np.full(shape, IGNORE, np.int32),
    video_start=np.array([start for _, _, start in rows], np.int32),
  )
  for row, (ids, labels, _) in enumerate(rows):
    n = min(len(ids), length)
    out.input_ids[row, :n] = ids[:n]
    out.attention_mask[row, :n] = True
    out.labels[row, :n] = labels[:n]
  return out
