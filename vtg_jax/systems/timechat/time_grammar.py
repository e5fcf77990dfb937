"""How TimeChat's times are written under `decode.figure_grammar`.

An example is tokenised, and what stands around its two times is what the
grammar writes around any others:

    The given query happens in   1.5    ' - '    2.5    ' seconds.'
    lead                         START  middle   END    after

so that the same lines serve plain numbers and Seq2Time's digit tokens.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Int

from vtg_jax.decode.figure_grammar import FigureGrammar, Figures
from vtg_jax.errors import BadInput
from vtg_jax.moments import relative_position
from vtg_jax.systems.timechat import questions

# Seconds before the point, 27 hours of them.
_WHOLE_DIGITS = 5
# Times whose figures are all different, and what they are in tenths.
_EXAMPLE = (1.5, 2.7)
_DIGITS = '0123456789'


class _Encoder(Protocol):
  """A tokenizer; added words are among its words."""

  def encode(self, text: str) -> list[int]: ...


class SpanTokens(NamedTuple):
  """The tokens of an answer around the two times of a span.

  Attributes:
    lead: before its start.
    middle: between the two.
    after: behind its end.
  """

  lead: tuple[int, ...]
  middle: tuple[int, ...]
  after: tuple[int, ...]


def plain_figures(tokenizer: _Encoder) -> Figures:
  """Times such as '24.3', of a tokenizer that writes digits one by one.

  Raises:
    BadInput: it has tokens of several digits.
  """
  base = tokenizer.encode('in 0')
  ids = [tokenizer.encode(f'in {digit}') for digit in _DIGITS]
  whole = tokenizer.encode(f'in {_DIGITS}.5')
  digit_ids = [one[-1] for one in ids]
  n = len(base) - 1
  written = [*base[:n], *digit_ids]
  one_by_one = whole[: n + 10] == written and whole[n + 11 :] == [digit_ids[5]]
  if not one_by_one or len(set(digit_ids)) != 10:
    raise BadInput(
      'the tokenizer does not write numbers digit by digit; ask without the '
      'grammar, or with a tokenizer of the LLaMA family'
    )
  return Figures(
    digit_ids=tuple(digit_ids),
    n_whole=_WHOLE_DIGITS,
    point_id=whole[n + 10],
    n_decimals=1,
  )


def code_figures(digit_ids: Sequence[int]) -> Figures:
  """Seq2Time's times, of the tokens of <0> to <9>."""
  return Figures(
    digit_ids=tuple(map(int, digit_ids)), n_whole=relative_position.N_DIGITS
  )


def span_tokens(tokenizer: _Encoder, figures: Figures) -> SpanTokens:
  """What stands around the times of a grounding answer.

  Raises:
    BadInput: the tokenizer joins times to what is around them.
  """
  coded = figures.point_id is None
  duration_s = 10.0 if coded else None
  text = questions.answer(
    questions.grounding_answer, _EXAMPLE, duration_s=duration_s
  )
  ids = tokenizer.encode(text)
  width = figures.n_whole if coded else 3
  starts = [
    i
    for i, token in enumerate(ids)
    if token in figures.digit_ids
    and (not i or ids[i - 1] not in (*figures.digit_ids, figures.point_id))
  ]
  if len(starts) != 2 or starts[1] < starts[0] + width:
    raise BadInput(
      f'the tokenizer writes the times of {text!r} not by their digits alone; '
      'ask without the grammar'
    )
  start, end = starts
  return SpanTokens(
    lead=tuple(ids[:start]),
    middle=tuple(ids[start + width : end]),
    after=tuple(ids[end + width :]),
  )


def limits(
  durations_s: Sequence[float], figures: Figures
) -> Int[np.ndarray, ' B']:
  """The greatest time of each video, in the unit of the figures' last digit.

  Raises:
    BadInput: a video is too long to be told in figures.
  """
  if figures.point_id is None:
    last = relative_position.SCALE - 1
    return np.full(len(durations_s), last, np.int32)
  scale = 10**figures.n_decimals
  most = 10 ** (figures.n_whole + figures.n_decimals)
  tenths = [
    math.floor(Fraction(repr(float(seconds))) * scale)
    for seconds in durations_s
  ]
  if max(tenths, default=0) >= most:
    raise BadInput(
      f'a video of {max(durations_s):g} s is too long for {figures.n_whole} '
      'digits; cut it'
    )
  return np.array(tenths, np.int32)


def grounding_grammar(
  tokenizer: _Encoder,
  figures: Figures,
  durations_s: Sequence[float],
  *,
  end_id: int,
) -> FigureGrammar:
  """Writes the rest of 'The given query happens in', and ends the answer.

  The prompt must end with `span_tokens(...).lead`.

  Args:
    tokenizer: of the language model.
    figures: how times are written.
    durations_s: of the video of each row.
    end_id: ends an answer.
  """
  tokens = span_tokens(tokenizer, figures)
  return FigureGrammar(
    figures=figures,
    limit=limits(durations_s, figures),
    middle=tokens.middle,
    after=(*tokens.after, end_id),
    begins_inside=True,
  )


def events_grammar(
  tokenizer: _Encoder, figures: Figures, durations_s: Sequence[float]
) -> FigureGrammar:
  """Writes any words, among which each digit begins a span.

  Args:
    tokenizer: of the language model.
    figures: how times are written.
    durations_s: of the video of each row.
  """
  tokens = span_tokens(tokenizer, figures)
  # All but the full stop: an event's words follow.
  return FigureGrammar(
    figures=figures,
    limit=limits(durations_s, figures),
    middle=tokens.middle,
    after=tokens.after[:-1],
  )


def codes_grammar(figures: Figures, n_rows: int) -> FigureGrammar:
  """Writes any words, among which digit tokens are whole codes.

  For highlights, whose times are a list. Plain numbers cannot be told apart
  from counts and saliencies, and have no such grammar.
  """
  last = relative_position.SCALE - 1
  limit = np.full(n_rows, last, np.int32)
  return FigureGrammar(figures=figures, limit=limit, middle=None)
