"""What trains, by patterns of whole paths."""

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.train import freeze

PARAMS = {
  'llm': {'q_proj': {'kernel': 1, 'lora_a': 2}, 'norm': {'scale': 3}},
  'projector': {'kernel': 4, 'bias': 5},
}


def test_split_and_join_are_inverse():
  trainable, frozen = freeze.split(PARAMS, [r'.*/lora_[ab]', r'projector/.*'])
  assert trainable == {
    'llm/q_proj/lora_a': 2,
    'projector/kernel': 4,
    'projector/bias': 5,
  }
  assert frozen == {'llm/q_proj/kernel': 1, 'llm/norm/scale': 3}
  assert freeze.join(trainable, frozen) == PARAMS


def test_everything_may_train():
  trainable, frozen = freeze.split(PARAMS, ['.*'])
  assert trainable == freeze.flatten(PARAMS) and frozen == {}


@pytest.mark.parametrize('pattern', ['lora_a', 'projector', 'kernel', 'llm/q'])
def test_a_pattern_must_match_a_whole_path(pattern):
  with pytest.raises(BadInput, match='matches no parameter'):
    freeze.split(PARAMS, [pattern, '.*'])


def test_a_pattern_that_matches_nothing_is_refused_with_near_paths():
  with pytest.raises(BadInput) as error:
    freeze.split(PARAMS, ['projector/kernal'])
  assert "'projector/kernal' matches no parameter" in str(error.value)
  assert 'such as projector/kernel' in str(error.value)


@pytest.mark.parametrize(
  ('patterns', 'told'), [([], 'is empty'), (['(a'], 'no regular expression')]
)
def test_useless_patterns_are_refused(patterns, told):
  with pytest.raises(BadInput, match=told):
    freeze.split(PARAMS, patterns)


def test_the_first_pattern_that_matches_counts():
  flat = freeze.flatten(PARAMS)
  got = freeze.matches(flat, ['llm/norm/.*', 'llm/.*'], 'groups')
  assert got == {
    'llm/norm/scale': 0,
    'llm/q_proj/kernel': 1,
    'llm/q_proj/lora_a': 1,
  }
