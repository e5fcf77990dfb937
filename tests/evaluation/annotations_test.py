"""Annotation files of every format, right and wrong."""

import json

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.evaluation import annotations
from vtg_jax.evaluation.items import GroundingItem


@pytest.fixture
def write(tmp_path):
  def written(document):
    path = tmp_path / 'annotations'
    is_text = isinstance(document, str)
    path.write_text(document if is_text else json.dumps(document))
    return path

  return written


def item(video, question, *gold, **more):
  return GroundingItem(video=video, question=question, gold=gold, **more)


def test_charades_sta_lines_become_items(write):
  path = write('AO8RW 0.0 6.9##a person sits.\n\nXY 1.5 2##one.\n')
  assert annotations.grounding_items(path, 'charades_sta') == [
    item('AO8RW.mp4', 'a person sits', (0.0, 6.9)),
    item('XY.mp4', 'one', (1.5, 2.0)),
  ]


def test_activitynet_videos_become_items(write):
  path = write(
    {
      'v_1': {
        'duration': 82.7,
        'timestamps': [[0.8, 19.9], [20, 40]],
        'sentences': ['A woman dances. ', ' She stops.'],
      }
    }
  )
  assert annotations.grounding_items(path, 'activitynet') == [
    item('v_1', 'A woman dances', (0.8, 19.9)),
    item('v_1', 'She stops', (20.0, 40.0)),
  ]


def test_the_papers_lists_take_span_or_answer_once_or_often(write):
  path = write(
    [
      {'video': 'a.mp4', 'question': 'x', 'answer': [1, 2.5]},
      {'video': 'b.mp4', 'question': 'y', 'span': [[1, 2], [4, 5]], 'qid': 7},
    ]
  )
  assert annotations.grounding_items(path, 'json') == [
    item('a.mp4', 'x', (1.0, 2.5)),
    item('b.mp4', 'y', (1.0, 2.0), (4.0, 5.0), qid=7),
  ]


@pytest.mark.parametrize(
  ('kind', 'document', 'message'),
  [
    ('json', '{', 'no JSON'),
    ('json', {'video': 'a'}, 'no JSON list'),
    ('json', [{'video': 'a', 'answer': [0, 1]}], 'item 1'),
    ('json', [{'video': 'a', 'question': 'x'}], 'span'),
    ('json', ['x'], 'item 1'),
    ('activitynet', [], 'no JSON object'),
    ('charades_sta', 'AO8RW 0.0##x', 'line 1'),
    ('json', '[' * 100_000, 'no JSON'),
    ('json', [{'video': 'a', 'question': 'x', 'answer': [0, 10**400]}], 'span'),
    ('json', '[{"video": "a", "question": "x", "answer": [NaN, 1]}]', 'span'),
    ('charades_sta', 'AO8RW 0.0 nan##x', 'give seconds'),
    ('charades_sta', 'x' * 1_000_000, r'^.{,400}$'),
    (
      'activitynet',
      {'v': {'duration': 9, 'timestamps': [['x', 2]], 'sentences': ['a']}},
      'give seconds',
    ),
    (
      'activitynet',
      {'v': {'duration': 9, 'timestamps': [[1, 2]], 'sentences': [3]}},
      'is annotated',
    ),
    ('tacos', '', 'tacos'),
  ],
)
def test_what_is_in_no_format_is_bad_input(write, kind, document, message):
  with pytest.raises(BadInput, match=message):
    annotations.grounding_items(write(document), kind)


def test_a_missing_file_is_bad_input(tmp_path):
  with pytest.raises(BadInput, match='cannot be read'):
    annotations.grounding_items(tmp_path / 'no', 'json')
  with pytest.raises(BadInput, match='annotations=FILE'):
    annotations.grounding_items('', 'json')


def test_a_name_without_suffix_finds_a_folder_or_a_file(tmp_path):
  (tmp_path / 'v_1').mkdir()
  (tmp_path / 'v_2.mkv').write_bytes(b'')
  find = annotations.videos_in(tmp_path)
  assert find('v_1') == tmp_path / 'v_1'
  assert find('v_2') == tmp_path / 'v_2.mkv'
  assert find('v_2.mkv') == tmp_path / 'v_2.mkv'


@pytest.mark.parametrize('name', ['v_3', '../v_1', '/etc/hostname'])
def test_a_video_that_is_not_in_the_folder_is_bad_input(tmp_path, name):
  (tmp_path / 'in').mkdir()
  (tmp_path / 'v_1.mp4').write_bytes(b'')
  with pytest.raises(BadInput, match=name.rpartition('/')[2]):
    annotations.videos_in(tmp_path / 'in')(name)


def test_a_missing_folder_is_bad_input(tmp_path):
  with pytest.raises(BadInput, match='is no folder'):
    annotations.videos_in(tmp_path / 'no')
  with pytest.raises(BadInput, match='videos=DIR'):
    annotations.videos_in('')
