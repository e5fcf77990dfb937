"""What is said to the language model, as tokens.

    system, video | question ... | From <s> to <e>.
    ------------- | ------------ | ----
    before_ids,   | question_ids | lead, START, middle, END
    once a video  |              |

The text is cut at the video, so that what comes before it is the same for all
questions. An answer is tokenised together with what comes before it: some
tokenizers write words differently at the start of a text.
"""

import functools
from typing import NamedTuple

import numpy as np

from vtg_jax.decode.span_grammar import SpanGrammar
from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import (
  GROUNDING_MARKER,
  write_asked_tokens,
)
from vtg_jax.systems.checks import check_vocabulary
from vtg_jax.systems.grounded_videollm import prompt
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.spans import TimeScale

# What tells a span; its times are written over.
SPAN = 'From <0> to <1>.'
_SPAN_WORD = 'From'
# What can stand before a sentence, where a tokenizer may tell it apart.
_BEFORE_SENTENCES = ('', 'a. ', 'a.\n', 'a.')


class SpanWords(NamedTuple):
  """The tokens of an answer around the two times of a span.

  Attributes:
    lead: Before its start.
    middle: Between the two.
  """

  lead: tuple[int, ...]
  middle: tuple[int, ...]


class Wording:
  """Questions and answers as tokens of one language model.

  Attributes:
    tokenizer: The time tokens are among its words.
    before_ids: What every prompt begins with, up to the video.
    time_ids: Tokens of <0> to <M>.
    end_id: Ends an answer.
    padding_id: Fills rows.
    seconds: How a time is written out; see `prompt.Dialect`.
  """

  def __init__(self, config: GroundedVideoLlmConfig, tokenizer: JsonTokenizer):
    """Prepares what all prompts share.

    Raises:
      BadInput: the tokenizer does not fit the network, or lacks words.
    """
    n_tokens, n_rows = tokenizer.vocab_size, config.llm.vocab_size
    if n_tokens > n_rows:
      raise BadInput(
        f'the tokenizer and the words of time are {n_tokens} tokens, the '
        f'network has {n_rows} rows; give a checkpoint after stage 2 and the '
        'tokenizer it was trained with'
      )
    check_vocabulary('language model', n_tokens, n_rows)
    self.tokenizer = tokenizer
    self._dialect = dialect = config.words
    self._max_tokens = config.max_text_tokens
    before, _ = self._prompt('?', when=True).split(prompt.VIDEO)
    self.before_ids = np.array(
      [*tokenizer.bos_ids, *tokenizer.encode(before)], np.int32
    )
    self.time_ids = np.array(
      [tokenizer.token_id(f'<{m}>') for m in range(config.n_intervals + 1)],
      np.int32,
    )
    self.end_id = tokenizer.token_id(dialect.end)
    self.padding_id = tokenizer.token_id(dialect.padding)
    self.seconds = dialect.seconds

  def question_ids(self, question: str, *, when: bool) -> list[int]:
    """The prompt of a question after the video, up to its answer.

    Args:
      question: Without the video.
      when: See `prompt.asked`.

    Raises:
      BadInput: it is longer than the model was made for.
    """
    _, after = self._prompt(question, when=when).split(prompt.VIDEO)
    ids = self.tokenizer.encode(after)
    n_tokens = len(self.before_ids) + 1 + len(ids)
    if n_tokens > self._max_tokens:
      raise BadInput(
        f'the prompt with {question[:40]!r}... takes {n_tokens} tokens, the '
        f'model reads {self._max_tokens}; shorten the question'
      )
    return ids

  def answer_ids(self, answer: str) -> list[int]:
    """The tokens of an answer's text, as they stand behind a question."""
    before = self._dialect.separator
    asked = self.tokenizer.encode(before)
    ids = self.tokenizer.encode(before + answer)
    if ids[: len(asked)] != asked:
      raise BadInput(
        f'the tokenizer joins the answer {answer[:40]!r} to what is before it; '
        'begin it with a word'
      )
    return ids[len(asked) :]

  def span_words(self, before: str = '') -> SpanWords:
    """The tokens around the times of an answer 'From <s> to <e>.'.

    Args:
      before: What the answer says before it, such as 'Answer: (A) a dog. '.
    """
    ids = self.answer_ids(before + SPAN)
    # The text before may hold times, too: the last two are ours.
    end = _last(ids, int(self.time_ids[1]))
    start = _last(ids[:end], int(self.time_ids[0]))
    return SpanWords(tuple(ids[:start]), tuple(ids[start + 1 : end]))

  @functools.cached_property
  def span_grammar(self) -> SpanGrammar:
    """What may be written where spans are told, from the first start on."""
    leads = [self.span_words(before).lead for before in _BEFORE_SENTENCES]
    middle = self.span_words().middle
    gap = leads[0][_n_word(leads[0], self._is_blank) :]
    words = {self._span_word(lead[: len(lead) - len(gap)]) for lead in leads}
    return SpanGrammar(
      words=tuple(sorted(words)),
      gap=gap,
      middle=middle,
      time_ids=tuple(self.time_ids.tolist()),
      begins_inside=True,
    )

  def _span_word(self, lead) -> tuple[int, ...]:
    """The tokens of 'From' at the end of some tokens."""
    for n in range(1, len(lead) + 1):
      if self.tokenizer.decode(lead[-n:]).strip() == _SPAN_WORD:
        return tuple(lead[-n:])
    return tuple(lead)

  def _is_blank(self, token: int) -> bool:
    return not self.tokenizer.decode([token]).strip()

  def _prompt(self, question: str, *, when: bool) -> str:
    return prompt.asked(question, self._dialect, when=when)


def asked_text(question: str, scale: TimeScale) -> str:
  """A question in a user's words, as it can stand in a prompt.

  Args:
    question: Its '12 seconds' become words of time.
    scale: Of the video.

  Raises:
    BadInput: it holds what marks the places of other things.
  """
  for mark in (prompt.VIDEO, GROUNDING_MARKER):
    if mark in question:
      raise BadInput(
        f'the question holds {mark}, which marks a place in the prompt; leave '
        'it out'
      )
  return write_asked_tokens(question, scale.duration_s, scale.n_intervals)


def _n_word(ids, is_blank) -> int:
  """How many tokens there are up to the last one that is not blank."""
  return max((i + 1 for i, token in enumerate(ids) if not is_blank(token)))


def _last(ids, token: int) -> int:
  return len(ids) - 1 - ids[::-1].index(token)
