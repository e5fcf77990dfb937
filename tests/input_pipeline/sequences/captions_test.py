"""Captions are cut between sentences, and never grow."""

import hypothesis
import pytest
from hypothesis import strategies as st

from input_pipeline.sequences.captions import as_query, cut_caption, is_alone
from vtg_jax.errors import BadInput

TEXTS = st.text('ab ,.;!\n\t', min_size=1, max_size=60).filter(
  lambda text: any(c.isalpha() for c in text)
)


@pytest.mark.parametrize(
  ('caption', 'most_words', 'most_sentences', 'cut'),
  [
    ('A dog runs.  It is brown. It barks', 6, None, 'A dog runs. It is brown.'),
    ('A dog runs.\nIt is brown. It barks', 99, 1, 'A dog runs.'),
    ('A dog runs. It barks', 99, None, 'A dog runs. It barks.'),
    ('Is it? Yes! No', 3, 2, 'Is it? Yes!'),
    ('A big dog, brown, runs here.', 5, None, 'A big dog, brown.'),
    ('A big old brown dog runs.', 4, None, 'A big old brown.'),
    ('One, two three four five six', 5, None, 'One, two three four five.'),
  ],
)  # fmt: skip
def test_whole_sentences_are_kept(caption, most_words, most_sentences, cut):
  said = cut_caption(
    caption, most_words=most_words, most_sentences=most_sentences
  )
  assert said == cut


@hypothesis.given(caption=TEXTS, most_words=st.integers(1, 12))
def test_a_caption_never_grows_and_always_ends(caption, most_words):
  cut = cut_caption(caption, most_words=most_words)
  assert 1 <= len(cut.split()) <= most_words
  assert cut[-1] in '.!?'
  assert cut_caption(cut, most_words=most_words) == cut
  kept = ' '.join(caption.split()).lstrip(' ,.;!')
  assert kept.startswith(cut.rstrip('.!?'))


@pytest.mark.parametrize('caption', ['', ' \n', '...', '- !'])
def test_what_says_nothing_is_refused(caption):
  with pytest.raises(BadInput, match='is no caption'):
    cut_caption(caption, most_words=5)


def test_captions_that_stand_alone():
  captions = ['A dog.', 'a dog', 'A cat.', 'A dog runs.']
  assert is_alone(captions) == [False, False, True, True]
  assert as_query(' A dog.. ') == 'A dog'
