import collections

import numpy as np
import pytest

from vtg_jax.shape_stories.words import (
  ACTIONS,
  COLOURS,
  N_PARAPHRASES,
  OBJECTS,
  PAIRS,
  held_out_pairs,
  paraphrases,
)


def test_36_objects_do_8_actions():
  assert (len(OBJECTS), len(ACTIONS), len(PAIRS)) == (36, 8, 288)
  assert len(set(PAIRS)) == 288


def test_no_sentence_says_two_things():
  texts = [text for pair in PAIRS for text in paraphrases(pair)]
  assert len(texts) == 288 * N_PARAPHRASES
  assert len(set(texts)) == len(texts)


@pytest.mark.parametrize('action', ACTIONS)
def test_every_sentence_names_the_object(action):
  for text in paraphrases(('pink', 'star', action)):
    assert {'pink', 'star'} <= set(text.split())


def test_the_plain_sentence_comes_first():
  assert paraphrases(('red', 'circle', 'rises'), 2) == (
    'a red circle rises',
    'a red circle moves upwards',
  )


def test_colours_are_well_apart():
  colours = np.array(list(COLOURS.values()), float)
  apart = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
  assert apart[~np.eye(len(colours), dtype=bool)].min() > 140


def test_a_tenth_of_the_pairs_is_held_out_for_good():
  held_out = held_out_pairs()
  assert len(held_out) == 29
  assert held_out < set(PAIRS)
  assert ('red', 'diamond', 'blinks') in held_out
  assert ('red', 'circle', 'rises') not in held_out


def test_objects_and_actions_of_held_out_pairs_are_seen_otherwise():
  by_object = collections.Counter(pair[:2] for pair in held_out_pairs())
  by_action = collections.Counter(pair[2] for pair in held_out_pairs())
  assert max(by_object.values()) <= len(ACTIONS) // 2
  assert max(by_action.values()) <= len(OBJECTS) // 2
