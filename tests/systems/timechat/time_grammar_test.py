"""Grammars of times, made from the tokenizer of the record."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.timechat import time_grammar
from vtg_jax.systems.timechat.answers import read_span

GOLDEN = Path(__file__).parents[2] / 'golden' / 'timechat'


@pytest.fixture(scope='module')
def tokenizer():
  return SentencePieceTokenizer(GOLDEN / 'llama_tokenizer.model')


class WithCodes:
  """The tokenizer of the record with <0> to <9> behind its words."""

  def __init__(self, tokenizer):
    self._tokenizer = tokenizer
    self.digit_ids = [tokenizer.vocab_size + 1 + digit for digit in range(10)]

  def encode(self, text):
    before, *parts = text.split('<')
    ids = self._tokenizer.encode(before)
    for part in parts:
      digit, _, words = part.partition('>')
      ids += [self.digit_ids[int(digit)], *self._tokenizer.encode(words)]
    return ids


def test_the_tokens_around_plain_times(tokenizer):
  figures = time_grammar.plain_figures(tokenizer)
  lead, middle, after = time_grammar.span_tokens(tokenizer, figures)
  decoded = [tokenizer.decode(ids).strip() for ids in (lead, middle, after)]
  assert decoded == ['The given query happens in', '-', 'seconds.']
  assert [tokenizer.decode([i]) for i in figures.digit_ids] == (
    list('0123456789')
  )


def test_the_tokens_around_codes(tokenizer):
  coded = WithCodes(tokenizer)
  figures = time_grammar.code_figures(coded.digit_ids)
  lead, middle, after = time_grammar.span_tokens(coded, figures)
  assert list(lead) == tokenizer.encode('The given query happens in ')
  assert list(middle) == tokenizer.encode(' - ')
  assert list(after) == tokenizer.encode('.')


def test_a_grounding_answer_is_well_formed_whatever_the_scores(tokenizer):
  figures = time_grammar.plain_figures(tokenizer)
  durations_s = [0.5, 12.34, 3599.9, 36000.0]
  grammar = time_grammar.grounding_grammar(
    tokenizer, figures, durations_s, end_id=tokenizer.eos_id
  )
  scores = np.random.default_rng(0).normal(
    size=(24, len(durations_s), tokenizer.vocab_size)
  )

  @jax.jit
  def write(scores):
    def step_on(step, carry):
      state, ids = carry
      allowed = grammar.restrict(state, scores[step])
      ids = ids.at[:, step].set(jnp.argmax(allowed, axis=1))
      return grammar.follow(state, ids, step + 1), ids

    ids = jnp.zeros((len(durations_s), 24), jnp.int32)
    return jax.lax.fori_loop(0, 24, step_on, (grammar.begin(4), ids))[1]

  lead = time_grammar.span_tokens(tokenizer, figures).lead
  for row, duration_s in zip(
    np.asarray(write(scores)).tolist(), durations_s, strict=True
  ):
    ids = row[: row.index(tokenizer.eos_id)]
    text = tokenizer.decode([*lead, *ids])
    start_s, end_s = read_span(text)
    assert 0 <= start_s <= end_s <= duration_s
    assert text == (f'The given query happens in {start_s} - {end_s} seconds.')


def test_limits_are_whole_tenths():
  plain = time_grammar.Figures(
    digit_ids=tuple(range(10)), n_whole=5, point_id=11, n_decimals=1
  )
  # In binary 10 * 12.3 is a little less than 123, and 0.29 * 100 than 29.
  assert time_grammar.limits([12.3, 0.59], plain).tolist() == [123, 5]
  codes = time_grammar.code_figures(range(10))
  assert time_grammar.limits([12.3], codes).tolist() == [9999]
  assert time_grammar.codes_grammar(codes, 2).limit.tolist() == [9999, 9999]
  with pytest.raises(BadInput, match='too long'):
    time_grammar.limits([100000.0], plain)


def test_words_follow_an_event(tokenizer):
  figures = time_grammar.plain_figures(tokenizer)
  grammar = time_grammar.events_grammar(tokenizer, figures, [10.0])
  assert tokenizer.decode(grammar.after).strip() == 'seconds'
  assert not grammar.begins_inside


class InOnes:
  """A tokenizer that has a token for every word."""

  def encode(self, text):
    return [hash(word) for word in text.split()]


def test_numbers_as_one_token_are_refused():
  with pytest.raises(BadInput, match='digit by digit'):
    time_grammar.plain_figures(InOnes())
