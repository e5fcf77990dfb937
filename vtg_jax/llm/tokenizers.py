"""The two kinds of tokenizer files the released systems come with."""

import os
import re
from collections.abc import Sequence
from typing import Protocol

import sentencepiece
import tokenizers

from vtg_jax.errors import BadInput
from vtg_jax.llm.unicode_text import check_unicode


class Tokenizer(Protocol):
  """What the systems ask of a tokenizer."""

  bos_id: int
  eos_id: int

  def encode(self, text: str, *, bos: bool = False) -> list[int]: ...

  def decode(self, ids: Sequence[int]) -> str: ...


# Appended to a SentencePiece model, it says: no dummy space in front. Later
# entries of the format add to earlier ones, field by field.
_NO_DUMMY_SPACE = bytes.fromhex('1a021800')


class SentencePieceTokenizer:
  """A LLaMA-family `tokenizer.model`, read by sentencepiece itself.

  Gives the ids of the slow Hugging Face tokenizer in one of its two forms:
  control tokens written in the text count as such, and in the legacy form
  every stretch of text between them starts with SentencePiece's dummy space;
  in the other one, only a text that begins with none of them does.

  Args:
    path: The file.
    legacy: Which form.
    extra_tokens: Control tokens with the ids after the file's.

  Raises:
    BadInput: when the file cannot be read as a SentencePiece model.
  """

  def __init__(
    self,
    path: str | os.PathLike,
    *,
    legacy: bool = True,
    extra_tokens: Sequence[str] = (),
  ):
    try:
      with open(path, 'rb') as file:
        proto = file.read()
      if not proto:  # the library would take it for no model at all
        raise RuntimeError('the file is empty')
      self._model = sentencepiece.SentencePieceProcessor(model_proto=proto)
      self._legacy, self._inside = legacy, self._model
      if not legacy:  # for text after a control token
        self._inside = sentencepiece.SentencePieceProcessor(
          model_proto=proto + _NO_DUMMY_SPACE
        )
      self.bos_id = self._model.bos_id()
      self.eos_id = self._model.eos_id()
    except RuntimeError as error:
      raise BadInput(
        f'{os.fspath(path)!r} is not a SentencePiece model; give the '
        'tokenizer.model of the language model'
      ) from error
    special = (self.bos_id, self.eos_id, self._model.unk_id())
    self._special = {self._model.id_to_piece(i): i for i in special if i >= 0}
    n_pieces = self._model.get_piece_size()
    self._extra = {n_pieces + i: token for i, token in enumerate(extra_tokens)}
    self._special |= {token: i for i, token in self._extra.items()}
    self._cut = re.compile(f'({"|".join(map(re.escape, self._special))})')

  @property
  def vocab_size(self) -> int:
    """Tokens of the file; the extra ones come after them."""
    return self._model.get_piece_size()

  def encode(self, text: str, *, bos: bool = False) -> list[int]:
    """Ids of a text; the empty text has none (but BOS when asked for).

    Raises:
      BadInput: see `check_unicode`.
    """
    check_unicode(text)
    ids = [self.bos_id] if bos else []
    for i, piece in enumerate(self._cut.split(text)):
      if piece in self._special:
        ids.append(self._special[piece])
      elif piece:
        ids.extend((self._inside if i else self._model).encode(piece))
    return ids

  def encode_continuation(self, before: str, text: str) -> list[int]:
    """Ids of a text that goes on directly after `before`.

    No dummy space is put between them. The tokens of `before` stay as they
    are, as for a model that continues a prompt.
    """
    head = self.encode(before)
    whole = self.encode(before + text)
    if whole[: len(head)] == head:
      return whole[len(head) :]
    # The boundary merged into one token. A line break takes the dummy space
    # and never merges with what follows.
    guard = self.encode('\n')
    return self.encode('\n' + text)[len(guard) :]

  def decode(self, ids: Sequence[int]) -> str:
    """Text of ids; control tokens are written out, not dropped."""
    text, run = '', []
    for position, i in enumerate(ids):
      piece = self._extra.get(int(i)) or self._model.id_to_piece(int(i))
      if piece in self._special:
        after_text = position and not text.endswith(tuple(self._special))
        if run or after_text:
          text += self._decode_run(run, text) + ' ' * self._legacy
        text, run = text + piece, []
      else:
        run.append(int(i))
    return text + self._decode_run(run, text)

  def _decode_run(self, run: list[int], before: str) -> str:
    """Text between control tokens; that in front begins with no space."""
    return (self._inside if before else self._model).decode(run)


class WordPieceTokenizer:
  """An uncased BERT `vocab.txt`, with truncation from the left.

  Args:
    path: One token a line; a token's id is its line number.
    extra_tokens: Special tokens appended after the file's (the Q-Former's
      `[DEC]`), unless the file already has them.

  Raises:
    BadInput: when the file is no such vocabulary.
  """

  def __init__(self, path: str | os.PathLike, extra_tokens: Sequence[str] = ()):
    try:
      with open(path, encoding='utf-8') as file:
        words = file.read().split('\n')
    except UnicodeDecodeError as error:
      raise BadInput(
        f'{os.fspath(path)!r} is not UTF-8 text; give the vocab.txt of '
        'bert-base-uncased'
      ) from error
    if words and not words[-1]:
      words.pop()
    words += [token for token in extra_tokens if token not in words]
    vocab = {word: i for i, word in enumerate(words)}
    missing = [
      t for t in ('[CLS]', '[SEP]', '[PAD]', '[UNK]') if t not in vocab
    ]
    if missing:
      raise BadInput(
        f'{os.fspath(path)!r} lacks {", ".join(missing)}; give the vocab.txt '
        'of bert-base-uncased'
      )
    self._tokenizer = tokenizers.Tokenizer(
      tokenizers.models.WordPiece(
        vocab, unk_token='[UNK]', max_input_chars_per_word=100
      )
    )
    self._tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    self._tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    special = ['[UNK]', '[SEP]', '[PAD]', '[CLS]', '[MASK]', *extra_tokens]
    self._tokenizer.add_special_tokens([s for s in special if s in vocab])
    self.cls_id, self.sep_id = vocab['[CLS]'], vocab['[SEP]']
    self.pad_id, self.unk_id = vocab['[PAD]'], vocab['[UNK]']
    self.vocab_size = len(vocab)

  def encode(self, text: str, *, max_length: int) -> list[int]:
    """`[CLS] text [SEP]`; what is too long loses its first words.

    Args:
      text: May be empty: `[CLS] [SEP]`.
      max_length: Longest result, the two marks included; at least 2.

    Raises:
      BadInput: see `check_unicode`.
    """
    check_unicode(text)
    ids = self._tokenizer.encode(text, add_special_tokens=False).ids
    keep = max_length - 2
    ids = ids[len(ids) - keep :] if len(ids) > keep else ids
    return [self.cls_id, *ids, self.sep_id]
