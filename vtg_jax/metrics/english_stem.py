"""The stem of an English word, by the rules of Porter's second stemmer.

stem('slices') == stem('sliced') == 'slice'

Source: Porter, English (Porter2) stemming algorithm, snowballstem.org.
"""

import re

_VOWELS = 'aeiouy'
# A vowel, then no vowel: what follows is the word's first region.
_REGION = re.compile(rf'[{_VOWELS}][^{_VOWELS}]')
_FIRST = re.compile(r'(?:gener|commun|arsen)')
# At the end of a word: one consonant, a vowel and a consonant.
_SHORT = re.compile(
  rf'(?:[^{_VOWELS}][{_VOWELS}][^{_VOWELS}wxY]|^[{_VOWELS}][^{_VOWELS}])$'
)
_VOWEL = re.compile(f'[{_VOWELS}]')
_DOUBLE = re.compile(r'(bb|dd|ff|gg|mm|nn|pp|rr|tt)$')
_ONE_BY_ONE = {
  'skis': 'ski', 'skies': 'sky', 'dying': 'die', 'lying': 'lie',
  'tying': 'tie', 'idly': 'idl', 'gently': 'gentl', 'ugly': 'ugli',
  'early': 'earli', 'only': 'onli', 'singly': 'singl', 'sky': 'sky',
  'news': 'news', 'howe': 'howe', 'atlas': 'atlas', 'cosmos': 'cosmos',
  'bias': 'bias', 'andes': 'andes',
}  # fmt: skip
_AS_THEY_ARE = frozenset(
  'inning outing canning herring earring proceed exceed succeed'.split()
)
# Suffix -> what stands in for it, in the first region; the longest counts.
_STEP_2 = {
  'tional': 'tion', 'enci': 'ence', 'anci': 'ance', 'abli': 'able',
  'entli': 'ent', 'izer': 'ize', 'ization': 'ize', 'ational': 'ate',
  'ation': 'ate', 'ator': 'ate', 'alism': 'al', 'aliti': 'al', 'alli': 'al',
  'fulness': 'ful', 'ousli': 'ous', 'ousness': 'ous', 'iveness': 'ive',
  'iviti': 'ive', 'biliti': 'ble', 'bli': 'ble', 'ogi': 'og',
  'fulli': 'ful', 'lessli': 'less', 'li': '',
}  # fmt: skip
_STEP_3 = {
  'tional': 'tion', 'ational': 'ate', 'alize': 'al', 'icate': 'ic',
  'iciti': 'ic', 'ical': 'ic', 'ful': '', 'ness': '', 'ative': '',
}  # fmt: skip
_STEP_4 = (
  'al ance ence er ic able ible ant ement ment ent ism ate iti ous ive ize ion'
).split()
# What a suffix must follow to be one.
_FOLLOWS = {'ogi': 'l', 'li': 'cdeghkmnrt', 'ion': 'st'}


def stem(word: str) -> str:
  """Returns the stem of a word in lower case."""
  if len(word) <= 2:
    return word
  word = word.removeprefix("'")
  if word in _ONE_BY_ONE:
    return _ONE_BY_ONE[word]
  # A y that is a consonant is not seen as a vowel.
  word = re.sub(rf'^y|(?<=[{_VOWELS}])y', 'Y', word)
  first = _region(word, 0)
  if prefix := _FIRST.match(word):
    first = prefix.end()
  second = _region(word, first)
  word = re.sub(r"('s'|'s|')$", '', word)
  word = _plural(word)
  if word in _AS_THEY_ARE:
    return word
  word = _past(word, first)
  if len(word) > 2 and word[-1] in 'yY' and word[-2] not in _VOWELS:
    word = f'{word[:-1]}i'
  word = _replaced(word, _STEP_2, first)
  word = _replaced(word, _STEP_3, first, second)
  word = _dropped(word, second)
  return _last(word, first, second).lower()


def _region(word: str, start: int) -> int:
  """Where the region behind the first vowel with no vowel after it begins."""
  found = _REGION.search(word, start)
  return found.end() if found else len(word)


def _plural(word: str) -> str:
  if word.endswith('sses'):
    return word[:-2]
  if word.endswith(('ied', 'ies')):
    return word[:-2] if len(word) > 4 else word[:-1]
  if word.endswith(('us', 'ss')) or not word.endswith('s'):
    return word
  return word[:-1] if _VOWEL.search(word[:-2]) else word


def _past(word: str, first: int) -> str:
  for suffix in ('eedly', 'eed'):
    if word.endswith(suffix):
      at = len(word) - len(suffix)
      return word[: at + 2] if at >= first else word
  for suffix in ('ingly', 'edly', 'ing', 'ed'):
    if word.endswith(suffix):
      rest = word.removesuffix(suffix)
      if not _VOWEL.search(rest):
        return word
      if rest.endswith(('at', 'bl', 'iz')):
        return f'{rest}e'
      if _DOUBLE.search(rest):
        return rest[:-1]
      short = first >= len(rest) and _SHORT.search(rest)
      return f'{rest}e' if short else rest
  return word


def _replaced(
  word: str, table: dict[str, str], first: int, second: int | None = None
) -> str:
  suffix = max(filter(word.endswith, table), key=len, default=None)
  if suffix is None:
    return word
  at = len(word) - len(suffix)
  before = word[at - 1 : at]
  if at < first or before not in (_FOLLOWS.get(suffix) or before):
    return word
  if suffix == 'ative' and at < second:
    return word
  return word[:at] + table[suffix]


def _dropped(word: str, second: int) -> str:
  suffix = max(filter(word.endswith, _STEP_4), key=len, default=None)
  if suffix is None:
    return word
  at = len(word) - len(suffix)
  before = word[at - 1 : at]
  follows = before in (_FOLLOWS.get(suffix) or before)
  return word[:at] if at >= second and follows else word


def _last(word: str, first: int, second: int) -> str:
  at = len(word) - 1
  if word.endswith('e'):
    short = _SHORT.search(word[:at])
    return word[:at] if at >= second or (at >= first and not short) else word
  if word.endswith('ll') and at >= second:
    return word[:at]
  return word
