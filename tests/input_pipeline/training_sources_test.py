"""Data sets in their released formats, and the videos they may name."""

import json

import numpy as np
import pytest

from input_pipeline import hawkeye_clips, training_items, video_folder
from input_pipeline.encode_video import Encoding
from input_pipeline.training_sources import (
  FileSource,
  open_source,
  read_lengths,
)
from vtg_jax.errors import BadInput
from vtg_jax.testing import frame_number
from vtg_jax.testing.numbered_video import write_numbered_video

CHARADES = 'AO8RW 0.0 1.5##a person opens a door.\n'
ACTIVITYNET = {
  'v_1': {'duration': 8.0, 'timestamps': [[1, 2.5]], 'sentences': ['She sits.']}
}
INTERNVID = {
  'video': 'a.mp4',
  'caption': 'a man skis.',
  'start_sec': 1.0,
  'end_sec': 3.0,
  'neg_start_sec': 0,
  'neg_end_sec': 8.0,
}


@pytest.fixture
def write(tmp_path):
  def write(name, value):
    text = value if isinstance(value, str) else json.dumps(value)
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)

  return write


def first_item(annotations, tmp_path, **options):
  source = FileSource(annotations=annotations, videos=str(tmp_path), **options)
  opened = open_source(source)
  return opened.item(0, np.random.default_rng(0))


def test_charades_takes_lengths_from_charades_csv(write, tmp_path):
  lengths = write('lengths.csv', 'id,subject,length\nAO8RW,X,30.5\n')
  item = first_item(
    write('sta.txt', CHARADES), tmp_path, kind='charades_sta', lengths=lengths
  )
  assert item['video'] == 'AO8RW.mp4'
  assert item['QA'][0]['neg_end_sec'] == 30.5
  assert 'a person opens a door' in item['QA'][0]['q']


def test_charades_without_lengths_is_refused(write, tmp_path):
  with pytest.raises(BadInput, match='give lengths'):
    first_item(write('sta.txt', CHARADES), tmp_path, kind='charades_sta')


def test_activitynet_is_read(write, tmp_path):
  item = first_item(
    write('train.json', ACTIVITYNET), tmp_path, kind='activitynet_captions'
  )
  assert item['video'] == 'v_1'
  assert training_items.objective(item) == 'grounding'


def test_activitynet_spans_that_run_backward_are_left_out(
  write, tmp_path, caplog
):
  spans = {'timestamps': [[4, 3], [1, 2.5]], 'sentences': ['He.', 'She sits.']}
  annotations = write('train.json', {'v_1': {'duration': 8.0, **spans}})
  source = FileSource(
    annotations=annotations, videos=str(tmp_path), kind='activitynet_captions'
  )
  opened = open_source(source)
  assert len(opened) == 1
  assert 'She sits' in opened.item(0, np.random.default_rng(0))['QA'][0]['q']
  assert '1 of 2 sentences end before they start' in caplog.text


def test_internvid_g_becomes_captions_with_texts_of_our_own(write, tmp_path):
  item = first_item(
    write('g.jsonl', INTERNVID),
    tmp_path,
    kind='internvid_g',
    objective='caption',
    instructions=write('instructions.json', ['Say it.']),
  )
  assert item['QA'][0]['i'] == 'Say it.'
  assert item['QA'][0]['a'] == 'A man skis'


def test_questions_come_from_their_file(write, tmp_path):
  item = first_item(
    write('g.jsonl', INTERNVID),
    tmp_path,
    kind='internvid_g',
    questions=write('questions.json', ['So %s?']),
  )
  assert item['QA'][0]['q'].startswith('Question: So A man skis?')


def test_a_seed_settles_what_is_drawn_once(write, tmp_path):
  path = write('g.jsonl', '\n'.join([json.dumps(INTERNVID)] * 8))

  def items(seed):
    source = FileSource(
      annotations=path, videos=str(tmp_path), kind='internvid_g', seed=seed
    )
    return list(open_source(source).items)

  assert items(1) == items(1)
  assert items(1) != items(2)


