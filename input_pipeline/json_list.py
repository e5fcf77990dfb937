"""JSON that is longer than one wants to hold in memory, read item by item.

JsonList    [{"a": 1}, {"a": 2}, ...]
JsonObject  {"one": {"a": 1}, "two": {"a": 2}, ...}
JsonLines   {"a": 1}
            {"a": 2}
            ^      ^ where each item lies is remembered: 16 bytes an item
"""

import io
import json
import mmap
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from vtg_jax.errors import BadInput

# What is read at once, and the longest item that there may be.
CHUNK_BYTES, MAX_ITEM_BYTES = 2**20, 2**26
_BLANK = ' \t\n\r'


class JsonEntries(Sequence):
  """Items of a file of JSON, read when asked for.

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
      BadInput: it cannot be read, or is not of the form.
    """
    self.path = os.fspath(path)
    self._bytes: mmap.mmap | None = None
    spans = array('q')
    for span in self._found(chunk):
      spans.extend(span)
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
    return self._read(index, index)

  def _read(self, index: int, row: int) -> Any:
    start, end = self._spans[row]
    try:
      return json.loads(self._content()[start:end].decode())
    except (ValueError, RecursionError) as error:
      raise BadInput(
        f'{self.path}, item {index} is not JSON ({error}); mend it'
      ) from error

  def _found(self, chunk: int) -> Iterator[tuple[int, int]]:
    raise NotImplementedError

  def __getstate__(self) -> dict[str, Any]:
    return {**self.__dict__, '_bytes': None}

  def _content(self) -> mmap.mmap:
    if self._bytes is None:
      if _stamp(self.path) != self._stamp:
        raise BadInput(f'{self.path} changed while it was in use; start anew')
      with open(self.path, 'rb') as file:
        self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return self._bytes


class JsonList(JsonEntries):
  """The items of a file that holds a JSON list."""

  def _found(self, chunk):
    return _item_spans(self.path, chunk, _spans_of_list, 'list')


class JsonObject(JsonEntries):
  """The items of a file that holds a JSON object, as pairs (key, value)."""

  def __len__(self) -> int:
    return len(self._spans) // 2

  def __getitem__(self, index: int) -> tuple[str, Any]:
    """Key and value number `index`.

    Raises:
      BadInput: it is not UTF-8, or the file changed since it was read.
    """
    if not 0 <= index < len(self):
      raise IndexError(index)
    return self._read(index, 2 * index), self._read(index, 2 * index + 1)

  def _found(self, chunk):
    return _item_spans(self.path, chunk, _spans_of_object, 'object')


class JsonLines(JsonEntries):
  """The items of a file with one on each line; empty lines are none."""

  def _found(self, chunk):
    return _item_spans(self.path, chunk, _spans_of_lines, 'text')


def _stamp(path: str) -> tuple[int, int]:
  about = os.stat(path)
  return about.st_size, about.st_mtime_ns


def _item_spans(
  path: str, chunk: int, find: Callable, form: str
) -> Iterator[tuple[int, int]]:
  """Yields where each item lies in the file, in bytes."""
  try:
    with open(path, 'rb', buffering=0) as file:
      yield from find(file, chunk)
  except OSError as error:
    raise BadInput(
      f'{path} cannot be read ({error.strerror}); check its name'
    ) from error
  except ValueError as error:
    raise BadInput(f'{path} is no JSON {form}: {error}; mend it') from error


def _spans_of_list(file, chunk: int) -> Iterator[tuple[int, int]]:
  window = _Window(file, chunk)
  for _ in window.between('[', ']'):
    yield window.skip_value()


def _spans_of_object(file, chunk: int) -> Iterator[tuple[int, int]]:
  """Yields where each key lies, and after it where its value does."""
  window = _Window(file, chunk)
  for _ in window.between('{', '}'):
    if window.peek() != '"':
      raise ValueError(f'byte {window.place} begins no key')
    yield window.skip_value()
    window.expect(':')
    yield window.skip_value()


def _spans_of_lines(file, chunk: int) -> Iterator[tuple[int, int]]:
  place, reader = 0, io.BufferedReader(file, chunk)
  while line := reader.readline(MAX_ITEM_BYTES + 1):
    if len(line) > MAX_ITEM_BYTES:
      raise ValueError(f'the line at byte {place} is too long')
    if line.strip():
      yield place, place + len(line)
    place += len(line)


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

  def between(self, opening: str, closing: str) -> Iterator[None]:
    """Yields before each of the items between two characters.

    Nothing may follow them in the file.
    """
    self.expect(opening)
    if self.peek() == closing:
      self.expect(closing)
    else:
      while True:
        yield
        if self.peek() == closing:
          self.expect(closing)
          break
        self.expect(',')
    if self.peek():
      raise ValueError(f'more follows its end at byte {self.place}')

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
      # A number may go on where the window ends.
      if end == len(self._text) and self._text[-1] not in '"]}':
        if self._more(size):
          continue
        end = len(self._text)
      self._at = end
      return start, self.place

  def _more(self, size: int) -> bool:
    """Reads on, and forgets what lies behind; False at the end."""
    read = self._file.read(size)
    self._before += self._at
    self._text = self._text[self._at :] + read.decode('latin-1')
    self._at = 0
    return bool(read)
