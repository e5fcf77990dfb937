"""A grammar of texts that tell spans, 'From <3> to <7>', among free words.

After the word that begins a span, everything up to its end is fixed but the
two times, of which the second is not before the first:

    A dog barks. From <3> to <7> a cat ...
    free         word S   mid E  free, but no times

Spans are therefore always well formed, whatever the network computes.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vtg_jax.decode.stopping import ends_with_stop

# In a script: where the two times stand. Tokens are never negative.
_START, _END = -1, -2
_OUTSIDE = -1


class SpanState(NamedTuple):
  """Where each row stands.

  Attributes:
    place: In the script of a span; -1 outside of one.
    start: The start that was written, a place of the time scale.
  """

  place: Int[Array, ' B']
  start: Int[Array, ' B']


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpanGrammar:
  """See the module; a `greedy.Grammar`.

  Attributes:
    words: Token sequences after which a span begins, 'From' in its spellings.
    gap: Tokens between such a word and the start.
    middle: Tokens between start and end.
    time_ids: Tokens of the time scale, in order.
    begins_inside: The prompt ends with a word and a gap, so that the first
      token is a start.
  """

  words: tuple[tuple[int, ...], ...]
  gap: tuple[int, ...]
  middle: tuple[int, ...]
  time_ids: tuple[int, ...]
  begins_inside: bool

  @property
  def _script(self) -> np.ndarray:
    return np.array([*self.gap, _START, *self.middle, _END], np.int32)

  def begin(self, n_rows: int) -> SpanState:
    place = len(self.gap) if self.begins_inside else _OUTSIDE
    return SpanState(
      jnp.full((n_rows,), place, jnp.int32), jnp.zeros((n_rows,), jnp.int32)
    )

  def restrict(
    self, state: SpanState, logits: Float[Array, 'B V']
  ) -> Float[Array, 'B V']:
    V = logits.shape[1]
    scale = np.full(V, -1, np.int32)  # place of each token on the time scale
    scale[np.array(self.time_ids)] = np.arange(len(self.time_ids))
    is_time = scale >= 0
    due = jnp.asarray(self._script)[state.place]  # of rows inside a span
    inside = jnp.where(
      (due == _START)[:, None],
      is_time,
      jnp.where(
        (due == _END)[:, None],
        is_time & (scale >= state.start[:, None]),
        jnp.arange(V) == due[:, None],
      ),
    )
    outside = (state.place == _OUTSIDE)[:, None]
    return jnp.where(jnp.where(outside, ~is_time, inside), logits, -jnp.inf)

  def follow(
    self,
    state: SpanState,
    ids: Int[Array, 'B G'],
    step: Int[Array, ''] | int,
  ) -> SpanState:
    script = jnp.asarray(self._script)
    written = ids[:, step - 1]
    time_ids = jnp.asarray(self.time_ids)
    told = jnp.argmax(written[:, None] == time_ids, axis=1).astype(jnp.int32)
    outside = state.place == _OUTSIDE
    starts = ~outside & (script[state.place] == _START)
    over = state.place == len(self._script) - 1
    begun = ends_with_stop(ids, step, self.words)
    return SpanState(
      place=jnp.where(
        outside,
        jnp.where(begun, 0, _OUTSIDE),
        jnp.where(over, _OUTSIDE, state.place + 1),
      ),
      start=jnp.where(starts, told, state.start),
    )
