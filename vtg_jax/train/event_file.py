"""Event files that TensorBoard reads, written without TensorFlow.

An event file is a row of TFRecords, each an `Event` protocol buffer:

  record = length (uint64) crc(length) (uint32) data crc(data) (uint32)
  Event: 1 wall_time double, 2 step int64, 3 file_version string,
         5 summary Summary, 7 session_log SessionLog
  Summary: 1 repeated Value;  Value: 1 tag string, 2 simple_value float
  SessionLog: 1 status enum (1 = START)

Source: tensorflow/core/util/event.proto, framework/summary.proto and
lib/io/record_writer.cc.
"""

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

VERSION = b'brain.Event:2'
START = 1
VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5  # wire types
CASTAGNOLI = 0x82F63B78  # reflected


class EventFile:
  """Scalars in a new event file of a folder.

  TensorBoard reads all files of a folder as one run. The first event says
  from which step on this file holds, so that what an interrupted run wrote
  beyond its last checkpoint is dropped.

  Args:
    folder: where the file is made.
    first_step: the first step that this file will hold.
  """

  def __init__(self, folder: Path | str, *, first_step: int = 0):
    Path(folder).mkdir(parents=True, exist_ok=True)
    now = time.time()
    name = f'events.out.tfevents.{now:.6f}.{socket.gethostname()}.{os.getpid()}'
    self.path = Path(folder) / name
    self._file = self.path.open('xb')
    self._write(_field(3, BYTES, VERSION))
    status = _field(1, VARINT, START)
    self._write(_field(2, VARINT, first_step) + _field(7, BYTES, status))
    self._file.flush()

  def write(self, step: int, values: Mapping[str, float]) -> None:
    """Appends the scalars of one step; the file is whole after each call."""
    summary = b''.join(
      _field(
        1,
        BYTES,
        _field(1, BYTES, tag.encode()) + _field(2, FLOAT, float(value)),
      )
      for tag, value in values.items()
    )
    self._write(_field(2, VARINT, step) + _field(5, BYTES, summary))
    self._file.flush()

  def close(self) -> None:
    self._file.close()

  def _write(self, event: bytes) -> None:
    self._file.write(record(_field(1, DOUBLE, time.time()) + event))


def record(data: bytes) -> bytes:
  """Returns `data` as one TFRecord."""
  length = struct.pack('<Q', len(data))
  return b''.join(
    (
      length,
      struct.pack('<I', masked_crc32c(length)),
      data,
      struct.pack('<I', masked_crc32c(data)),
    )
  )


def masked_crc32c(data: bytes) -> int:
  """Returns TFRecord's checksum: CRC-32C, rotated and shifted by a constant.

  crc32c(b'123456789') is 0xe3069283.
  """
  crc = crc32c(data)
  return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
  """Returns the CRC-32 with Castagnoli's polynomial (RFC 3720)."""
  crc = 0xFFFFFFFF
  for byte in data:
    crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
  return crc ^ 0xFFFFFFFF


def _table_entry(byte: int) -> int:
  for _ in range(8):
    byte = (byte >> 1) ^ (CASTAGNOLI if byte & 1 else 0)
  return byte


_TABLE = tuple(_table_entry(byte) for byte in range(256))


def _field(number: int, wire: int, value: int | float | bytes) -> bytes:
  """Returns one field of a protocol buffer."""
  key = _varint(number << 3 | wire)
  if wire == VARINT:
    return key + _varint(value)
  if wire == BYTES:
    return key + _varint(len(value)) + value
  return key + struct.pack({DOUBLE: '<d', FLOAT: '<f'}[wire], value)


def _varint(value: int) -> bytes:
  """300 -> ac 02: seven bits a byte, the low ones first."""
  out = bytearray()
  while value > 0x7F:
    out.append(value & 0x7F | 0x80)
    value >>= 7
  out.append(value)
  return bytes(out)
