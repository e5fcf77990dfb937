"""What is said to TimeChat, as tokens.

    system, <Video> | 32 a window | </Video> The video contains ... | question
    --------------- | ----------- | ------------------------------- | --------
    before_ids      |             | once a video                    | each

The text behind the video is tokenised whole; its beginning is the same for
all questions about one video.
"""

import functools
from collections.abc import Sequence

from vtg_jax.decode.figures import Figures
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.systems.timechat import chat, time_grammar
from vtg_jax.systems.timechat.config import TimeChatConfig
from vtg_jax.systems.timechat.frames import ShownFrames
from vtg_jax.systems.timechat.prompt import answer_ids, prompt_ids
from vtg_jax.systems.timechat.time_grammar import ListedWords, TimedWords
from vtg_jax.systems.timechat.time_words import TIME_WORDS
from vtg_jax.systems.vocabularies import check_tokenizers

# Two questions that have no token in common.
_PROBES = ('A', '7')


class Wording:
  """Questions and answers as tokens of one model.

  Attributes:
    tokenizer: Of the language model.
    bert: Of the image Q-Former.
    times: How times stand in texts.
    before_ids: What every prompt begins with, up to the video.
    eos_id: Token that ends an answer.
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
    self.eos_id = tokenizer.eos_id
    self._config = config
    self.times = TIME_WORDS[config.places]
    if self.times.is_relative:
      n_words = 1 + max(self.figures.digit_ids)
      if n_words > config.llm.n_words:
        raise BadInput(
          f'the words of time make {n_words} tokens, the network has '
          f'{config.llm.n_words} rows; give a checkpoint that was trained with '
          'them'
        )
    self.before_ids, _ = self._parts('?', '')

  def time_rows(self, shown: ShownFrames) -> list[list[int]]:
    """Tokens of the sentence that tells each frame's time."""
    most = self._config.most_time_tokens
    sentences = chat.qformer_sentences(
      shown.times_s,
      time_format=self._config.qformer_time_format,
      duration_s=shown.duration_s,
    )
    return [self.bert.encode(one, max_length=most) for one in sentences]

  def question_ids(self, question: str, shown: ShownFrames) -> list[int]:
    """The prompt behind the video, up to its answer."""
    message = self.times.message(shown.times_s, shown.duration_s)
    return self._parts(self.times.asked(question), message)[1]

  def shared_ids(self, shown: ShownFrames) -> list[int]:
    """What all questions about one video begin with."""
    one, other = (self.question_ids(text, shown) for text in _PROBES)
    return one[: n_common(one, other)]

  @functools.cached_property
  def figures(self) -> Figures:
    """How times are written.

    Raises:
      BadInput: the tokenizer has no tokens for single digits.
    """
    return self.times.figures(self.tokenizer)

  @functools.cached_property
  def span_words(self) -> TimedWords:
    """Around the times of an answer about one span, its end included."""
    return self._timed_words(self.times.span_answer)

  @functools.cached_property
  def event_words(self) -> TimedWords:
    """Around the times of an answer that begins with an event."""
    return self._timed_words(self.times.event_answer)

  @functools.cached_property
  def highlight_words(self) -> ListedWords:
    """Around the lists of an answer about highlights, its end included."""
    return time_grammar.listed_words(
      self.tokenizer, self.figures, self.times.highlight_answer
    )

  def text(self, ids: Sequence[int]) -> str:
    """What was written, up to its end."""
    return self.tokenizer.decode(answer_ids(ids, self.eos_id)).strip()

  def _timed_words(self, answer: str) -> TimedWords:
    return time_grammar.timed_words(self.tokenizer, self.figures, answer)

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
