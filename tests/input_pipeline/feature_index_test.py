"""An index of features reads as it was written, or not at all."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline import feature_index, record_file
from input_pipeline.feature_index import (
  FORMAT,
  BadIndex,
  IndexHeader,
  Made,
  open_index,
  read_index,
  source_of,
  source_sha256,
)
from input_pipeline.feature_writer import FeatureWriter
from vtg_jax.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]
MADE = Made(model='small', fingerprint='ab12', resize='pil', fps=2.0)
N, D, CHUNK = 23, 5, 4
TIMES_S = np.arange(N) / 2 + 0.125
FEATURES = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)


@pytest.fixture
def video(tmp_path):
  path = tmp_path / 'a.mp4'
  path.write_bytes(b'a video' * 1000)
  return path


def header_of(video, **made):
  return IndexHeader(
    source=source_of(video),
    made=dataclasses.replace(MADE, **made),
    duration_s=11.5,
    n_rows=N,
    width=D,
  )


def append(writer, n_chunks=None):
  """Writes chunks from where the writer is: so many, or all."""
  starts = list(range(writer.n_rows, N, CHUNK))[:n_chunks]
  for start in starts:
    rows = slice(start, start + CHUNK)
    writer.append(TIMES_S[rows], FEATURES[rows])


def write(video, **made):
  """The index of the video, whole."""
  path = feature_index.index_path(video)
  with FeatureWriter(path, header_of(video, **made)) as writer:
    append(writer)
    writer.finish(video)
  return path


def assert_whole(index, dtype=np.float32):
  np.testing.assert_array_equal(index.features, FEATURES.astype(dtype))
  np.testing.assert_array_equal(index.times_s, TIMES_S)
  assert index.features.dtype == dtype


@pytest.mark.parametrize('dtype', ['float32', 'float16'])
def test_an_index_reads_as_it_was_written(video, dtype):
  path = write(video, dtype=dtype)
  assert path.name == 'a.mp4.features'
  index = open_index(video, fingerprint='ab12', fps=2.0)
  assert_whole(index, dtype)
  assert index.header == header_of(video, dtype=dtype)
  assert (index.fps, index.duration_s) == (2.0, 11.5)
  assert index.source_sha256 == source_sha256(video)
  assert [p.name for p in video.parent.iterdir()] == ['a.mp4', path.name]


def test_what_a_stopped_run_wrote_is_kept(video):
  whole = write(video).read_bytes()
  path = feature_index.index_path(video)
  path.unlink()
  with pytest.raises(KeyboardInterrupt):
    with FeatureWriter(path, header_of(video)) as writer:
      append(writer, 3)
      raise KeyboardInterrupt
  with pytest.raises(BadIndex, match='indexed only in part; run vtg index'):
    open_index(video)
  with FeatureWriter(path, header_of(video)) as writer:
    assert writer.n_rows == 3 * CHUNK
    append(writer)
    writer.finish(video)
  assert path.read_bytes() == whole


@pytest.mark.parametrize('other', [{'fps': 3.0}, {'fingerprint': 'cd'}])
def test_a_part_of_something_else_is_thrown_away(video, other):
  path = feature_index.index_path(video)
  with FeatureWriter(path, header_of(video, **other)) as writer:
    append(writer, 3)
  with FeatureWriter(path, header_of(video)) as writer:
    assert writer.n_rows == 0
    append(writer)
    writer.finish(video)
  assert_whole(read_index(path))


def test_a_run_that_ended_before_the_name_was_given_is_finished(video):
  path = write(video)
  partial = path.with_name(path.name + feature_index.PARTIAL)
  shutil.move(path, partial)
  with FeatureWriter(path, header_of(video)) as writer:
    assert writer.n_rows == N
    writer.finish(video)
  assert_whole(read_index(path))


@pytest.fixture(scope='module')
def written(tmp_path_factory):
  """A whole index and its bytes."""
  video = tmp_path_factory.mktemp('written') / 'a.mp4'
  video.write_bytes(b'a video' * 1000)
  path = write(video)
  return video, path, path.read_bytes()


damages = st.one_of(
  st.tuples(st.just('cut'), st.floats(0, 1, exclude_max=True)),
  st.tuples(
    st.just('flip'), st.floats(0, 1, exclude_max=True), st.integers(0, 7)
  ),
  st.tuples(st.just('add'), st.binary(min_size=1, max_size=80)),
  st.tuples(
    st.just('zero'), st.floats(0, 1, exclude_max=True), st.integers(1, 300)
  ),
)


def damaged(data: bytes, damage) -> bytes:
  kind, *how = damage
  if kind == 'add':
    return data + how[0]
  at = int(how[0] * len(data))
  if kind == 'cut':
    return data[:at]
  changed = bytearray(data)
  if kind == 'flip':
    changed[at] ^= 1 << how[1]
  else:
    changed[at : at + how[1]] = bytes(len(changed[at : at + how[1]]))
  return bytes(changed)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(damages)
def test_a_damaged_index_never_reads_wrong(written, damage):
  _, path, whole = written
  data = damaged(whole, damage)
  hypothesis.assume(data != whole)
  path.write_bytes(data)
  with pytest.raises(BadIndex) as caught:
    read_index(path)
  assert '\n' not in str(caught.value) and ';' in str(caught.value)


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(damages)
def test_a_damaged_part_is_continued_from_what_is_whole(written, damage):
  video, path, whole = written
  partial = path.with_name(path.name + feature_index.PARTIAL)
  partial.write_bytes(damaged(whole, damage))
  with FeatureWriter(path, header_of(video)) as writer:
    assert writer.n_rows in {*range(0, N, CHUNK), N}
    append(writer)
    writer.finish(video)
  assert path.read_bytes() == whole


def test_records_cannot_be_moved(written):
  """Whole records in another order are no index."""
  _, path, whole = written
  path.write_bytes(whole)
  with open(path, 'rb') as file:
    records = [*record_file.whole_records(file, FORMAT, len(whole))]
  ends = [len(FORMAT.prefix), *(record.end for record in records)]
  parts = [whole[a:b] for a, b in zip(ends, ends[1:], strict=False)]
  assert len(parts) == 1 + 6 + 1
  for order in ([0, 2, 1, *range(3, 8)], [0, *range(2, 8)], [0, 1, 1, 7]):
    path.write_bytes(FORMAT.prefix + b''.join(parts[i] for i in order))
    with pytest.raises(BadIndex, match='damaged'):
      read_index(path)


@pytest.mark.parametrize(
  ('data', 'said', 'replaceable'),
  [
    (b'', 'is no index of features', False),
    (b'some notes of mine', 'is no index of features', False),
    (FORMAT.magic + b'\2\0\0\0 later', 'has format 2 and this version', False),
    (FORMAT.prefix, 'cut short or damaged', True),
  ],
)
def test_other_files_are_told_apart(tmp_path, data, said, replaceable):
  path = tmp_path / 'a.features'
  path.write_bytes(data)
  with pytest.raises(BadIndex, match=said) as caught:
    read_index(path)
  assert caught.value.replaceable == replaceable


def test_a_later_header_that_says_more_is_read():
  header = IndexHeader(
    source=feature_index.Source(name='a', n_bytes=1, mtime_ns=2),
    made=MADE,
    duration_s=1.0,
    n_rows=1,
    width=1,
  )
  more = header.to_json()[:-1] + b', "colour": "red"}'
  assert IndexHeader.from_json(more) == header
  for wrong in (b'[]', b'{}', header.to_json().replace(b'"pil"', b'3')):
    with pytest.raises((ValueError, TypeError, KeyError)):
      IndexHeader.from_json(wrong)


def test_a_video_that_changed_is_noticed(video):
  index = read_index(write(video))
  os.utime(video, ns=(1, 1))  # a copy: the same bytes at another time
  feature_index.check_source(index, video)
  video.write_bytes(b'b video' * 1000)
  with pytest.raises(BadIndex, match='before it changed; run vtg index'):
    open_index(video)
  video.write_bytes(b'shorter')
  with pytest.raises(BadIndex, match='before it changed') as caught:
    open_index(video)
  assert caught.value.replaceable


def test_an_index_of_another_model_or_rate_is_told(video):
  write(video)
  with pytest.raises(BadIndex, match=r'another model \(small\)') as caught:
    open_index(video, fingerprint='other')
  assert not caught.value.replaceable
  with pytest.raises(BadIndex, match=r'fps 2\.0, not 5\.0'):
    open_index(video, fps=5.0)


def test_a_video_without_an_index_is_told(video, tmp_path):
  with pytest.raises(BadIndex, match='is not indexed; run vtg index'):
    open_index(video)
  with pytest.raises(BadInput, match='holds no index'):
    feature_index.find_indexes(tmp_path)
  (tmp_path / 'b').mkdir()
  path = write(video)
  shutil.copy(path, tmp_path / 'b' / 'b.mp4.features')
  assert len(feature_index.find_indexes(tmp_path)) == 2


def test_one_run_at_a_time_writes(video):
  path = feature_index.index_path(video)
  with FeatureWriter(path, header_of(video)):
    with pytest.raises(BadInput, match='another run is writing'):
      FeatureWriter(path, header_of(video))
  FeatureWriter(path, header_of(video)).close()


def test_a_video_that_changes_meanwhile_gets_no_index(video):
  path = feature_index.index_path(video)
  with FeatureWriter(path, header_of(video)) as writer:
    append(writer)
    video.write_bytes(b'c')
    with pytest.raises(BadInput, match='changed while it was indexed'):
      writer.finish(video)
  assert not path.exists()


def test_features_that_are_no_numbers_are_refused(video):
  path = feature_index.index_path(video)
  with FeatureWriter(path, header_of(video, dtype='float16')) as writer:
    with pytest.raises(BadInput, match='no float16 numbers'):
      writer.append(TIMES_S[:1], np.full((1, D), 1e6, np.float32))
    assert writer.n_rows == 0


def test_a_folder_that_cannot_be_written_is_told(video, tmp_path):
  (tmp_path / 'file').write_text('')
  path = tmp_path / 'file' / 'a.mp4.features'
  with pytest.raises(BadInput, match='name a folder for indexes with --out'):
    FeatureWriter(path, header_of(video))


# Writes the index of a video, and says so after each chunk.
SLOW_RUN = """
import resource, sys
from tests.input_pipeline import feature_index_test as test
if len(sys.argv) > 2:
  resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
