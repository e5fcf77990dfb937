"""Captions cut to what a sample has room for."""

import re

from vtg_jax.errors import BadInput

_BETWEEN_SENTENCES = re.compile(r'(?<=[.!?])\s+')
_ENDS = ('.', '!', '?')
_NO_BEGINNING = ' .,;:!?'


def cut_caption(
  caption: str, *, most_words: int, most_sentences: int | None = None
) -> str:
  """The first sentences of a caption, blanks single, with an end.

  A first sentence that is longer is cut after a word, at a comma in its second
  half where there is one.

  In:  'A dog runs.  It is brown. It barks', most_words=6
  Out: 'A dog runs. It is brown.'

  Args:
    caption: any text.
    most_words: that are kept.
    most_sentences: that are kept; None for any number.

  Raises:
    BadInput: it has no word.
  """
  text = ' '.join(caption.split()).lstrip(_NO_BEGINNING)
  if not any(character.isalnum() for character in text):
    raise BadInput(f'{caption[:80]!r} is no caption; give a sentence')
  kept: list[str] = []
  for sentence in _BETWEEN_SENTENCES.split(text)[:most_sentences]:
    words = sentence.split()
    if len(kept) + len(words) > most_words:
      break
    kept += words
  if not kept:
    kept = _shortened(text.split()[:most_words])
  cut = ' '.join(kept)
  return cut if cut.endswith(_ENDS) else f'{cut.rstrip(",;: ")}.'


def as_query(caption: str) -> str:
  """A caption as a question quotes it: without the full stop at its end."""
  return caption.strip().strip('.').strip()


def is_alone(captions: list[str]) -> list[bool]:
  """Whether each caption is no other's as well, whatever their capitals."""
  keys = [as_query(caption).casefold() for caption in captions]
  return [keys.count(key) == 1 for key in keys]


def _shortened(words: list[str]) -> list[str]:
  for n in range(len(words), len(words) // 2, -1):
    if words[n - 1].endswith((',', ';')):
      return words[:n]
  return words
