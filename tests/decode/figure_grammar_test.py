"""Times under the grammar of figures are well formed, whatever the scores."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.decode.figure_grammar import FigureGrammar
from vtg_jax.decode.figures import Figures

# Tokens 0 to 9 are the digits.
WORDS = [*'0123456789', '.', ' - ', ' seconds', ', ', 'a', 'b', '|']
ID = {word: i for i, word in enumerate(WORDS)}
V, G, B = len(WORDS), 24, 60
CODES = Figures(digit_ids=tuple(range(10)), n_whole=4)
TENTHS = Figures(
  digit_ids=tuple(range(10)), n_whole=5, point_id=ID['.'], n_decimals=1
)


@functools.cache
def writer(**options):
  """(limit [B], scores [B G V]) -> ids [B G], and whether none was stuck."""

  @jax.jit
  def write(limit, scores):
    grammar = FigureGrammar(limit=limit, **options)

    def step_on(step, carry):
      state, ids, alive = carry
      allowed = grammar.restrict(state, scores[:, step])
      alive &= jnp.isfinite(allowed).any(1)
      ids = ids.at[:, step].set(jnp.argmax(allowed, axis=1))
      return grammar.follow(state, ids, step + 1), ids, alive

    begin = grammar.begin(B), jnp.zeros((B, G), jnp.int32), jnp.ones(B, bool)
    return jax.lax.fori_loop(0, G, step_on, begin)[1:]

  return write


def written(options, limit, scores):
  """Texts of rows that take the best of what is allowed."""
  ids, alive = writer(**options)(np.asarray(limit, np.int32), scores)
  assert np.asarray(alive).all()
  return [''.join(WORDS[i] for i in row) for row in np.asarray(ids)]


@pytest.fixture(scope='module')
def scores():
  drawn = np.random.default_rng(0).normal(size=(B, G, V))
  drawn[:, :, :10] += 0.7  # more times than chance would have
  return drawn


def test_spans_of_codes_are_four_digits_each_and_in_order(scores):
  options = {'figures': CODES, 'middle': (ID[' - '],)}
  n = 0
  for text in written(options, [9999] * B, scores):
    for run in re.findall(r'\d+ - \d+(?=\D)', text):
      start, end = run.split(' - ')
      assert len(start) == len(end) == 4 and start <= end
      n += 1
    # Nothing but spans, and one that was cut off at the end.
    rest = re.sub(r'\d{4} - \d{4}(?=\D|$)', '', text)
    assert re.fullmatch(r'\D*(\d{1,4}( - \d{0,3})?)?', rest), text
  assert n > B


def test_codes_may_stand_alone(scores):
  texts = written({'figures': CODES, 'middle': None}, [9999] * B, scores)
  for text in texts:
    assert all(len(run) == 4 for run in re.findall(r'\d+(?=\D)', text))


def test_plain_spans_are_within_the_video_and_in_order(scores):
  limit = np.random.default_rng(1).integers(0, 3000, B)
  limit[0] = 0
  options = {
    'figures': TENTHS,
    'middle': (ID[' - '],),
    'after': (ID[' seconds'],),
    'begins_inside': True,
  }
  for text, most in zip(written(options, limit, scores), limit, strict=True):
    spans = re.findall(r'([\d.]+) - ([\d.]+) seconds', text)
    assert text.startswith(f'{spans[0][0]} - {spans[0][1]} seconds')
    for start, end in spans:
      assert re.fullmatch(r'(0|[1-9]\d*)\.\d', start)
      assert re.fullmatch(r'(0|[1-9]\d*)\.\d', end)
      assert 0 <= float(start) <= float(end) <= most / 10


CAN_BE_WRITTEN = [
  (CODES, 9999, '0729 - 9999'),
  (CODES, 9999, '0000 - 0000'),
  (CODES, 5000, '4999 - 5000'),
  (TENTHS, 360000, '0.0 - 36000.0'),
  (TENTHS, 1234, '99.9 - 123.4'),
  (TENTHS, 1234, '9.0 - 10.0'),
  (TENTHS, 999999, '12345.6 - 99999.9'),
]


@pytest.mark.parametrize('figures', [CODES, TENTHS])
def test_every_span_can_be_written(figures):
  limits, texts = np.full(B, 9), []
  scores = np.zeros((B, G, V))
  scores[:, :, ID['|']] = 1.0
  wanted = [
    (limit, text) for own, limit, text in CAN_BE_WRITTEN if own == figures
  ]
  for row, (limit, text) in enumerate(wanted):
    ids = [ID[part] for part in re.findall(r' - |.', text)]
    scores[row, np.arange(len(ids)), ids] = 2.0
    limits[row] = limit
    texts.append(text.ljust(len(text) + G - len(ids), '|'))
  options = {'figures': figures, 'middle': (ID[' - '],)}
  assert written(options, limits, scores)[: len(texts)] == texts


def test_an_end_may_have_to_be_later(scores):
  options = {'figures': CODES, 'middle': (ID[' - '],), 'gap': 100}
  for text in written(options, [200] * B, scores):
    for start, end in re.findall(r'(\d{4}) - (\d{4})', text):
      assert int(start) + 100 <= int(end) <= 200


@pytest.mark.parametrize(
  'options', [{'point_id': 3}, {'n_decimals': 1}, {'n_whole': 12}]
)
def test_figures_that_cannot_be_are_refused(options):
  with pytest.raises(ValueError, match='give both|do not fit'):
    Figures(**{'digit_ids': tuple(range(10)), 'n_whole': 4} | options)
