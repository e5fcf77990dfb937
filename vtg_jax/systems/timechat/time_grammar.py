"""How TimeChat's times are written under `decode.figure_grammar`.

An example of an answer is tokenised, and what stands around its two times is
what the grammar writes around any others:

    ' The given query happens in'   5.5    ' - '    5.5    ' seconds. </s>'
    lead                            START  middle   END    after

so that the same lines serve plain numbers and Seq2Time's digit tokens.
"""

import dataclasses
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from jaxtyping import Array, Int

from vtg_jax.decode.figure_grammar import FigureGrammar
from vtg_jax.decode.figures import Figures
from vtg_jax.decode.list_grammar import ListGrammar, ListWords
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.moments import relative_position
from vtg_jax.systems.timechat import chat

# The answers that are learnt, TimeIT's, up to what is free; '{}' is a time.
SPAN_ANSWER = f' The given query happens in {{}} - {{}} seconds. {chat.END}'
EVENT_ANSWER = ' {} - {} seconds,'
HIGHLIGHT_ANSWER = (
  ' There are {} highlight moments in the {}, {} second. Their saliency scores '
  f'are {{}}, {{}}. {chat.END}'
)
CODED_SPAN_ANSWER = f' The given query happens in {{}} - {{}}. {chat.END}'
CODED_EVENT_ANSWER = ' {} - {},'
CODED_HIGHLIGHT_ANSWER = HIGHLIGHT_ANSWER.replace(' second', '')
# Least and greatest saliency, in tenths.
SALIENCIES = (10, 50)
# Most digits of a time before its point.
_N_WHOLE = 5
_REMEDY = "use mode 'generate'"


class TimedWords(NamedTuple):
  """The tokens of an answer around its two times.

  Attributes:
    lead: Before the start, which the prompt ends with; empty where words are
      written before any time.
    middle: Between start and end; None where times stand alone.
    after: Behind the end.
  """

  lead: tuple[int, ...]
  middle: tuple[int, ...] | None
  after: tuple[int, ...]

  def grammar(
    self, figures: Figures, limit: Int[Array, ' B'], max_tokens: int
  ) -> FigureGrammar:
    """The grammar of rows whose times reach up to a limit."""
    del max_tokens  # a span is short; words go on until they are cut
    return FigureGrammar(
      figures=figures,
      limit=limit,
      middle=self.middle,
      after=self.after,
      begins_inside=bool(self.lead),
    )


class ListedWords(NamedTuple):
  """The tokens of an answer around a count, and lists of times and saliencies.

  Attributes:
    around: See `ListWords`.
    saliencies: How they are written; of these digits the count is, too.
  """

  around: ListWords
  saliencies: Figures

  @property
  def lead(self) -> tuple[int, ...]:
    """Before the count, which the prompt ends with."""
    return self.around.lead

  def grammar(
    self, figures: Figures, limit: Int[Array, ' B'], max_tokens: int
  ) -> ListGrammar:
    """The grammar of rows whose times reach up to a limit.

    Raises:
      BadInput: so few tokens may not even tell one.
    """
    most = self.around.most_numbers(max_tokens, figures, self.saliencies)
    if not most:
      raise BadInput(
        f'max_tokens is {max_tokens}, which is too few for one highlight; '
        'allow more'
      )
    return ListGrammar(
      words=self.around,
      count_ids=self.saliencies.digit_ids,
      first=figures,
      first_most=limit,
      second=self.saliencies,
      second_range=SALIENCIES,
      most=most,
    )


def plain_figures(tokenizer: SentencePieceTokenizer) -> Figures:
  """Times such as '24.3', of a tokenizer that writes digits one by one.

  Raises:
    BadInput: it has no tokens for single digits.
  """
  alone = single_digit_ids(tokenizer)
  point = tokenizer.encode_continuation('a 5', '.')
  if alone is None or len(point) != 1:
    raise BadInput(
      'the tokenizer of this model has no tokens for single digits, so that '
      f'its times cannot be written under a grammar; {_REMEDY}'
    )
  return Figures(
    digit_ids=tuple(alone),
    n_whole=_N_WHOLE,
    point_id=point[0],
    n_decimals=1,
  )


