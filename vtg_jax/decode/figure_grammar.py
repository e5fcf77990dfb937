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
from jaxtyping import Array, Float, Int

from vtg_jax.decode.figures import Figures, Number

# In a script: where the two times stand. Tokens are never negative.
_START, _END = -1, -2
# Places of a row that is not in a script: among words, and right behind a time.
_WORDS, _BEHIND = -1, -2


class FigureState(NamedTuple):
  """Where each row stands.

  Attributes:
    place: in the script of a span, or one of `_WORDS` and `_BEHIND`.
    number: the time under way.
    start: the start that was written.
  """

  place: Int[Array, ' B']
  number: Number
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
    return FigureState(zero + place, Number.none(n_rows), zero)

  def restrict(
    self, state: FigureState, logits: Float[Array, 'B V']
  ) -> Float[Array, 'B V']:
    tokens = jnp.arange(logits.shape[1])
    due = self._due(state)[:, None]
    ends = due == _END
    gap = 0 if self.middle is None else self.gap
    least = jnp.where(ends, state.start[:, None] + gap, 0)
    most = self.limit[:, None] - jnp.where(ends, 0, gap)
    figure = self.figures.may_follow(state.number, tokens, least, most)
    fixed = tokens == due
    words = self.figures.digit_of(tokens) < 0
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
    is_point = jnp.zeros_like(written, bool)
    if figures.point_id is not None:
      is_point = written == figures.point_id
    begins = (state.place < 0) & (figures.digit_of(written) >= 0)
    place = jnp.where(begins, 0, state.place)
    due = jnp.where(place < 0, 0, jnp.asarray(script)[jnp.maximum(place, 0)])
    in_time = (place >= 0) & (due < 0)
    number, whole = figures.go_on(state.number, written, in_time)
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
      number=number.without(whole),
      start=jnp.where(whole & (due == _START), number.value, state.start),
    )

  def _due(self, state: FigureState) -> Int[Array, ' B']:
    """What stands next; a start where words stand."""
    return jnp.asarray(self._script)[jnp.maximum(state.place, 0)]
