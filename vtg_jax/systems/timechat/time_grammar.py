"""How TimeChat's times are written under `decode.figure_grammar`.

An example of an answer is tokenised, and what stands around its two times is
what the grammar writes around any others:

    ' The given query happens in'   5.5    ' - '    5.5    ' seconds. </s>'
    lead                            START  middle   END    after

so that the same lines serve plain numbers and Seq2Time's digit tokens.
"""

import math
from fractions import Fraction
from typing import NamedTuple

from vtg_jax.decode.figure_grammar import Figures
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.moments import relative_position
from vtg_jax.systems.timechat import chat

# The answers that are learnt, TimeIT's, up to what is free; '{}' is a time.
SPAN_ANSWER = f' The given query happens in {{}} - {{}} seconds. {chat.END}'
EVENT_ANSWER = ' {} - {} seconds,'
CODED_SPAN_ANSWER = f' The given query happens in {{}} - {{}}. {chat.END}'
CODED_EVENT_ANSWER = ' {} - {},'
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


# Any words, and whole times among them.
TIMES_ALONE = TimedWords((), None, ())


def plain_figures(tokenizer: SentencePieceTokenizer) -> Figures:
  """Times such as '24.3', of a tokenizer that writes digits one by one.

  Raises:
    BadInput: it has no tokens for single digits.
  """
  go_on = tokenizer.encode_continuation
  alone = [go_on('a 5.', str(digit)) for digit in range(10)]
  point = go_on('a 5', '.')
  if any(len(ids) != 1 for ids in (*alone, point)):
    raise BadInput(
      'the tokenizer of this model has no tokens for single digits, so that '
      f'its times cannot be written under a grammar; {_REMEDY}'
    )
  return Figures(
    digit_ids=tuple(ids[0] for ids in alone),
    n_whole=_N_WHOLE,
    point_id=point[0],
    n_decimals=1,
  )


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
  five = figures.digit_ids[5]
  if figures.point_id is None:
    told, time = relative_position.TOKENS[5] * figures.n_whole, [five] * 4
  else:
    told, time = '5.5', [five, figures.point_id, five]
  text = answer.format(told, told)
  ids = tokenizer.encode_continuation(chat.ANSWERED, text)
  n = len(time)
  found = [i for i in range(len(ids)) if ids[i : i + n] == time]
  if len(found) != 2:
    raise BadInput(
      f'the tokenizer of this model joins the times in {text!r} to other '
      f'text; {_REMEDY}'
    )
  start, end = found
  parts = ids[:start], ids[start + n : end], ids[end + n :]
  return TimedWords(*map(tuple, parts))


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
