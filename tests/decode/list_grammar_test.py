"""Answers under the grammar of lists are whole, whatever the scores."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.decode.figures import Figures
from vtg_jax.decode.list_grammar import ListGrammar, ListWords

WORDS = [*'0123456789', '.', ', ', ' of', ' at ', ' with', ' worth ', '; ']
WORDS += ['!', '|']
ID = {word: i for i, word in enumerate(WORDS)}
V, G, B = len(WORDS), 40, 40
DIGITS = tuple(range(10))
TENTHS = Figures(digit_ids=DIGITS, n_whole=3, point_id=ID['.'], n_decimals=1)
CODES = Figures(digit_ids=DIGITS, n_whole=4)
SCORES = Figures(digit_ids=DIGITS, n_whole=1, point_id=ID['.'], n_decimals=1)
AROUND = ListWords(
  lead=(),
  words=(ID[' of'], ID[' at ']),
  first_between=(ID[', '],),
  middle=(ID[' with'], ID[' worth ']),
  second_between=(ID['; '],),
  after=(ID['!'], ID['|']),
)


@functools.cache
def writer(figures):
  """(limit [B], scores [B G V]) -> ids [B G], and whether none was stuck."""
  most = AROUND.most_numbers(G, figures, SCORES)

  @jax.jit
  def write(limit, scores):
    grammar = ListGrammar(
      words=AROUND,
      count_ids=DIGITS,
      first=figures,
      first_most=limit,
      second=SCORES,
      second_range=(10, 50),
      most=most,
    )

    def step_on(step, carry):
      state, ids, alive = carry
      allowed = grammar.restrict(state, scores[:, step])
      alive &= jnp.isfinite(allowed).any(1)
      ids = ids.at[:, step].set(jnp.argmax(allowed, axis=1))
      return grammar.follow(state, ids, step + 1), ids, alive

    begin = grammar.begin(B), jnp.zeros((B, G), jnp.int32), jnp.ones(B, bool)
    return jax.lax.fori_loop(0, G, step_on, begin)[1:]

  return write


@pytest.mark.parametrize('figures', [TENTHS, CODES])
def test_answers_count_what_they_list(figures):
  rng = np.random.default_rng(0)
  limit = rng.integers(0, 3000, B)
  limit[0] = 0
  scores = rng.normal(size=(B, G, V))
  ids, alive = writer(figures)(np.asarray(limit, np.int32), scores)
  assert np.asarray(alive).all()
  counts = set()
  for row, most in zip(np.asarray(ids), limit, strict=True):
    text = ''.join(WORDS[i] for i in row)
    found = re.fullmatch(r'(\d+) of at (.*) with worth (.*)!\|+', text)
    assert found, text
    count, times, worths = found.groups()
    times, worths = times.split(', '), worths.split('; ')
    assert str(len(times)) == str(len(worths)) == count
    form, unit = (r'\d{4}', 1) if figures is CODES else (r'\d{1,3}\.\d', 10)
    for time in times:
      assert re.fullmatch(form, time) and float(time) * unit <= most
    for worth in worths:
      assert re.fullmatch(r'\d\.\d', worth) and 1 <= float(worth) <= 5
    counts.add(len(times))
  # As many as surely end in time: 3 with tenths, of 5 tokens and 3 each.
  assert max(counts) == AROUND.most_numbers(G, figures, SCORES) == 3


def test_too_few_tokens_have_room_for_no_number():
  assert AROUND.most_numbers(15, CODES, SCORES) == 1
  assert AROUND.most_numbers(14, CODES, SCORES) == 0
