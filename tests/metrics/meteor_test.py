"""METEOR of same words: numbers of the published program, version 1.5."""

import pytest

from vtg_jax.metrics import meteor


@pytest.mark.parametrize(
  ('told', 'true', 'score'),
  [
    ('chop the onion finely', 'chop the onion and the garlic',
     0.31012696073564366),
    ('chop the onion and the garlic', 'chop the onion finely',
     0.2642101048985702 * 4 / 3),
    ('fry the onion in the pan', 'chop the onion and the garlic',
     0.18613968879623477),
    ('flip the sandwich with a spatula', 'flip the sandwich over',
     0.421916911698492),
    ('place a slice of cheese', 'place a slice of cheese', 1.0),
    ('a b', 'x y', 0.0),
    ('', 'x y', 0.0),
  ],
)  # fmt: skip
def test_one_pair_scores_as_published(told, true, score):
  assert meteor.matches(told, true).score() == pytest.approx(score, abs=1e-9)


def test_pairs_together_score_as_published():
  pairs = [
    ('spread butter on two slices of bread',
     'spread margarine on two slices of white bread'),
    ('place a slice of cheese on the bread',
     'place a slice of cheese on the bread'),
    ('flip the sandwich over', 'qqqqqqqqqqqq'),
  ]  # fmt: skip
  assert meteor.together(pairs) == pytest.approx(0.4196922668910561)
  assert meteor.together([]) == 0.0


def test_a_word_is_matched_once_and_in_as_few_chunks_as_can_be():
  found = meteor.matches('b a b', 'a b')
  assert (found.n_matched, found.chunks) == (2, 1)
