"""A JSON list that is longer than one wants to hold in memory.

[{"a": 1}, {"a": 2}, ...]
 ^       ^ where each item lies is remembered: 16 bytes an item
"""

import json
import mmap
import os
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from vtg_jax.errors import BadInput

# What is read at once, and the longest item that there may be.
CHUNK_BYTES, MAX_ITEM_BYTES = 2**20, 2**26
_BLANK = ' \t\n\r'


class JsonList(Sequence):
  """The items of a file that holds a JSON list, read when asked for.

  Processes that hold the same file share its pages in memory. What is sent to
  another process is the file's name and where its items lie.

  Attributes:
    path: of the file, which must not change while it is in use.
  """

  def __init__(self, path: str | os.PathLike, *, chunk: int = CHUNK_BYTES):
    """Reads the file once, and keeps where its items lie.

    Args:
      path: of the file.
      chunk: bytes that are read at once.

    Raises:
      BadInput: it cannot be read, or is no JSON list.
    """
    self.path = os.fspath(path)
    self._bytes: mmap.mmap | None = None
    spans = array('q')
    for start, end in _item_spans(self.path, chunk):
      spans.extend((start, end))
    self._spans = np.array(spans, np.int64).reshape(-1, 2)
    self._stamp = _stamp(self.path)

  def __len__(self) -> int:
    return len(self._spans)

  def __getitem__(self, index: int) -> Any:
    """Item `index`.

    Raises:
      BadInput: it is not UTF-8, or the file changed since it was read.
    """
    if not 0 <= index < len(self):
      raise IndexError(index)
    start, end = self._spans[index]
    try:
      return json.loads(self._content()[start:end].decode())
    except ValueError as error:
      raise BadInput(
        f'{self.path}, item {index} is not JSON ({error}); mend it'
      ) from error

  def __getstate__(self) -> dict[str, Any]:
    return {**self.__dict__, '_bytes': None}

  def _content(self) -> mmap.mmap:
    if self._bytes is None:
      if _stamp(self.path) != self._stamp:
        raise BadInput(f'{self.path} changed while it was in use; start anew')
      with open(self.path, 'rb') as file:
        self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return self._bytes


def _stamp(path: str) -> tuple[int, int]:
  about = os.stat(path)
  return about.st_size, about.st_mtime_ns


def _item_spans(path: str, chunk: int) -> Iterator[tuple[int, int]]:
  """Yields where each item of the list starts and ends, in bytes."""
  try:
    with open(path, 'rb', buffering=0) as file:
      yield from _spans(_Window(file, chunk))
  except OSError as error:
    raise BadInput(
      f'{path} cannot be read ({error.strerror}); check its name'
    ) from error
  except ValueError as error:
    raise BadInput(f'{path} is no JSON list: {error}; mend it') from error


def _spans(window: '_Window') -> Iterator[tuple[int, int]]:
  window.expect('[')
  if window.peek() == ']':
    window.expect(']')
  else:
    while True:
      yield window.skip_value()
      if window.peek() == ']':
        window.expect(']')
        break
      window.expect(',')
  if window.peek():
    raise ValueError(f'more follows its end at byte {window.place}')


class _Window:
  """A part of a file that moves on; one character a byte.

  All that JSON's grammar knows is ASCII, so bytes of longer characters, which
  only stand in texts, may pass for characters of their own.
  """

  def __init__(self, file, chunk: int):
    self._file, self._chunk = file, chunk
    self._text, self._at, self._before = '', 0, 0
    self._decoder = json.JSONDecoder()

  @property
  def place(self) -> int:
    """Bytes of the file up to here."""
    return self._before + self._at

  def peek(self) -> str:
    """The next character that is not blank; '' at the end."""
    while True:
      while self._at < len(self._text) and self._text[self._at] in _BLANK:
        self._at += 1
      if self._at < len(self._text):
        return self._text[self._at]
      if not self._more(self._chunk):
        return ''

  def expect(self, character: str) -> None:
    """Goes past a character; raises ValueError if another one follows."""
    if self.peek() != character:
      raise ValueError(f'byte {self.place} is no {character!r}')
    self._at += 1

  def skip_value(self) -> tuple[int, int]:
    """Goes past a value, and returns where it lies."""
    self.peek()
    start, size = self.place, self._chunk
    while True:
      try:
        _, end = self._decoder.raw_decode(self._text, self._at)
      except ValueError as error:
        left = len(self._text) - self._at
        if left <= MAX_ITEM_BYTES and self._more(size):
          size *= 2  # so that a long item is not tried over and over
          continue
        raise ValueError(
          f'the item at byte {start} cannot be read ({error.args[0]})'
        ) from error
      except RecursionError as error:
        raise ValueError(f'the item at byte {start} is nested') from error
      self._at = end
      return start, self.place

  def _more(self, size: int) -> bool:
    """Reads on, and forgets what lies behind; False at the end."""
    read = self._file.read(size)
    self._before += self._at
    self._text = self._text[self._at :] + read.decode('latin-1')
    self._at = 0
    return bool(read)