def single_digit_ids(tokenizer: SentencePieceTokenizer) -> list[int] | None:
  """Tokens of 0 to 9 inside of a number; None if some are no one token."""
  ids = [
    tokenizer.encode_continuation('a 5.', str(digit)) for digit in range(10)
  ]
  return [one[0] for one in ids] if all(len(i) == 1 for i in ids) else None


def code_figures(tokenizer: SentencePieceTokenizer) -> Figures:
  """Seq2Time's times, of a tokenizer that has its ten words.

  Raises:
    BadInput: it has not.
  """
  ids = [tokenizer.encode(word) for word in relative_position.TOKENS]
  if any(len(one) != 1 for one in ids):
    raise BadInput(
      f'the tokenizer of this model has no word {relative_position.TOKENS[0]}; '
      'give one with the words of relative positions'
    )
  return Figures(
    digit_ids=tuple(one[0] for one in ids),
    n_whole=relative_position.N_DIGITS,
  )


def timed_words(
  tokenizer: SentencePieceTokenizer, figures: Figures, answer: str
) -> TimedWords:
  """What stands around the times of an answer.

  Args:
    tokenizer: of the language model.
    figures: how times are written.
    answer: one of those above.

  Raises:
    BadInput: the tokenizer joins times to what is around them.
  """
  told, time = _fives(figures)
  text = answer.format(told, told)
  ids = tokenizer.encode_continuation(chat.ANSWERED, text)
  found = _cut_around(ids, [time, time], text)
  return TimedWords(*map(tuple, found))


def listed_words(
  tokenizer: SentencePieceTokenizer, figures: Figures, answer: str
) -> ListedWords:
  """What stands around the lists of an answer about highlights.

  Args:
    tokenizer: of the language model.
    figures: how times are written.
    answer: one of those above.

  Raises:
    BadInput: the tokenizer joins numbers to what is around them, or has no
      tokens for single digits.
  """
  saliencies = dataclasses.replace(plain_figures(tokenizer), n_whole=1)
  told, time = _fives(figures)
  score, score_ids = _fives(saliencies)
  text = answer.format(score[0], told, told, score, score)
  ids = tokenizer.encode_continuation(chat.ANSWERED, text)
  parts = _cut_around(
    ids, [score_ids[:1], time, time, score_ids, score_ids], text
  )
  return ListedWords(ListWords(*map(tuple, parts)), saliencies)


def _fives(figures: Figures) -> tuple[str, list[int]]:
  """An example of a number, and its tokens."""
  five = figures.digit_ids[5]
  if figures.point_id is None:
    n = figures.n_whole
    return relative_position.TOKENS[5] * n, [five] * n
  return '5.5', [five, figures.point_id, five]


def _cut_around(
  ids: list[int], numbers: Sequence[list[int]], text: str
) -> list[list[int]]:
  """The tokens before, between and behind some numbers, in their order.

  Raises:
    BadInput: the numbers do not stand alone among them.
  """
  parts, rest = [], ids
  for number in numbers:
    n = len(number)
    at = next((i for i in range(len(rest)) if rest[i : i + n] == number), None)
    if at is None:
      raise BadInput(
        f'the tokenizer of this model joins the numbers in {text!r} to other '
        f'text; {_REMEDY}'
      )
    parts.append(rest[:at])
    rest = rest[at + n :]
  return [*parts, rest]


def limit_of(duration_s: float, figures: Figures) -> int:
  """The greatest time of a video, in the unit of the figures' last digit.

  Raises:
    BadInput: the video is too long to be told in figures.
  """
  if figures.point_id is None:
    return relative_position.SCALE - 1
  tenths = math.floor(
    Fraction(repr(float(duration_s))) * 10**figures.n_decimals
  )
  if tenths >= 10 ** (figures.n_whole + figures.n_decimals):
    raise BadInput(
      f'a video of {duration_s:g} s is too long for {figures.n_whole} digits; '
      f'cut it, or {_REMEDY}'
    )
  return max(tenths, 0)
