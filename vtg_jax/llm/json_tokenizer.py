"""Tokenizers that come as a Hugging Face `tokenizer.json`, of any kind."""

import functools
import os
from collections.abc import Sequence

import tokenizers

from vtg_jax.errors import BadInput
from vtg_jax.llm.unicode_text import check_unicode


class JsonTokenizer:
  """A `tokenizer.json`, read by the library that wrote it.

  Attributes:
    bos_ids: What a text begins with, one token or none.
  """

  def __init__(self, path: str | os.PathLike, extra_tokens: Sequence[str] = ()):
    """Reads the file.

    Args:
      path: The file.
      extra_tokens: Words that become tokens of their own, in this order, after
        those of the file. They are no special tokens: a decoded text has them.

    Raises:
      BadInput: when the file cannot be read as a tokenizer.
    """
    try:
      with open(path, encoding='utf-8') as file:
        self._tokenizer = tokenizers.Tokenizer.from_str(file.read())
    except FileNotFoundError:
      raise
    except Exception as error:  # the library raises nothing more exact
      raise BadInput(
        f'{os.fspath(path)!r} is no tokenizer.json ({error}); give that of the '
        'language model'
      ) from error
    self._tokenizer.no_padding()
    self._tokenizer.no_truncation()
    self._tokenizer.add_tokens(list(extra_tokens))
    added = self._tokenizer.get_added_tokens_decoder()
    self._special = {i for i, token in added.items() if token.special}
    self._added = {i: token.content for i, token in added.items()}

  @property
  def vocab_size(self) -> int:
    """Tokens, the extra ones included."""
    return self._tokenizer.get_vocab_size()

  @functools.cached_property
  def bos_ids(self) -> tuple[int, ...]:
    return tuple(self._tokenizer.encode('').ids)

  def token_id(self, token: str) -> int:
    """The id of one token by its text.

    Raises:
      BadInput: there is no such token.
    """
    found = self._tokenizer.token_to_id(token)
    if found is None:
      raise BadInput(f'the tokenizer has no token {token!r}; give another one')
    return found

  def encode(self, text: str, *, bos: bool = False) -> list[int]:
    """Ids of a text, with what texts of this tokenizer begin with if asked.

    Raises:
      BadInput: see `check_unicode`.
    """
    check_unicode(text)
    return self._tokenizer.encode(text, add_special_tokens=bos).ids

  def decode(self, ids: Sequence[int], *, special: bool = False) -> str:
    """The text of some ids, special tokens left out unless asked for.

    Added tokens are written as they are. The library's own `decode` puts back,
    or not, depending on its version, the space that they were matched with.
    """
    tokens = [
      self._added.get(i) or self._tokenizer.id_to_token(i)
      for i in map(int, ids)
      if special or i not in self._special
    ]
    return self._tokenizer.decoder.decode([t for t in tokens if t is not None])
