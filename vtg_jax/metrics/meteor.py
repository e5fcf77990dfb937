"""METEOR of words that are the same or of one stem: without dictionaries.

    told   chop the onion and the garlic        matched words, of which those
    true   chop the onion finely                that only hold a sentence
           --------------                       together count a third, and
           one chunk                            the chunks they come in

The published tool is a Java program of 100 MB, which also matches synonyms and
paraphrases; where two sentences share none of those, the scores are the same.
Beside others' scores belong those of `caption_scorers.published_scorers`.

Source: Denkowski and Lavie, Meteor Universal (WMT 2014), version 1.5, its
  parameters for English.
"""

import collections
import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from vtg_jax.metrics.english_stem import stem

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
# What a match of words is worth that are only of one stem.
STEM_WEIGHT = 0.6
# Alignments that are followed at once.
_BEAM = 40
# Words that hold English sentences together: the most frequent ones.
_FUNCTION_WORDS = frozenset(
  'the of to and a in that for is on it with was as said at he by be from '
  "have has are his but an this not i will they 's who their had we which "
  'were been more or s its would about new one after you also up when there '
  'than all out her people she year two can if last first over other into '
  "some what so no time years could 't".split()
)


@dataclasses.dataclass(frozen=True)
class Matches:
  """What is counted of two sentences, or of many pairs together.

  Attributes:
    told: weight of the words told, see `DELTA`.
    true: of the true ones.
    told_matched: of the words told that are matched.
    true_matched: of the true ones.
    chunks: runs of matched words that stand together in both; 0 of two
      sentences all of whose words are matched in order.
    n_matched: matched words of either sentence.
  """

  told: float = 0.0
  true: float = 0.0
  told_matched: float = 0.0
  true_matched: float = 0.0
  chunks: int = 0
  n_matched: int = 0

  def __add__(self, other: 'Matches') -> 'Matches':
    mine, theirs = dataclasses.astuple(self), dataclasses.astuple(other)
    return Matches(*(a + b for a, b in zip(mine, theirs, strict=True)))

  def score(self) -> float:
    """METEOR, 0..1."""
    if not self.n_matched:
      return 0.0
    precision = self.told_matched / self.told
    recall = self.true_matched / self.true
    mean = precision * recall / (ALPHA * precision + (1 - ALPHA) * recall)
    return mean * (1 - GAMMA * (self.chunks / self.n_matched) ** BETA)


class _Path(NamedTuple):
  """An alignment of a sentence's first words.

  Attributes:
    same: pairs of words that are the same.
    chunks: see `Matches`.
    distance: sum over pairs of how far apart they are.
    last: true word of the last word told; -2 where it has none.
    used: true words of pairs.
    pairs: places of words told and true.
  """

  same: int
  chunks: int
  distance: int
  last: int
  used: frozenset[int]
  pairs: tuple[tuple[int, int], ...]


def matches(told: str, true: str) -> Matches:
  """Counts what two sentences have in common.

  Args:
    told: words parted by spaces.
    true: likewise.
  """
  said, wanted = told.split(), true.split()
  best = _aligned(said, wanted)

  def matched(words, place):
    return sum(
      _weight(words[pair[place]])
      * (1.0 if said[pair[0]] == wanted[pair[1]] else STEM_WEIGHT)
      for pair in best.pairs
    )

  return Matches(
    told=sum(map(_weight, said)),
    true=sum(map(_weight, wanted)),
    told_matched=matched(said, 0),
    true_matched=matched(wanted, 1),
    chunks=0 if _whole(best, said, wanted) else best.chunks,
    n_matched=len(best.pairs),
  )


def together(pairs: Sequence[tuple[str, str]]) -> float:
  """METEOR of (told, true) pairs counted as one text; 0 of none."""
  return sum((matches(*pair) for pair in pairs), Matches()).score()


def _weight(word: str) -> float:
  return 1 - DELTA if word in _FUNCTION_WORDS else DELTA


def _whole(best: _Path, said: Sequence[str], wanted: Sequence[str]) -> bool:
  """Whether all words of both are matched, in order."""
  return best.chunks == 1 and len(best.pairs) == len(said) == len(wanted)


def _aligned(said: Sequence[str], wanted: Sequence[str]) -> _Path:
  """The alignment that the published tool would find.

  Two words that could each be matched with the other alone are. Of what else
  could be, most words that are the same are, in the fewest chunks, least far
  apart: words of one stem are then only matched where they begin no new chunk.
  """
  candidates = _candidates(said, wanted)
  rivals = collections.Counter(j for js in candidates for j in js)
  paths = [_Path(0, 0, 0, -2, frozenset(), ())]
  for i, (word, places) in enumerate(zip(said, candidates, strict=True)):
    alone = len(places) == 1 and rivals[places[0]] == 1
    grown = [] if alone else [path._replace(last=-2) for path in paths]
    for j in places:
      grown += [
        _Path(
          path.same + (word == wanted[j]),
          path.chunks + (path.last != j - 1),
          path.distance + abs(i - j),
          j,
          path.used | {j},
          (*path.pairs, (i, j)),
        )
        for path in paths
        if j not in path.used
      ]
    grown.sort(
      key=lambda path: (
        -path.same,
        path.chunks,
        -len(path.pairs),
        path.distance,
      )
    )
    paths = grown[:_BEAM]
  return paths[0]


def _candidates(said: Sequence[str], wanted: Sequence[str]) -> list[list[int]]:
  """Of each word told, the true ones that it may be matched with."""
  stems = [stem(word) for word in wanted]
  return [
    [
      j
      for j, other in enumerate(wanted)
      if other == word or stems[j] == stem(word)
    ]
    for word in said
  ]
