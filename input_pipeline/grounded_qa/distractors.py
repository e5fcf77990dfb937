"""Wrong options of a question: answers to others that are alike."""

import dataclasses
import hashlib
import random
import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Float32

from vtg_jax.errors import BadInput

_WORD = re.compile(r'\w+')


class TextEmbedder(Protocol):
  """Puts texts into a space in which those that mean alike are near.

  Attributes:
    name: what it is, as the record of a run tells it.
  """

  name: str

  def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
    """Vectors [n, D] of n texts."""
    ...


@dataclasses.dataclass(frozen=True)
class HashedWords:
  """Counts words and neighbouring pairs of them, in places by their hash.

  It needs no model: texts are alike where they share words.

  Attributes:
    n_places: length of a vector.
    name: see `TextEmbedder`.
  """

  n_places: int = 512
  name: str = 'hashed words 1'

  def embed_texts(self, texts: Sequence[str]) -> Float32[np.ndarray, 'n D']:
    """Counts, of length 1 together; no words give zeros."""
    vectors = np.zeros((len(texts), self.n_places), np.float32)
    for vector, text in zip(vectors, texts, strict=True):
      words = _WORD.findall(text.lower())
      pairs = [' '.join(pair) for pair in zip(words, words[1:], strict=False)]
      for gram in (*words, *pairs):
        digest = hashlib.blake2b(gram.encode(), digest_size=8).digest()
        vector[int.from_bytes(digest) % self.n_places] += 1
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths, lengths, 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistractorRule:
  """Which answers make wrong options.

  Attributes:
    count: wrong options of a question.
    nearest: they are drawn from so many of the most alike.
    max_likeness: cosine above which an answer may be right too, and is left
      out.
  """

  count: int = 3
  nearest: int = 20
  max_likeness: float = 0.9

  def __post_init__(self) -> None:
    if not 1 <= self.count <= 25:
      raise BadInput(f'count is {self.count}; use 1 to 25 wrong options')
    if self.nearest < self.count:
      raise BadInput(
        f'nearest is {self.nearest}; use at least count, {self.count}'
      )


class Distractors:
  """Draws wrong options from a pool of answers."""

  def __init__(
    self,
    answers: Sequence[str],
    videos: Sequence[str],
    rule: DistractorRule,
    embedder: TextEmbedder,
  ):
    """Compares the answers.

    Args:
      answers: all of them.
      videos: of each answer; what happens in the same video is no wrong
        option, since it may be seen there.
      rule: which may be taken.
      embedder: compares texts.

    Raises:
      ValueError: the embedder gives no finite vector for each text.
    """
    self._answers, self._videos, self._rule = answers, videos, rule
    vectors = np.asarray(embedder.embed_texts(answers), np.float32)
    if vectors.shape[:1] != (len(answers),) or not np.isfinite(vectors).all():
      raise ValueError(f'{embedder.name} gives no finite vector for each text')
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    self._vectors = vectors / np.where(lengths, lengths, 1)

  def of(self, place: int, rng: random.Random) -> list[str] | None:
    """Wrong options of an answer; None where there are not enough.

    Args:
      place: of the answer among all.
      rng: draws them.
    """
    likeness = self._vectors @ self._vectors[place]
    taken = {plain(self._answers[place])}
    near: list[str] = []
    # A stable sort, so that equals come in the order of the file.
    for i in np.argsort(-likeness, kind='stable'):
      answer = self._answers[i]
      if (
        self._videos[i] == self._videos[place]
        or likeness[i] > self._rule.max_likeness
        or plain(answer) in taken
      ):
        continue
      taken.add(plain(answer))
      near.append(answer)
      if len(near) == self._rule.nearest:
        break
    if len(near) < self._rule.count:
      return None
    return rng.sample(near, self._rule.count)


def plain(text: str) -> str:
  """Its words in lower case: what makes two options the same."""
  return ' '.join(_WORD.findall(text.lower()))
