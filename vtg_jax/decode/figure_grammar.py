"""A grammar of texts whose times are well formed, written digit by digit.

    The query happens in <0><7><2><9> - <1><0><0><4>. Then ...
    words                START  middle END         after, words

    90.0 - 102.5 seconds, he sits
    START  END   after    words

A digit among the words begins a time. From there on everything is fixed but
the digits themselves, and of those only such may follow that still lead to a
time that is allowed: not beyond a limit, and an end not before its start.
Texts are therefore always well formed, whatever the network computes.

Where digits stand for figures of any kind, as they do where times are plain
numbers, no other figures can be written among the words.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

# In a script: where the two times stand. Tokens are never negative.
_START, _END = -1, -2
# Places of a row that is not in a script: among words, and right behind a time.
_WORDS, _BEHIND = -1, -2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figures:
  """How a time is written, as a whole number of its last digit's units.

  <0><7><2><9> is 729 with `n_whole` 4 of fixed width; 90.5 is 905.

  Attributes:
    digit_ids: tokens of 0 to 9.
    n_whole: digits before the point: so many, or at most where there is one.
    point_id: token of the point; None where times have a fixed width.
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


class FigureState(NamedTuple):
  """Where each row stands.

  Attributes:
    place: in the script of a span, or one of `_WORDS` and `_BEHIND`.
    value: the digits of the time under way, as a number.
    n_digits: how many they are before the point.
    n_decimals: how many behind it; -1 before there is a point.
    start: the start that was written.
  """

  place: Int[Array, ' B']
  value: Int[Array, ' B']
  n_digits: Int[Array, ' B']
  n_decimals: Int[Array, ' B']
  start: Int[Array, ' B']


