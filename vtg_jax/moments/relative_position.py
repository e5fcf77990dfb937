"""Seq2Time's time language: where in the whole something is, in four digits.

    7th of 96 images      7 / 96   = 0.0729...  <0><7><2><9>
    24.3 s of 30.4 s      24.3/30.4= 0.7993...  <7><9><9><3>
    the end               1        = clamped    <9><9><9><9>

Ten new words are enough for images, joined clips and videos of any length.
Places and lengths are taken as the decimal numbers they print as, and rounded
half up in whole numbers, so that no binary fraction decides a digit. A code
says a place to one part in 20 000 of the whole, and the end to one in 10 000.

Source: Seq2Time (arXiv 2411.16932); how the paper counts images (from 1, its
  example), and what it does with the end, is our reading of it.
"""

import math
import re
from collections.abc import Callable
from fractions import Fraction

import numpy as np

N_DIGITS = 4
SCALE = 10**N_DIGITS
# The words that a tokenizer gets, the place of a digit is the digit itself.
TOKENS = tuple(f'<{digit}>' for digit in range(10))

_CODE = rf'(?:<[0-9]>\s*){{{N_DIGITS - 1}}}<[0-9]>'
_RUN = re.compile(r'<[0-9]>(?:\s*<[0-9]>)*')
# Times in figures with their one unit, which a released prompt has as 'seonds'.
_FIGURE = re.compile(r'\d+(?:\.\d+)?')
_TIMES = re.compile(
  r'(?<![\d.])(\d+(?:\.\d+)?(?:(?:, ?| ?- ?)\d+(?:\.\d+)?)*) '
  r'(?:seconds?|seonds)\b'
)
# A range as an answer tells it, and whether seconds are named after it.
_RANGE = re.compile(rf'({_CODE})(\s*-\s*)({_CODE})(?!\s*(?:<[0-9]>|second))')
# A list of them, likewise.
_LIST = re.compile(
  rf'(?<=in the )({_CODE}(?:, ?{_CODE})*)(?!,? ?<[0-9]>|\s*-|\s*second)'
)


def code_of(place: float, length: float) -> int:
  """The code of a place, 0 to 9999.

  Args:
    place: in the unit of `length`; what is outside of the whole is moved to
      its start or end. Images count from 1.
    length: of the whole, above 0.

  Raises:
    ValueError: a number is not finite, or the whole has no length.
  """
  if not (math.isfinite(place) and math.isfinite(length) and length > 0):
    raise ValueError(f'{place=} of {length=} is no place; give finite numbers')
  share = _decimal(place) / _decimal(length)
  return min(max(math.floor(share * SCALE + Fraction(1, 2)), 0), SCALE - 1)


def place_of(code: int, length: float) -> float:
  """The place that a code stands for, in the unit of `length`.

  Raises:
    ValueError: it is no code.
  """
  if not 0 <= code < SCALE:
    raise ValueError(f'{code} is no code; give one from 0 to {SCALE - 1}')
  return code / SCALE * length


def digits_of(code: int) -> tuple[int, ...]:
  """729 -> (0, 7, 2, 9)."""
  return tuple(map(int, f'{code:0{N_DIGITS}d}'))


def written(place: float, length: float) -> str:
  """The words of a place: those of 7 of 96 are `<0><7><2><9>`.

  Raises:
    ValueError: see `code_of`.
  """
  return ''.join(TOKENS[digit] for digit in digits_of(code_of(place, length)))


def codes_in(text: str) -> list[int]:
  """The codes that a text tells, in its order.

  A run of digits that is too short lacks its last ones, which count as 0; a
  longer one is several codes. Blanks between digits are a tokenizer's.

  codes_in('<0><7><2><9> - <1>') == [729, 1000]
  """
  return [code for run in _RUN.findall(text) for code in _codes_of_run(run)]


def in_places(
  text: str, length: float, *, form: str | Callable[[float], str] = '{:.1f}'
) -> str:
  """A text with places in figures for its codes.

  in_places('at <0><7><2><9>.', 96) == 'at 7.0.'

  Args:
    text: as a tokenizer decodes it.
    length: of the whole.
    form: how a place is written.
  """
  write = form.format if isinstance(form, str) else form

  def places(run: re.Match) -> str:
    return ' '.join(
      write(place_of(code, length)) for code in _codes_of_run(run[0])
    )

  return _RUN.sub(places, text)


def in_codes(text: str, duration_s: float) -> str:
  """A text with codes for the times that have the unit seconds, which goes.

  in_codes('90.0 - 102.0 seconds, he sits.', 300.0)
    == '<3><0><0><0> - <3><4><0><0>, he sits.'

  Args:
    text: where times stand alone, as a range or in a list with commas.
    duration_s: of the video.
  """

  def codes(times: re.Match) -> str:
    return _FIGURE.sub(lambda one: written(float(one[0]), duration_s), times[1])

  return _TIMES.sub(codes, text)


def in_seconds(text: str, duration_s: float) -> str:
  """An answer as a system that tells seconds would have given it.

  in_seconds('<3><0><0><0> - <3><4><0><0>, he sits.', 300.0)
    == '90.0 - 102.0 seconds, he sits.'

  The unit is put behind a range, and a list of what is 'in the', that lacks
  it.
  """
  text = _RANGE.sub(r'\1\2\3 seconds', text)
  return in_places(_LIST.sub(r'\1 seconds', text), duration_s)


def _codes_of_run(run: str) -> list[int]:
  digits = ''.join(character for character in run if character.isdecimal())
  return [
    int(digits[i : i + N_DIGITS].ljust(N_DIGITS, '0'))
    for i in range(0, len(digits), N_DIGITS)
  ]


def _decimal(number: float) -> Fraction:
  """The number that a number prints as: 0.1 is one tenth."""
  if isinstance(number, int | np.integer | Fraction):
    return Fraction(number)
  return Fraction(repr(float(number)))
