"""Words compared by hand, and by the published tools where they are."""

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.metrics import caption_scorers
from vtg_jax.metrics.caption_scorers import (
  WORD_OVERLAP,
  published_scorers,
  word_overlap,
)
from vtg_jax.metrics.dense_captions import NOTHING_SAID


@pytest.mark.parametrize(
  ('told', 'true', 'score'),
  [
    ('a red dog', 'A dog runs.', 2 / 3),
    ('a a b', 'a b b', 2 / 3),  # each word as often as both have it
    ('dog', 'cat', 0),
    ('', 'cat', 0),
    ('...', '!', 0),
  ],
)
def test_words_in_common(told, true, score):
  assert word_overlap(told, true) == pytest.approx(score)
  assert WORD_OVERLAP.each([(told, true)]) == [pytest.approx(score)]


def test_together_is_the_mean():
  assert WORD_OVERLAP.together([('a', 'a'), ('a', 'b')]) == 0.5


@pytest.mark.skipif(
  caption_scorers.importlib.util.find_spec('pycocoevalcap') is not None,
  reason='pycocoevalcap is installed',
)
def test_without_the_extra_the_remedy_is_told():
  with (
    pytest.raises(BadInput, match=r'vtg-jax\[captions\]'),
    published_scorers(['a']),
  ):
    pass


def test_without_java_the_remedy_is_told(monkeypatch, tmp_path):
  # A package of that name is enough: it is not imported before Java is found.
  (tmp_path / 'pycocoevalcap').mkdir()
  (tmp_path / 'pycocoevalcap' / '__init__.py').touch()
  monkeypatch.syspath_prepend(tmp_path)
  monkeypatch.setenv('PATH', '')
  with pytest.raises(BadInput, match='Java runtime'):
    caption_scorers.check_tools()


PAIRS = [
  ('A man runs.', 'a man runs'),
  ('a dog sits down', 'a cat, it sits'),
  ('...', 'a bird flies over the house'),
  ('a car', NOTHING_SAID),
]


@pytest.fixture(scope='module')
def published():
  texts = [text for pair in PAIRS for text in pair]
  with published_scorers(texts) as scorers:
    yield scorers


@pytest.mark.captions
@pytest.mark.java
def test_cider_is_what_its_formula_gives(published):
  # Two true sentences, so a word or longer n-gram in one of them weighs log 2
  # and one in both nothing. Of the first pair all n-grams agree: 10 for each
  # of the lengths 1 to 3, and 0 for 4, of which there is none: 7.5.
  pairs = [('A man runs.', 'a man runs'), ('a car', 'a cat, it sits')]
  assert published['CIDEr'].each(pairs) == pytest.approx([7.5, 0.0])
  assert published['CIDEr'].together(pairs) == pytest.approx(3.75)


@pytest.mark.captions
@pytest.mark.java
def test_meteor_is_that_of_the_published_tool(published):
  same, partly, *nothing = published['METEOR'].each(PAIRS)
  assert same == pytest.approx(1.0)
  assert 0.1 < partly < 0.6
  assert nothing == [0.0, 0.0]
  # All at once counts the words of all, so it is no mean.
  assert 0 < published['METEOR'].together(PAIRS) < 1
