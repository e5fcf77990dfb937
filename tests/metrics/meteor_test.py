"""METEOR of words and stems: numbers of the published program, version 1.5."""

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


@pytest.mark.parametrize(
  ('told', 'true', 'content', 'function', 'n_matched', 'chunks'),
  [
    # 'fried' could be 'fry' as well as 'frying' and begins a chunk: left out.
    ('cook a fry happily slices fried to',
     'slice pans fry cooks mixing onions mixture frying hopefully',
     1 + 2 * 0.6, 0, 3, 3),
    ('cook cooking national a the',
     'cooks nationally mix chopping a added run in', 2 * 0.6, 1, 3, 2),
    ('slices of bread', 'slice of bread', 1.6, 1, 3, 0),
  ],
)  # fmt: skip
def test_words_of_one_stem_are_matched_as_published(
  told, true, content, function, n_matched, chunks
):
  found = meteor.matches(told, true)
  assert found.told_matched == pytest.approx(0.75 * content + 0.25 * function)
  assert (found.n_matched, found.chunks) == (n_matched, chunks)


def test_a_word_is_matched_once_and_in_as_few_chunks_as_can_be():
  found = meteor.matches('b a b', 'a b')
  assert (found.n_matched, found.chunks) == (2, 1)
