"""A tree of digits is scored as if each branch stood alone."""

import jax
import numpy as np
import pytest

from tests.decode.choices_test import DECODER, PROMPTS, log_probs
from tests.decode.choices_test import params as params
from vtg_jax.decode.digit_tree import (
  digit_tree,
  place_log_probs,
  score_places,
)

DIGITS = np.arange(20, 30)


def test_the_tree_has_every_number_under_its_parent():
  tree = digit_tree(2)
  assert len(tree.digit) == 110
  # Number 37 stands behind the ten first digits and sees the 3.
  node = 10 + 37
  assert (tree.digit[node], tree.level[node]) == (7, 1)
  assert np.flatnonzero(tree.sees[node]).tolist() == [3, node]
  assert digit_tree(0).sees.shape == (0, 0)


def test_places_sum_up_to_one_and_stand_in_order():
  rng = np.random.default_rng(0)
  first, second = rng.normal(size=(2, 1, 10)), rng.normal(size=(2, 10, 10))
  found = np.exp(np.asarray(place_log_probs([first, second])))
  assert found.sum(1) == pytest.approx(1.0, abs=1e-5)
  by_hand = jax.nn.softmax(first)[1, 0, 4] * jax.nn.softmax(second)[1, 4, 2]
  assert found[1, 42] == pytest.approx(float(by_hand), rel=1e-5)


def test_a_branch_is_scored_as_if_it_stood_alone(params):
  ids = np.zeros((2, 6), np.int32)
  for row, prompt in enumerate(PROMPTS):
    ids[row, : len(prompt)] = prompt
  length = np.array([len(prompt) for prompt in PROMPTS])
  found = jax.jit(
    lambda ids, length: score_places(
      DECODER, params, [], ids, length, 0 * length, DIGITS, n_digits=3
    )
  )(ids, length)
  assert found.shape == (2, 1000)
  for row, place in ((0, 729), (1, 4), (1, 999)):
    told = [*PROMPTS[row], *DIGITS[list(map(int, f'{place:03d}'))]]
    steps = np.zeros(16, np.int32)
    steps[: len(told)] = told
    after = np.asarray(log_probs(params, steps))[:, DIGITS]
    after = after[len(PROMPTS[row]) - 1 :][:3]
    after = np.asarray(jax.nn.log_softmax(after))
    want = sum(after[i, int(d)] for i, d in enumerate(f'{place:03d}'))
    assert found[row, place] == pytest.approx(want, abs=1e-4)
