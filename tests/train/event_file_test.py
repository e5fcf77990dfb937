import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.train import event_file
from vtg_jax.train.event_file import EventFile


def varint(data, at):
  value = shift = 0
  while True:
    byte = data[at]
    value |= (byte & 0x7F) << shift
    shift, at = shift + 7, at + 1
    if byte < 0x80:
      return value, at


def fields(data):
  """(number, value) of every field of a protocol buffer."""
  at = 0
  while at < len(data):
    key, at = varint(data, at)
    if key & 7 == 0:
      value, at = varint(data, at)
    elif key & 7 == 2:
      size, at = varint(data, at)
      value, at = data[at : at + size], at + size
    else:
      kind = {1: '<d', 5: '<f'}[key & 7]
      (value,) = struct.unpack_from(kind, data, at)
      at += struct.calcsize(kind)
    yield key >> 3, value


def events(path):
  """The fields of every event of a file, checksums compared."""
  data = path.read_bytes()
  at, found = 0, []
  while at < len(data):
    length, crc = struct.unpack_from('<QI', data, at)
    assert crc == event_file.masked_crc32c(data[at : at + 8])
    body = data[at + 12 : at + 12 + length]
    (crc,) = struct.unpack_from('<I', data, at + 12 + length)
    assert crc == event_file.masked_crc32c(body)
    found.append(dict(fields(body)))
    at += 16 + length
  return found


@pytest.mark.parametrize(
  ('data', 'crc'),
  [
    (b'', 0x00000000),
    (b'123456789', 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b'\xff' * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
  ],
  ids=['empty', 'digits', 'zeros', 'ones', 'rising'],
)
def test_the_checksum_is_castagnolis(data, crc):
  """The values of RFC 3720, appendix B.4."""
  assert event_file.crc32c(data) == crc


def test_scalars_are_read_back(tmp_path):
  file = EventFile(tmp_path / 'new')
  file.write(3, {'loss': 0.5, 'learning rate': 1e-5})
  file.write(2**40, {'loss': math.nan})
  file.close()
  version, start, first, second = events(file.path)
  assert version[3] == b'brain.Event:2'
  assert dict(fields(start[7])) == {1: 1} and start[2] == 0
  assert first[2] == 3 and second[2] == 2**40
  values = [dict(fields(value)) for _, value in fields(first[5])]
  assert [v[1] for v in values] == [b'loss', b'learning rate']
  assert [v[2] for v in values] == [0.5, pytest.approx(1e-5)]
  (value,) = (dict(fields(value)) for _, value in fields(second[5]))
  assert math.isnan(value[2])


def test_every_process_writes_a_file_of_its_own(tmp_path):
  first, second = EventFile(tmp_path), EventFile(tmp_path)
  assert first.path != second.path
  first.close()
  second.close()


@given(st.integers(0, 2**63 - 1))
def test_a_varint_is_read_back(value):
  data = event_file._varint(value)
  assert varint(data, 0) == (value, len(data))


def test_tensorboard_reads_it_and_drops_what_was_repeated(tmp_path):
  accumulators = pytest.importorskip(
    'tensorboard.backend.event_processing.event_accumulator',
    reason='tensorboard, the oracle, is not installed',
  )
  killed = EventFile(tmp_path)
  for step in (1, 2, 3):
    killed.write(step, {'loss': float(step)})
  killed.close()
  resumed = EventFile(tmp_path, first_step=2)
  resumed.write(2, {'loss': 20.0})
  resumed.close()
  read = accumulators.EventAccumulator(str(tmp_path)).Reload()
  assert [(e.step, e.value) for e in read.Scalars('loss')] == [
    (1, 1.0), (2, 20.0)
  ]  # fmt: skip