@dataclasses.dataclass(frozen=True, kw_only=True)
class FigureGrammar:
  """See the module; a `greedy.Grammar`.

  Attributes:
    figures: how times are written.
    limit: the greatest time of each row.
    middle: tokens between a start and an end; None where times stand alone.
    after: tokens behind them, perhaps the one that ends a row.
    begins_inside: the prompt ends right before a time.
    gap: how much later than a start its end is at least; not above a limit.
  """

  figures: Figures
  limit: Int[Array | np.ndarray, ' B']
  middle: tuple[int, ...] | None
  after: tuple[int, ...] = ()
  begins_inside: bool = False
  gap: int = 0

  @property
  def _script(self) -> np.ndarray:
    ends = () if self.middle is None else (*self.middle, _END)
    return np.array([_START, *ends, *self.after], np.int32)

  def begin(self, n_rows: int) -> FigureState:
    zero = jnp.zeros((n_rows,), jnp.int32)
    place = 0 if self.begins_inside else _WORDS
    return FigureState(zero + place, zero, zero, zero - 1, zero)

  def restrict(
    self, state: FigureState, logits: Float[Array, 'B V']
  ) -> Float[Array, 'B V']:
    tokens = jnp.arange(logits.shape[1])
    digit = self._digit_of(tokens)  # of each token; -1 of others
    due = self._due(state)[:, None]
    ends = due == _END
    gap = 0 if self.middle is None else self.gap
    least = jnp.where(ends, state.start[:, None] + gap, 0)
    most = self.limit[:, None] - jnp.where(ends, 0, gap)
    next_digits = self._next_digits(state, least, most)  # [B 10]
    figure = (digit >= 0) & next_digits[:, jnp.maximum(digit, 0)]
    if self.figures.point_id is not None:
      point = self._whole(state.value[:, None], least, most)
      point &= state.n_digits[:, None] > 0
      is_point = tokens == self.figures.point_id
      figure |= is_point & point & (state.n_decimals[:, None] < 0)
    fixed = tokens == due
    words = digit < 0
    place = state.place[:, None]
    allowed = jnp.where(
      place == _BEHIND,
      words,
      jnp.where(
        place == _WORDS,
        words | figure,
        jnp.where(due < 0, figure, fixed),
      ),
    )
    return jnp.where(allowed, logits, -jnp.inf)

  def follow(
    self,
    state: FigureState,
    ids: Int[Array, 'B G'],
    step: Int[Array, ''] | int,
  ) -> FigureState:
    figures, script = self.figures, self._script
    written = ids[:, step - 1]
    digit = self._digit_of(written)
    is_digit = digit >= 0
    is_point = jnp.zeros_like(is_digit)
    if figures.point_id is not None:
      is_point = written == figures.point_id
    begins = (state.place < 0) & is_digit
    place = jnp.where(begins, 0, state.place)
    due = jnp.where(place < 0, 0, jnp.asarray(script)[jnp.maximum(place, 0)])
    in_time = (place >= 0) & (due < 0)
    behind = in_time & is_digit & (state.n_decimals >= 0)
    before = in_time & is_digit & ~behind
    value = jnp.where(in_time & is_digit, 10 * state.value + digit, state.value)
    n_digits = state.n_digits + before
    n_decimals = jnp.where(
      in_time & is_point, 0, state.n_decimals + behind.astype(jnp.int32)
    )
    if figures.point_id is None:
      whole = n_digits == figures.n_whole
    else:
      whole = n_decimals == figures.n_decimals
    whole &= in_time
    # A time that is whole, or a token of the script, leads one place on.
    on = whole | ((place >= 0) & ~in_time)
    place = place + on
    over = place == len(script)
    # Digits may not follow a time directly, but words may.
    place = jnp.where(over, _BEHIND if not self.after else _WORDS, place)
    place = jnp.where(state.place == _BEHIND, _WORDS, place)
    # Nor may they follow a full stop, which would be read as their point.
    place = jnp.where((state.place < 0) & is_point, _BEHIND, place)
    return FigureState(
      place=place,
      value=jnp.where(whole, 0, value),
      n_digits=jnp.where(whole, 0, n_digits),
      n_decimals=jnp.where(whole, -1, n_decimals),
      start=jnp.where(whole & (due == _START), value, state.start),
    )

  def _digit_of(self, tokens: Int[Array, ' N']) -> Int[Array, ' N']:
    same = tokens[:, None] == jnp.asarray(self.figures.digit_ids)
    return jnp.where(same.any(1), same.argmax(1), -1).astype(jnp.int32)

  def _due(self, state: FigureState) -> Int[Array, ' B']:
    """What stands next; a start where words stand."""
    return jnp.asarray(self._script)[jnp.maximum(state.place, 0)]

  def _next_digits(
    self,
    state: FigureState,
    least: Int[Array, 'B 1'],
    most: Int[Array, 'B 1'],
  ) -> Bool[Array, 'B 10']:
    """Which digits lead on to a time from `least` to `most`."""
    figures = self.figures
    value = 10 * state.value[:, None] + jnp.arange(10)
    n_digits = state.n_digits[:, None] + 1
    if figures.point_id is None:
      step = _power(figures.n_whole - n_digits)
      return _meets(value * step, (value + 1) * step - 1, least, most)
    behind = state.n_decimals[:, None]
    step = _power(figures.n_decimals - behind - 1)
    decimals = _meets(value * step, (value + 1) * step - 1, least, most)
    whole = jnp.zeros_like(decimals)
    for more in range(figures.n_whole):
      # So many more digits before the point; none behind a leading zero.
      room = n_digits + more <= figures.n_whole
      fits = self._whole(value, least, most, more=more)
      whole |= room & fits & ((value > 0) | (more == 0))
    # '0' is followed by its point.
    whole &= (state.n_digits[:, None] == 0) | (state.value[:, None] > 0)
    return jnp.where(behind >= 0, decimals, whole)

  def _whole(self, value, least, most, *, more: int = 0):
    """Whether a number before the point leads on, by `more` digits before."""
    scale = 10 ** min(more + self.figures.n_decimals, 9)
    # Beyond every limit, and beyond 32 bits, are the same.
    top = 10 ** (self.figures.n_whole + self.figures.n_decimals)
    value = jnp.minimum(value, top // scale)
    return _meets(value * scale, (value + 1) * scale - 1, least, most)


def _power(exponent: Int[Array, '...']) -> Int[Array, '...']:
  return jnp.asarray(10 ** np.arange(10))[jnp.clip(exponent, 0, 9)]


def _meets(first, last, least, most) -> Bool[Array, '...']:
  return (first <= most) & (last >= least)
