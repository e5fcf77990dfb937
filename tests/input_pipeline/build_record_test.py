import functools
import json

import pytest

from input_pipeline.build_record import Record as AnyRecord
from vtg_jax.errors import BadInput

Record = functools.partial(AnyRecord, kind='walls 1')
MADE_WITH = {'cuts.threshold': 27.0, 'cuts.weights': (1.0, 1.0, 1.0)}


@pytest.fixture
def path(tmp_path):
  return tmp_path / 'a.videos.jsonl'


def test_what_was_written_is_there_again(path):
  record = Record(path, MADE_WITH)
  assert record.read('a.mp4') is None
  record.append({'video': 'a.mp4', 'scenes': [[0.0, 1.5]]})
  record.append({'video': 'b.mp4', 'scenes': []})
  for one in (record, Record(path, MADE_WITH)):
    assert one.read('a.mp4') == {'video': 'a.mp4', 'scenes': [[0.0, 1.5]]}
    assert one.read('b.mp4')['scenes'] == []


def test_the_last_line_of_a_video_holds(path):
  record = Record(path, MADE_WITH)
  for scenes in (1, 2):
    record.append({'video': 'a.mp4', 'scenes': scenes})
  assert record.read('a.mp4')['scenes'] == 2
  assert Record(path, MADE_WITH).read('a.mp4')['scenes'] == 2


def test_wherever_a_write_was_cut_off_whole_lines_stay(path):
  record = Record(path, MADE_WITH)
  for name in ('a', 'b'):
    record.append({'video': f'{name}.mp4', 'scenes': [[0.0, 1.0]]})
  content = path.read_bytes()
  ends = [i + 1 for i, byte in enumerate(content) if byte == ord('\n')]
  for n_bytes in range(len(content)):
    path.write_bytes(content[:n_bytes])
    record = Record(path, MADE_WITH)
    for name, end in zip(('a.mp4', 'b.mp4'), ends[1:], strict=True):
      assert (record.read(name) is not None) == (end <= n_bytes)
    record.append({'video': 'c.mp4'})
    assert Record(path, MADE_WITH).read('c.mp4') == {'video': 'c.mp4'}


def test_other_thresholds_do_not_go_on(path):
  Record(path, MADE_WITH)
  with pytest.raises(BadInput, match=r'cuts.threshold=27.0, not 30.0: use'):
    Record(path, {**MADE_WITH, 'cuts.threshold': 30.0})


@pytest.mark.parametrize(
  'text', ['my notes', 'my notes\n', '{"a": 1}\n', '[]\n']
)
def test_a_file_of_something_else_is_left_alone(path, text):
  path.write_text(text)
  with pytest.raises(BadInput, match='is no record of such a run'):
    Record(path, MADE_WITH)
  assert path.read_text() == text


@pytest.mark.parametrize('line', ['{"video": ', '[1]', '{"scenes": []}'])
def test_a_damaged_line_in_between_is_named(path, line):
  Record(path, MADE_WITH)
  with path.open('a') as file:
    file.write(line + '\n' + json.dumps({'video': 'a.mp4'}) + '\n')
  with pytest.raises(BadInput, match='line 2 of .* remove that line'):
    Record(path, MADE_WITH)
