"""CIDEr by hand; the golden record of TimeChat has the published program's."""

import math

import pytest

from vtg_jax.metrics.cider import cider, mean_cider


def test_the_same_words_score_ten_for_each_length_they_have():
  # Of three words there is no 4-gram.
  pairs = [('a b c', 'a b c'), ('x', 'd e f g')]
  assert cider(pairs) == pytest.approx([7.5, 0.0])
  assert mean_cider(pairs) == pytest.approx(3.75)


def test_what_every_true_sentence_has_is_worth_nothing():
  assert cider([('a', 'a b'), ('a', 'a c')]) == [0.0, 0.0]
  # And of one pair everything is in every true sentence.
  assert cider([('a b c d', 'a b c d')]) == [0.0]
  assert mean_cider([]) == 0.0


def test_repeating_wins_nothing_and_length_costs():
  once, twice = cider([('a', 'a'), ('b b', 'b')])
  assert once == pytest.approx(2.5)
  # Clipped product 1, norms 2 and 1; one 2-gram too many.
  assert twice == pytest.approx(2.5 / 2 * math.exp(-1 / 72))
