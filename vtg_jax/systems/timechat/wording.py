"""What is said to TimeChat, as tokens.

    system, <Video> | 32 a window | </Video> The video contains ... | question
    --------------- | ----------- | ------------------------------- | --------
    before_ids      |             | once a video                    | each

The text behind the video is tokenised whole; its beginning is the same for
all questions about one video.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from vtg_jax.decode.figure_grammar import Figures
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.systems.timechat import chat
from vtg_jax.systems.timechat.config import TimeChatConfig
from vtg_jax.systems.timechat.prompt import answer_ids, prompt_ids
from vtg_jax.systems.vocabularies import check_tokenizers

# The answers that are learnt, TimeIT's, up to what is free.
SPAN_ANSWER = f' The given query happens in 5.5 - 5.5 seconds. {chat.END}'
EVENT_ANSWER = ' 5.5 - 5.5 seconds,'
# Most digits of a time before its point.
_N_WHOLE = 5
# Two questions that have no token in common.
_PROBES = ('A', '7')


class TimedWords(NamedTuple):
  """The tokens of an answer around its two times.

  Attributes:
    lead: Before the start.
    middle: Between start and end.
    after: Behind the end.
  """

  lead: tuple[int, ...]
  middle: tuple[int, ...]
  after: tuple[int, ...]


class Wording:
  """Questions and answers as tokens of one model.

  Attributes:
    tokenizer: Of the language model.
    bert: Of the image Q-Former.
    before_ids: What every prompt begins with, up to the video.
  """

  def __init__(
    self,
    config: TimeChatConfig,
    tokenizer: SentencePieceTokenizer,
    bert: WordPieceTokenizer,
  ):
    """Prepares what all prompts share.

    Raises:
      BadInput: a tokenizer does not fit the network.
    """
    check_tokenizers(config, tokenizer, bert)
    self.tokenizer, self.bert = tokenizer, bert
    self._config = config
    self.before_ids, _ = self._parts('?', '')

  def time_rows(self, times_s: Sequence[float]) -> list[list[int]]:
    """Tokens of the sentence that tells each frame's time."""
    most = self._config.most_time_tokens
    return [
      self.bert.encode(sentence, max_length=most)
      for sentence in chat.qformer_sentences(times_s)
    ]

  def question_ids(self, question: str, times_s: Sequence[float]) -> list[int]:
    """The prompt behind the video, up to its answer."""
    return self._parts(question, chat.frames_message(times_s))[1]

  def shared_ids(self, times_s: Sequence[float]) -> list[int]:
    """What all questions about one video begin with."""
    one, other = (self.question_ids(text, times_s) for text in _PROBES)
    return one[: n_common(one, other)]

  @property
  def figures(self) -> Figures:
    """How times are written.

    Raises:
      BadInput: the tokenizer has no tokens for single digits.
    """
    return self._figures

  @functools.cached_property
  def span_words(self) -> TimedWords:
    """Around the times of an answer about one span, its end included."""
    return self._timed_words(SPAN_ANSWER)

  @functools.cached_property
  def event_words(self) -> TimedWords:
    """Around the times of an answer that begins with an event."""
    return self._timed_words(EVENT_ANSWER)

  def text(self, ids: Sequence[int]) -> str:
    """What was written, up to its end."""
    return self.tokenizer.decode(answer_ids(ids, self.tokenizer.eos_id)).strip()

  @functools.cached_property
  def _figures(self) -> Figures:
    go_on = self.tokenizer.encode_continuation
    alone = [go_on('a 5.', str(digit)) for digit in range(10)]
    point = go_on('a 5', '.')
    if any(len(ids) != 1 for ids in (*alone, point)):
      raise BadInput(
        'the tokenizer of this model has no tokens for single digits, so that '
        "its times cannot be written under a grammar; use mode 'generate'"
      )
    return Figures(
      digit_ids=tuple(ids[0] for ids in alone),
      n_whole=_N_WHOLE,
      point_id=point[0],
      n_decimals=1,
    )

  def _timed_words(self, answer: str) -> TimedWords:
    ids = self.tokenizer.encode_continuation(chat.ANSWERED, answer)
    five = self.figures.digit_ids[5]
    time = [five, self.figures.point_id, five]
    found = [i for i in range(len(ids)) if ids[i : i + 3] == time]
    if len(found) != 2:
      raise BadInput(
        f'the tokenizer of this model writes no plain times in {answer!r}; use '
        "mode 'generate'"
      )
    start, end = found
    parts = ids[:start], ids[start + 3 : end], ids[end + 3 :]
    return TimedWords(*map(tuple, parts))

  def _parts(self, question: str, message: str):
    """Ids of a prompt before its video and behind it."""
    if self._config.prompts == 'released':
      return prompt_ids(self.tokenizer, chat.asked(question, message))
    text = chat.asked(question, message, spacing=chat.TRAINING)
    ids = self.tokenizer.encode(text, bos=True)
    at = ids.index(self.tokenizer.vocab_size)  # the placeholder
    return ids[:at], ids[at + 1 :]


def n_common(one: Sequence[int], other: Sequence[int]) -> int:
  """How many tokens two rows begin with together."""
  same = [a == b for a, b in zip(one, other, strict=False)]
  return (*same, False).index(False)
