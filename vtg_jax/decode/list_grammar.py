"""A grammar of an answer that counts, and then lists as many numbers twice.

    There are 2 highlight moments in the 82.0, 84.0 second. Their saliency
    scores are 1.3, 1.7.

    lead | COUNT | words | FIRST sep FIRST ... | words | SECOND sep ... | end

The count says how many numbers both lists have, and every number is one that
is allowed; all else is fixed. Whatever the network computes, the answer is
whole after as many tokens as its count needs.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vtg_jax.decode.figures import Figures, Number, digit_of

# In a script: where the count and the numbers stand. Tokens are not negative.
_COUNT, _FIRST, _SECOND = -1, -2, -3


class ListWords(NamedTuple):
  """The tokens around the numbers.

  Attributes:
    lead: Before the count, which the prompt ends with.
    words: Between the count and the first list.
    first_between: Between two of its numbers.
    middle: Between the lists.
    second_between: Between two numbers of the second list.
    after: Behind it, the one that ends a row included.
  """

  lead: tuple[int, ...]
  words: tuple[int, ...]
  first_between: tuple[int, ...]
  middle: tuple[int, ...]
  second_between: tuple[int, ...]
  after: tuple[int, ...]

  def most_numbers(
    self, max_tokens: int, first: Figures, second: Figures
  ) -> int:
    """The greatest count whose answer surely ends within so many tokens."""
    n_fixed = len(self.words) + len(self.middle) + len(self.after)
    n_fixed += len(str(max_tokens))  # the count has no more digits
    n_fixed -= len(self.first_between) + len(self.second_between)
    each = first.most_tokens + second.most_tokens
    each += len(self.first_between) + len(self.second_between)
    return max((max_tokens - n_fixed) // each, 0)


class ListState(NamedTuple):
  """Where each row stands.

  Attributes:
    place: In the script.
    number: The number under way.
    count: How many numbers a list has, as far as it is written.
    n_told: Numbers of the list under way that are whole.
  """

  place: Int[Array, ' B']
  number: Number
  count: Int[Array, ' B']
  n_told: Int[Array, ' B']


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListGrammar:
  """See the module; a `greedy.Grammar`. The prompt ends with the lead.

  Attributes:
    words: What stands around the numbers.
    count_ids: Tokens of the digits 0 to 9 of the count.
    first: How numbers of the first list are written.
    first_most: The greatest of them, of each row; the least is 0.
    second: How those of the second list are written.
    second_range: Least and greatest of them.
    most: The greatest count, one or more.
  """

  words: ListWords
  count_ids: tuple[int, ...]
  first: Figures
  first_most: Int[Array | np.ndarray, ' B']
  second: Figures
  second_range: tuple[int, int]
  most: int

  @property
  def _script(self) -> np.ndarray:
    """The fixed tokens, and where numbers stand; after the last one, nothing.

    COUNT words FIRST between middle SECOND between after: a list goes back to
    its number behind what is between two, until it is as long as it should be.
    """
    own = self.words
    return np.array(
      [
        *(_COUNT, *own.words, _FIRST, *own.first_between, *own.middle),
        *(_SECOND, *own.second_between, *own.after),
      ],
      np.int32,
    )

  @property
  def _first_at(self) -> int:
    return 1 + len(self.words.words)

  @property
  def _second_at(self) -> int:
    own = self.words
    return self._first_at + 1 + len(own.first_between) + len(own.middle)

  def begin(self, n_rows: int) -> ListState:
    zero = jnp.zeros((n_rows,), jnp.int32)
    return ListState(zero, Number.none(n_rows), zero, zero)

  def restrict(
    self, state: ListState, logits: Float[Array, 'B V']
  ) -> Float[Array, 'B V']:
    tokens = jnp.arange(logits.shape[1])
    due = self._due(state.place)[:, None]
    zero = jnp.zeros((1, 1), jnp.int32)
    least, most = (zero + end for end in self.second_range)
    limit = jnp.asarray(self.first_most)[:, None]
    allowed = jnp.where(
      due == _FIRST,
      self.first.may_follow(state.number, tokens, zero, limit),
      self.second.may_follow(state.number, tokens, least, most),
    )
    digit = digit_of(tokens, self.count_ids)
    count = 10 * state.count[:, None] + digit
    fits = (digit >= 0) & (count > 0) & (count <= self.most)
    over = (state.count[:, None] > 0) & (tokens == self.words.words[0])
    allowed = jnp.where(due == _COUNT, fits | over, allowed)
    return jnp.where(
      jnp.where(due < 0, allowed, tokens == due), logits, -jnp.inf
    )

  def follow(
    self,
    state: ListState,
    ids: Int[Array, 'B G'],
    step: Int[Array, ''] | int,
  ) -> ListState:
    written, place = ids[:, step - 1], state.place
    due = self._due(place)
    digit = digit_of(written, self.count_ids)
    counting = (due == _COUNT) & (digit >= 0)
    count = jnp.where(counting, 10 * state.count + digit, state.count)
    in_first, in_second = due == _FIRST, due == _SECOND
    one, whole_one = self.first.go_on(state.number, written, in_first)
    other, whole_other = self.second.go_on(state.number, written, in_second)
    number = Number(
      *(jnp.where(in_second, b, a) for a, b in zip(one, other, strict=True))
    )
    whole = whole_one | whole_other
    n_told = state.n_told + whole
    # A word goes on; so does a whole number, and behind a list's last one what
    # would stand between two is passed over. Behind the count's last digit
    # stands the first of the words, which leads to the second.
    place = place + whole + (due >= 0) + 2 * ((due == _COUNT) & ~counting)
    for at, between in (
      (self._first_at, self.words.first_between),
      (self._second_at, self.words.second_between),
    ):
      behind = at + 1 + len(between)
      done = whole & (place == at + 1) & (n_told == count)
      place = jnp.where(done, behind, place)
      # What was between two numbers leads back to the number.
      again = (place == behind) & ~done & (due >= 0)
      place = jnp.where(again, at, place)
      n_told = jnp.where(done, 0, n_told)
    # Nothing follows the end.
    place = jnp.minimum(place, len(self._script) - 1)
    return ListState(place, number.without(whole), count, n_told)

  def _due(self, place: Int[Array, ' B']) -> Int[Array, ' B']:
    return jnp.asarray(self._script)[place]
