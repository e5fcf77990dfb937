"""Sentences as CLIP's text encoder reads them."""

import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int32

from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer


def canonical_query(sentence: str) -> str:
  """A query as features of queries were made: one full stop at the end.

  '.A dog..' and ' A dog? ' both give 'A dog.'; but 'A dog. ' gives 'A dog..',
  for full stops are taken away before spaces.

  Source: spec section 2, step 2.
  """
  return sentence.strip('.').strip(' ').strip('?') + '.'


class ClipTokenizer:
  """Start token, words, end token, of at most so many.

  Attributes:
    max_tokens: Longest text that the encoder reads.
    vocab_size: Tokens.
  """

  def __init__(self, path: str | os.PathLike, *, max_tokens: int):
    """Reads a `tokenizer.json`.

    Args:
      path: The file.
      max_tokens: Longest text, start and end tokens included.

    Raises:
      BadInput: it cannot be read, or puts no start and end around a text.
    """
    self._tokenizer = JsonTokenizer(path)
    self.max_tokens = max_tokens
    self.vocab_size = self._tokenizer.vocab_size
    around = self._tokenizer.bos_ids
    if len(around) != 2:
      raise BadInput(
        f'{os.fspath(path)!r} puts {len(around)} tokens around a text, not a '
        "start and an end; give CLIP's tokenizer.json"
      )
    self._end = around[-1]

  def ids(self, sentence: str) -> list[int]:
    """Tokens of a sentence; of a longer one its beginning, and the end token.

    Deviates: CLIP refuses longer texts; the released features of them cannot
      have been made otherwise than from their beginning.
    """
    ids = self._tokenizer.encode(sentence, bos=True)
    if len(ids) > self.max_tokens:
      ids = [*ids[: self.max_tokens - 1], self._end]
    return ids

  def rows(
    self, sentences: Sequence[str]
  ) -> tuple[Int32[np.ndarray, 'B T'], Bool[np.ndarray, 'B T']]:
    """Tokens of some sentences, padded to `max_tokens`, and which are some.

    The padding is the end token, as CLIP's is.
    """
    ids = np.full((len(sentences), self.max_tokens), self._end, np.int32)
    mask = np.zeros(ids.shape, bool)
    for row, sentence in enumerate(sentences):
      tokens = self.ids(sentence)
      ids[row, : len(tokens)] = tokens
      mask[row, : len(tokens)] = True
    return ids, mask
