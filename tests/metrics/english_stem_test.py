"""Words of one stem, as the published METEOR takes them."""

import pytest

from vtg_jax.metrics.english_stem import stem


@pytest.mark.parametrize(
  'words',
  [
    'slice slices sliced slicing',
    'fry fries fried frying',
    'stir stirs stirred stirring',
    'bake baked baking',
    'organize organizing organization',
    'nation national nationally',
    'hope hopes hoped hoping hopeful hopefully',
    'agree agreed',
    'tie tied tying',
    'electric electrical electricity',
    'careless carelessly carelessness',
  ],
)
def test_words_of_one_stem(words):
  assert len({stem(word) for word in words.split()}) == 1


@pytest.mark.parametrize(
  ('word', 'stemmed'),
  [
    ('slices', 'slice'),
    ('fried', 'fri'),
    ('ties', 'tie'),
    ('gas', 'gas'),
    ('this', 'this'),
    ('skies', 'sky'),
    ('herring', 'herring'),
    ("onion's", 'onion'),
    ('generously', 'generous'),
    ('feed', 'feed'),
    ('rolling', 'roll'),
    ('hopping', 'hop'),
    ('hoping', 'hope'),
    ('enjoyed', 'enjoy'),
    ('of', 'of'),
  ],
)
def test_a_words_stem(word, stemmed):
  assert stem(word) == stemmed
