"""Whatever the scores, what is written is one of the two answers."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.decode.number_grammar import NumberGrammar, number_tables

EOS, G = 1, 8
# A token a digit; 'From ' and so on are one.
WORDS = ['', '', *'0123456789', 'From ', ' to ', '.', 'Not', ' Present', '?']
ID = {word: i for i, word in enumerate(WORDS) if word}
V = len(WORDS)


def digits(number, width):
  return [ID[digit] for digit in f'{number:0{width}d}']


def tables(n, width):
  return number_tables(
    [[ID['From '], *digits(i, width)] for i in range(n)],
    [[ID[' to '], *digits(i, width), ID['.']] for i in range(n)],
    [ID['Not'], ID[' Present']],
    eos_id=EOS,
  )


@jax.jit
def written(tables, limit, gap, scores):
  """[B G]: rows that take the best of what is allowed; scores [B G V]."""
  grammar = NumberGrammar(tables=tables, limit=limit, gap=gap)
  B = scores.shape[0]
  state, ids = grammar.begin(B), jnp.zeros((B, G), jnp.int32)
  for step in range(G):
    allowed = grammar.restrict(state, scores[:, step])
    ids = ids.at[:, step].set(jnp.argmax(allowed, axis=1))
    state = grammar.follow(state, ids, step + 1)
  return ids


def text_of(row):
  row = row.tolist()
  assert EOS in row
  return ''.join(WORDS[i] for i in row[: row.index(EOS)])


@pytest.mark.parametrize(('n', 'width', 'gap'), [(25, 2, 0), (13, 1, 1)])
def test_any_scores_give_a_span_in_range_or_not_present(n, width, gap):
  rng = np.random.default_rng(0)
  limit = rng.integers(0, n, 300)
  scores = rng.normal(size=(300, G, V))
  rows = np.asarray(written(tables(n, width), limit, gap, scores))
  spans = 0
  for row, most in zip(rows, limit, strict=True):
    text = text_of(row)
    if text != 'Not Present':
      spans += 1
      told = re.fullmatch(r'From (\d+) to (\d+)\.', text)
      first, last = map(int, told.groups())
      assert first + gap <= last <= most
      assert text == f'From {first:0{width}d} to {last:0{width}d}.'
  assert spans > 80  # of 300


@pytest.mark.parametrize(('n', 'width'), [(25, 2), (101, 1)])
@pytest.mark.parametrize('span', [(0, 0), (1, 10), (7, 24), (2, 12)])
def test_every_span_can_be_written(n, width, span):
  wanted = [ID['From '], *digits(span[0], width), ID[' to ']]
  wanted += [*digits(span[1], width), ID['.'], EOS]
  scores = np.zeros((1, G, V))
  scores[0, np.arange(len(wanted)), wanted] = 1.0
  (row,) = written(tables(n, width), np.array([n - 1]), 0, scores)
  assert np.asarray(row)[: len(wanted)].tolist() == wanted


def test_a_number_whose_end_cannot_be_told_is_refused():
  with pytest.raises(ValueError, match='goes on a number and ends it'):
    number_tables([[2], [2, 3]], [[3], [3, 4]], [5], eos_id=EOS)