@pytest.mark.parametrize(
  ('kind', 'text', 'match'),
  [
    ('charades_sta', 'no line', "line 1 is 'no line'"),
    ('activitynet_captions', '[]', 'no JSON object'),
    ('activitynet_captions', '{"v_1": {}}', "video 'v_1' is annotated"),
    ('internvid_g', '{}', 'line 1 is'),
    ('internvid_g', '', 'no item'),
    ('internvid_g', '[' * 100_000, 'line 1 is'),
    ('internvid_g', json.dumps(INTERNVID | {'caption': [[]]}), 'line 1 is'),
    ('internvid_g', json.dumps(INTERNVID | {'end_sec': 10**400}), 'item 0'),
    ('internvid_g', json.dumps(INTERNVID | {'neg_end_sec': None}), 'long'),
    ('internvid_g', json.dumps(INTERNVID | {'video': '\ud800'}), 'item 0'),
    ('items', '[' * 100_000, 'not JSON'),
    ('items', '{}', 'no list of items'),
  ],
)
def test_a_file_of_another_form_is_named(write, tmp_path, kind, text, match):
  lengths = write('lengths.json', {'AO8RW': 30.5})
  with pytest.raises(BadInput, match=f'annotations.txt.*{match}'):
    first_item(
      write('annotations.txt', text), tmp_path, kind=kind, lengths=lengths
    )


@pytest.mark.parametrize(
  ('name', 'text', 'match'),
  [
    ('l.json', '[]', 'no JSON object'),
    ('l.json', '{"a": "x"}', "says 'a' lasts 'x'"),
    ('l.json', '{"a": -1}', 'positive seconds'),
    ('l.json', f'{{"a": 1{"0" * 400}}}', 'positive seconds'),
    ('l.csv', 'id,size\na,3\n', "lacks the column 'length'"),
  ],
)
def test_lengths_are_checked(write, name, text, match):
  with pytest.raises(BadInput, match=match):
    read_lengths(write(name, text))


def test_a_missing_folder_is_refused(write, tmp_path):
  with pytest.raises(BadInput, match='there is no folder'):
    first_item(write('train.json', []), tmp_path / 'no')


@pytest.mark.parametrize(
  'name', ['../a.mp4', '/etc/a.mp4', 'x/../../a.mp4', 'C:\\a.mp4', '..\\a.mp4']
)
def test_a_video_outside_the_folder_is_never_opened(write, tmp_path, name):
  item = {'video': name, 'QA': [{'q': 'Q', 'a': 'A'}]}
  with pytest.raises(BadInput, match='item 0: the file name .* leads out'):
    first_item(write('train.json', [item]), tmp_path)
  with pytest.raises(BadInput, match='leads out'):
    video_folder.open_named_video(tmp_path, name)


def test_names_inside_the_folder_may_have_folders_and_dots(tmp_path):
  path = video_folder.video_path(tmp_path, 'x/a..b.mp4')
  assert path == str(tmp_path / 'x' / 'a..b.mp4')


def test_a_file_that_changed_is_indexed_anew(tmp_path):
  write_numbered_video(tmp_path / 'a.mp4', 10)
  assert video_folder.open_named_video(tmp_path, 'a.mp4').n_frames == 10
  write_numbered_video(tmp_path / 'a.mp4', 20)
  assert video_folder.open_named_video(tmp_path, 'a.mp4').n_frames == 20


def test_a_random_crop_of_ten_minutes_is_not_decoded_from_the_start(tmp_path):
  gop, fps = 60, 2.0
  write_numbered_video(
    tmp_path / 'a.mp4', 1200, Encoding(fps=fps, gop=gop), width=96, height=64
  )
  store = video_folder.open_named_video(tmp_path, 'a.mp4')
  assert store.duration_s == 600
  chosen = hawkeye_clips.choose_frames(
    store,
    (500.0, 540.0),
    'rand',
    num_frames=12,
    rng=np.random.default_rng(0),
  )
  frames = store.get(chosen.ids)
  assert [frame_number.read_number(f) for f in frames] == list(chosen.ids)
  assert store.count.passes == 1
  # From the keyframe before the crop to the crop's end.
  assert store.count.pictures <= gop + 40 * fps
