"""Texts under the grammar of spans are well formed, whatever the scores."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.decode.sampling import sampler
from vtg_jax.decode.span_grammar import SpanGrammar

# Words: 0 1 2 free, 3 4 'From', 5 blank, 6 'to'; times: 7 8 9 10; 11 the end.
V, TIMES, END = 12, (7, 8, 9, 10), 11
GRAMMARS = {
  (inside, gap): SpanGrammar(
    words=((3, 4),),
    gap=gap,
    middle=(6, *gap),
    time_ids=TIMES,
    begins_inside=inside,
  )
  for inside in (True, False)
  for gap in ((), (5,))
}
N_ROWS, N_TOKENS = 3, 24


def written(grammar, scores):
  """The best allowed token at each step, for rows of scores [B G V]."""
  state = grammar.begin(scores.shape[0])
  ids = jnp.zeros(scores.shape[:2], jnp.int32)
  for step in range(scores.shape[1]):
    allowed = grammar.restrict(state, scores[:, step])
    ids = ids.at[:, step].set(allowed.argmax(-1))
    state = grammar.follow(state, ids, step + 1)
  return ids


WRITTEN = {
  key: jax.jit(functools.partial(written, grammar))
  for key, grammar in GRAMMARS.items()
}


def check(ids, gap, *, inside):
  """Reads a row as the grammar says; what is cut off at its end may lack."""
  due = []
  if inside:
    due = ['start', 6, *gap, 'end']
  start = None
  for i, token in enumerate(ids):
    if not due:
      assert token not in TIMES
      if tuple(ids[max(i - 1, 0) : i + 1]) == (3, 4):
        due = [*gap, 'start', 6, *gap, 'end']
      continue
    want = due.pop(0)
    if want == 'start':
      assert token in TIMES
      start = token
    elif want == 'end':
      assert token in TIMES and token >= start
    else:
      assert token == want


@pytest.mark.parametrize('key', GRAMMARS, ids=str)
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), spans=st.floats(0, 3))
def test_spans_are_whole_and_never_end_before_they_start(key, seed, spans):
  inside, gap = key
  rng = np.random.default_rng(seed)
  scores = rng.normal(size=(N_ROWS, N_TOKENS, V)).astype(np.float32)
  scores[:, ::2, 3] += spans  # so that some begin
  scores[:, 1::2, 4] += spans
  for row in np.asarray(WRITTEN[key](scores)):
    check(row.tolist(), gap, inside=inside)


def test_nothing_but_a_time_later_than_the_start_ends_a_span():
  grammar = GRAMMARS[True, ()]
  state = grammar.begin(1)
  ids = jnp.array([[9, 6, 0]])
  for step in (1, 2):
    state = grammar.follow(state, ids, step)
  allowed = grammar.restrict(state, jnp.zeros((1, V)))[0]
  assert np.flatnonzero(np.isfinite(allowed)).tolist() == [9, 10]


def test_free_words_leave_everything_but_times():
  grammar = GRAMMARS[False, ()]
  allowed = grammar.restrict(grammar.begin(1), jnp.zeros((1, V)))[0]
  assert np.flatnonzero(~np.isfinite(allowed)).tolist() == list(TIMES)


def test_draws_follow_the_temperature_and_the_candidates():
  scores = jnp.tile(jnp.array([0.0, 3.0, 2.0, 1.0]), (2000, 1))

  def shares(temperature, n_candidates, **top):
    draw = sampler(0, temperature, n_candidates, **top)
    counts = np.bincount(draw(scores, jnp.int32(4)), minlength=4)
    return counts / counts.sum()

  for temperature in (1.0, 2.0):
    want = jax.nn.softmax(scores[0] / temperature)
    np.testing.assert_allclose(shares(temperature, 9), want, atol=0.04)
  assert shares(1.0, 1).tolist() == [0, 1, 0, 0]
  assert shares(5.0, 2)[[0, 3]].tolist() == [0, 0]
  # The first one has 0.64 of all, the first two 0.88.
  assert shares(1.0, 9, top_p=0.6).tolist() == [0, 1, 0, 0]
  first, second = shares(1.0, 9, top_p=0.8)[[1, 2]]
  assert first + second == 1 and abs(first - 0.64 / 0.88) < 0.04
