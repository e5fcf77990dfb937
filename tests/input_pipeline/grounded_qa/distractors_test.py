import random

import numpy as np
import pytest

from input_pipeline.grounded_qa.distractors import (
  DistractorRule,
  Distractors,
  HashedWords,
)
from vtg_jax.errors import BadInput

ANSWERS = ['a red dog runs', 'A red dog runs!', 'a red dog sits', 'two cats',
           'a dog sits', 'a blue car turns']  # fmt: skip
VIDEOS = ['a', 'b', 'c', 'd', 'a', 'e']


def test_shared_words_make_texts_alike():
  vectors = HashedWords().embed_texts([*ANSWERS[:4], ''])
  likeness = vectors @ vectors[0]
  assert likeness[0] == pytest.approx(1) == likeness[1]
  assert likeness[2] > likeness[3] >= 0
  assert likeness[4] == 0
  again = HashedWords().embed_texts(ANSWERS[2:3])
  np.testing.assert_array_equal(again[0], vectors[2])


def test_wrong_options_are_alike_but_not_the_same():
  pool = Distractors(
    ANSWERS, VIDEOS, DistractorRule(count=2, nearest=2), HashedWords()
  )
  # Not 1, which is the same; not 4, which is of the same video.
  options = pool.of(0, random.Random(0))
  assert options[0] != options[1]
  assert options.count('a red dog sits') == 1
  assert set(options) < {'a red dog sits', 'two cats', 'a blue car turns'}
  assert pool.of(0, random.Random(0)) == options


def test_too_few_answers_give_no_options():
  rule = DistractorRule(count=4)
  assert (
    Distractors(ANSWERS, VIDEOS, rule, HashedWords()).of(0, random.Random(0))
    is None
  )


@pytest.mark.parametrize('rule', [{'count': 0}, {'nearest': 2}])
def test_a_rule_that_cannot_be_kept_is_bad_input(rule):
  with pytest.raises(BadInput):
    DistractorRule(**rule)
