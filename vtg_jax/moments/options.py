"""Options behind letters: how they are shown and how a reply is read."""

import re
from collections.abc import Iterable, Sequence

# More have no letter.
MOST_OPTIONS = 26
# '(b', '(b) text', 'b) text', 'b.', 'b'; not 'a dog'.
_LETTER = re.compile(r'\(([a-z])(?![a-z0-9])|([a-z])(?:[).:]|$)')


def letter(index: int) -> str:
  """Returns the option letter of a position: 0 is 'A'."""
  return chr(ord('A') + index)


def lettered(texts: Iterable[str]) -> list[str]:
  """Returns options with their letters: ['(A) cat', '(B) dog']."""
  return [f'({letter(i)}) {text}' for i, text in enumerate(texts)]


def with_options(question: str, options: Sequence[str]) -> str:
  """Returns a question with its lettered options, one a line.

  with_options('Who?', ['(A) a', '(B) b']) == 'Who?\\nOptions:\\n(A) a\\n(B) b'
  """
  return '\n'.join([question + '\nOptions:', *options])


def chosen_index(reply: str, candidates: Sequence[str]) -> int | None:
  """Reads which candidate a reply names, by its letter or by its text.

  chosen_index('(B) a dog', ['a cat', 'a dog']) == 1, as for 'B.', 'b' and
  'A dog.'; None where it names none.
  """
  said = reply.strip().lower()
  found = _LETTER.match(said)
  if found:
    index = ord(found[1] or found[2]) - ord('a')
    return index if index < len(candidates) else None
  plain = said.strip(' .(')
  texts = [candidate.strip(' .').lower() for candidate in candidates]
  return texts.index(plain) if plain in texts else None
