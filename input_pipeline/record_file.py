"""A file of records that only grows, in which every byte is checked.

    magic (12 bytes), version (4)
    kind (4), payload's length (8), payload, SHA-256 (32)     again and again

A record's checksum covers the record and, through the checksum before it, all
that precedes it: a record that is missing, moved or of another file is found
as surely as a flipped bit. Numbers are little-endian.
"""

import dataclasses
import hashlib
import struct
from collections.abc import Iterator
from typing import BinaryIO

_HEAD = struct.Struct('<4sQ')
_VERSION = struct.Struct('<I')
_DIGEST_BYTES = hashlib.sha256().digest_size


class NotThisFormat(Exception):
  """A file does not begin as it should.

  Attributes:
    version: of the format, where it is another one; None where the file is
      something else.
  """

  def __init__(self, version: int | None):
    super().__init__(version)
    self.version = version


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
  """What a file begins with.

  Attributes:
    magic: 12 bytes.
    version: of what the records hold.
  """

  magic: bytes
  version: int

  @property
  def prefix(self) -> bytes:
    return self.magic + _VERSION.pack(self.version)

  def check(self, file: BinaryIO) -> None:
    """Reads the prefix of a file.

    Raises:
      NotThisFormat: it has another one, or is too short to have any.
    """
    found = _read(file, len(self.prefix))
    if len(found) < len(self.prefix) or not found.startswith(self.magic):
      raise NotThisFormat(None)
    (version,) = _VERSION.unpack(found[len(self.magic) :])
    if version != self.version:
      raise NotThisFormat(version)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
  """One record.

  Attributes:
    kind: 4 letters.
    payload: what it holds.
    chain: its checksum, which that of the next one begins with.
    end: where it ends in the file.
  """

  kind: bytes
  payload: bytes
  chain: bytes
  end: int


def first_chain(form: Format) -> bytes:
  """What the checksum of the first record begins with."""
  return hashlib.sha256(form.prefix).digest()


def encode(kind: bytes, payload: bytes, chain: bytes) -> tuple[bytes, bytes]:
  """The bytes of a record, and its checksum.

  Args:
    kind: 4 letters.
    payload: what it holds.
    chain: checksum of the record before.
  """
  head = _HEAD.pack(kind, len(payload))
  digest = hashlib.sha256(chain + head)
  digest.update(payload)
  return head + payload + digest.digest(), digest.digest()


def whole_records(
  file: BinaryIO, form: Format, n_bytes: int
) -> Iterator[Record]:
  """The records of a file from its start to the first that is not whole.

  Args:
    file: at its start.
    form: of the file.
    n_bytes: size of the file.

  Raises:
    NotThisFormat: see `Format.check`.
  """
  form.check(file)
  chain, end = first_chain(form), len(form.prefix)
  while end + _HEAD.size + _DIGEST_BYTES <= n_bytes:
    head = _read(file, _HEAD.size)
    if len(head) < _HEAD.size:
      return
    kind, length = _HEAD.unpack(head)
    end += _HEAD.size + length + _DIGEST_BYTES
    if end > n_bytes:
      return
    payload = _read(file, length)
    digest = hashlib.sha256(chain + head)
    digest.update(payload)
    if digest.digest() != _read(file, _DIGEST_BYTES):
      return
    chain = digest.digest()
    yield Record(kind=kind, payload=payload, chain=chain, end=end)


def _read(file: BinaryIO, n_bytes: int) -> bytes:
  """So many bytes, or all there are: an unbuffered file may give fewer."""
  parts = []
  while n_bytes:
    part = file.read(n_bytes)
    if not part:
      break
    parts.append(part)
    n_bytes -= len(part)
  return b''.join(parts)
