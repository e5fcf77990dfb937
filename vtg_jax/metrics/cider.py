"""CIDEr: how well sentences agree in their rare runs of words.

    told   spread butter    on the bread       1-grams .. 4-grams, each
    true   spread margarine on the bread       weighed by how rare it is
                                               among the true sentences

For each length n of 1 to 4 the sentences are vectors of counts times
log(N / documents with the n-gram); a score is ten times the mean over n of
their cosine, clipped so that repeating a word wins nothing, and lessened by
how far the lengths differ. Among N = 1 pairs nothing is rare: all scores
are 0.

Source: Vedantam et al., CIDEr (CVPR 2015), the CIDEr-D of the published
  program. As there a sentence's length is its number of 2-grams.
"""

import collections
import math
from collections.abc import Sequence

N_GRAM, SIGMA = 4, 6.0

Words = Sequence[str]


def cider(pairs: Sequence[tuple[str, str]]) -> list[float]:
  """Returns the score of each pair, 0..10.

  cider([('a', 'a'), ('b c d e', 'b c d e')]) == [2.5, 10.0]

  Args:
    pairs: (told, true), words parted by spaces. What is rare is counted over
      the true ones of all pairs.
  """
  told = [_counts(one.split()) for one, _ in pairs]
  true = [_counts(other.split()) for _, other in pairs]
  documents = collections.Counter(gram for one in true for gram in one)
  n_documents = math.log(len(pairs)) if pairs else 0.0
  rarity = {gram: n_documents - math.log(n) for gram, n in documents.items()}
  return [
    _similarity(one, other, rarity, n_documents)
    for one, other in zip(told, true, strict=True)
  ]


def mean_cider(pairs: Sequence[tuple[str, str]]) -> float:
  """Returns the mean score of all pairs; 0 of none."""
  scores = cider(pairs)
  return sum(scores) / len(scores) if scores else 0.0


def _counts(words: Words) -> collections.Counter:
  return collections.Counter(
    tuple(words[i : i + n])
    for n in range(1, N_GRAM + 1)
    for i in range(len(words) - n + 1)
  )


def _similarity(told, true, rarity, most) -> float:
  """Of one pair; `most` is the rarity of what is in no true sentence."""

  def vector(counts, n):
    return {
      gram: count * rarity.get(gram, most)
      for gram, count in counts.items()
      if len(gram) == n
    }

  def n_bigrams(counts):
    return sum(count for gram, count in counts.items() if len(gram) == 2)

  apart = n_bigrams(told) - n_bigrams(true)
  total = 0.0
  for n in range(1, N_GRAM + 1):
    a, b = vector(told, n), vector(true, n)
    product = sum(
      min(value, b.get(gram, 0.0)) * b.get(gram, 0.0)
      for gram, value in a.items()
    )
    norms = math.hypot(*a.values()) * math.hypot(*b.values())
    total += product / norms if norms else product
  return 10.0 * total / N_GRAM * math.exp(-(apart**2) / (2 * SIGMA**2))
