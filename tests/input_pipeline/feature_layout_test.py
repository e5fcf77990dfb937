"""What stands in an index is checked, whoever has written its checksums."""

import numpy as np
import pytest

from input_pipeline import record_file
from input_pipeline.feature_index import BadIndex, read_index
from input_pipeline.feature_layout import (
  FORMAT,
  IndexHeader,
  Made,
  Source,
  rows_payload,
)

HEADER = IndexHeader(
  source=Source(name='a.mp4', n_bytes=1, mtime_ns=1),
  made=Made(model='small', fingerprint='ab12', resize='pil', fps=2.0),
  duration_s=0.5,
  n_rows=1,
  width=5,
)
TIMES_S, FEATURES = np.zeros(1), np.ones((1, 5), np.float32)


def crafted(path, **payloads):
  """Writes an index with right checksums, of whatever is given."""
  usual = {
    'HEAD': HEADER.to_json(),
    'ROWS': rows_payload(0, TIMES_S, FEATURES, HEADER),
    'DONE': b'{"n_rows": 1, "sha256": "0"}',
  }
  data, chain = FORMAT.prefix, record_file.first_chain(FORMAT)
  for kind, payload in (usual | payloads).items():
    record, chain = record_file.encode(kind.encode(), payload, chain)
    data += record
  path.write_bytes(data)
  return path


@pytest.mark.parametrize(
  ('entry', 'value'),
  [
    (b'"duration_s": 0.5', b'"duration_s": NaN'),
    (b'"duration_s": 0.5', b'"duration_s": -1.0'),
    (b'"duration_s": 0.5', b'"duration_s": ' + b'9' * 400),
    (b'"dtype": "float32"', b'"dtype": "object"'),
    (b'"fps": 2.0', b'"fps": ' + b'9' * 400),
    (b'"n_rows": 1', b'"n_rows": 1' + b'0' * 18),
    (b'{', b'[' * 100_000),
  ],
)
def test_a_header_that_cannot_be_is_told(tmp_path, entry, value):
  header, path = HEADER.to_json(), tmp_path / 'a.features'
  assert entry in header and len(read_index(crafted(path)).features) == 1
  crafted(path, HEAD=header.replace(entry, value, 1))
  with pytest.raises(BadIndex, match='cut short or damaged'):
    read_index(path)


@pytest.mark.parametrize(
  'payloads',
  [
    {'ROWS': rows_payload(0, TIMES_S + np.nan, FEATURES, HEADER)},
    {'ROWS': rows_payload(0, TIMES_S, FEATURES * np.inf, HEADER)},
    {'DONE': b'[' * 100_000},
  ],
)
def test_rows_and_ends_that_cannot_be_are_told(tmp_path, payloads):
  with pytest.raises(BadIndex, match='cut short or damaged'):
    read_index(crafted(tmp_path / 'a.features', **payloads))