path = test.feature_index.index_path(sys.argv[1])
with test.FeatureWriter(path, test.header_of(sys.argv[1])) as writer:
  print(writer.n_rows, flush=True)
  while writer.n_rows < test.N:
    test.append(writer, 1)
    print(writer.n_rows, flush=True)
    sys.stdin.readline()
  writer.finish(sys.argv[1])
"""


def run(video, *arguments):
  return subprocess.Popen(
    [sys.executable, '-c', SLOW_RUN, str(video), *arguments],
    cwd=ROOT,
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def test_a_run_killed_again_and_again_ends_as_the_whole_one(video):
  path = write(video)
  whole = path.read_bytes()
  path.unlink()
  for n_before, n_chunks in ((0, 2), (8, 1)):
    with run(video) as process:
      assert int(process.stdout.readline()) == n_before
      for _ in range(n_chunks):
        process.stdout.readline()
        process.stdin.write('\n')
        process.stdin.flush()
      process.kill()
    assert not path.exists()
  with FeatureWriter(path, header_of(video)) as writer:
    assert writer.n_rows >= 12  # nothing that was told to be written is lost
    append(writer)
    writer.finish(video)
  assert path.read_bytes() == whole


def test_a_full_disk_is_told_and_what_is_done_is_kept(video):
  with run(video, '900') as process:
    _, said = process.communicate('\n' * N)
  assert process.returncode == 1
  assert 'the disk is full); free some space and run it again to go on' in said
  path = feature_index.index_path(video)
  assert not path.exists()
  with FeatureWriter(path, header_of(video)) as writer:
    assert 0 < writer.n_rows < N
    append(writer)
    writer.finish(video)
  assert_whole(read_index(path))
