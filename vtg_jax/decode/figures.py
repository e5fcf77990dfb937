"""Numbers that are written digit by digit, up to one that is allowed.

    limit 12.3      1 -> 0 . 2 -> 3, or any digit below
                    9 -> only its point

A digit may follow while some allowed number begins so; so that every number
is well formed, and none comes to a dead end.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figures:
  """How a number is written, as a whole number of its last digit's units.

  <0><7><2><9> is 729 with `n_whole` 4 of fixed width; 90.5 is 905.

  Attributes:
    digit_ids: tokens of 0 to 9.
    n_whole: digits before the point: so many, or at most where there is one.
    point_id: token of the point; None where numbers have a fixed width.
    n_decimals: digits behind it.
  """

  digit_ids: tuple[int, ...]
  n_whole: int
  point_id: int | None = None
  n_decimals: int = 0

  def __post_init__(self):
    if (self.point_id is None) != (self.n_decimals == 0):
      raise ValueError(
        f'{self.point_id=} and {self.n_decimals=}; give both or neither'
      )
    if self.n_whole + self.n_decimals > 9:
      raise ValueError(f'{self.n_whole=} digits do not fit 32 bits; use less')

  @property
  def most_tokens(self) -> int:
    """Of the longest number."""
    return self.n_whole + (self.point_id is not None) + self.n_decimals

  def digit_of(self, tokens: Int[Array, ' N']) -> Int[Array, ' N']:
    """Which digit each token is; -1 of others."""
    return digit_of(tokens, self.digit_ids)

  def may_follow(
    self,
    number: 'Number',
    tokens: Int[Array, ' V'],
    least: Int[Array, '#B 1'],
    most: Int[Array, '#B 1'],
  ) -> Bool[Array, 'B V']:
    """Which tokens lead on to a number from `least` to `most`."""
    digit = self.digit_of(tokens)
    next_digits = self._next_digits(number, least, most)  # [B 10]
    allowed = (digit >= 0) & next_digits[:, jnp.maximum(digit, 0)]
    if self.point_id is not None:
      point = self._whole(number.value[:, None], least, most)
      point &= number.n_digits[:, None] > 0
      is_point = tokens == self.point_id
      allowed |= is_point & point & (number.n_decimals[:, None] < 0)
    return allowed

  def go_on(
    self,
    number: 'Number',
    written: Int[Array, ' B'],
    inside: Bool[Array, ' B'],
  ) -> tuple['Number', Bool[Array, ' B']]:
    """Numbers with one more token, and which of them are whole with it.

    Args:
      number: That are under way.
      written: The last token of each row.
      inside: Rows in which it belongs to the number; others stay.
    """
    digit = self.digit_of(written)
    is_digit = inside & (digit >= 0)
    behind = is_digit & (number.n_decimals >= 0)
    value = jnp.where(is_digit, 10 * number.value + digit, number.value)
    n_digits = number.n_digits + (is_digit & ~behind)
    n_decimals = number.n_decimals + behind
    if self.point_id is None:
      whole = n_digits == self.n_whole
    else:
      is_point = inside & (written == self.point_id)
      n_decimals = jnp.where(is_point, 0, n_decimals)
      whole = n_decimals == self.n_decimals
    return Number(value, n_digits, n_decimals), inside & whole

  def _next_digits(self, number, least, most) -> Bool[Array, 'B 10']:
    """Which digits lead on."""
    value = 10 * number.value[:, None] + jnp.arange(10)
    n_digits = number.n_digits[:, None] + 1
    if self.point_id is None:
      step = _power(self.n_whole - n_digits)
      return _meets(value * step, (value + 1) * step - 1, least, most)
    behind = number.n_decimals[:, None]
    step = _power(self.n_decimals - behind - 1)
    decimals = _meets(value * step, (value + 1) * step - 1, least, most)
    whole = jnp.zeros_like(decimals)
    for more in range(self.n_whole):
      # So many more digits before the point; none behind a leading zero.
      room = n_digits + more <= self.n_whole
      fits = self._whole(value, least, most, more=more)
      whole |= room & fits & ((value > 0) | (more == 0))
    # '0' is followed by its point.
    whole &= (number.n_digits[:, None] == 0) | (number.value[:, None] > 0)
    return jnp.where(behind >= 0, decimals, whole)

  def _whole(self, value, least, most, *, more: int = 0):
    """Whether a number before the point leads on, by `more` digits before."""
    scale = 10 ** min(more + self.n_decimals, 9)
    # Beyond every limit, and beyond 32 bits, are the same.
    top = 10 ** (self.n_whole + self.n_decimals)
    value = jnp.minimum(value, top // scale)
    return _meets(value * scale, (value + 1) * scale - 1, least, most)


class Number(NamedTuple):
  """The number under way in each row.

  Attributes:
    value: its digits, as a number.
    n_digits: how many they are before the point.
    n_decimals: how many behind it; -1 before there is a point.
  """

  value: Int[Array, ' B']
  n_digits: Int[Array, ' B']
  n_decimals: Int[Array, ' B']

  @classmethod
  def none(cls, n_rows: int) -> 'Number':
    """Nothing written yet."""
    zero = jnp.zeros((n_rows,), jnp.int32)
    return cls(zero, zero, zero - 1)

  def without(self, over: Bool[Array, ' B']) -> 'Number':
    """Nothing in some rows, and this in the others."""
    return Number(
      jnp.where(over, 0, self.value),
      jnp.where(over, 0, self.n_digits),
      jnp.where(over, -1, self.n_decimals),
    )


def digit_of(
  tokens: Int[Array, ' N'], digit_ids: Sequence[int]
) -> Int[Array, ' N']:
  """Which digit each token is, by the tokens of 0 to 9; -1 of others."""
  same = tokens[:, None] == jnp.asarray(digit_ids)
  return jnp.where(same.any(1), same.argmax(1), -1).astype(jnp.int32)


def _power(exponent: Int[Array, '...']) -> Int[Array, '...']:
  return jnp.asarray(10 ** np.arange(10))[jnp.clip(exponent, 0, 9)]


def _meets(first, last, least, most) -> Bool[Array, '...']:
  return (first <= most) & (last >= least)
