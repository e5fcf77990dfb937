"""Files of sentences about long videos: what is read, and what is refused."""

import copy
import json
import logging

import pytest

from input_pipeline.long_video.annotations import MomentFile, open_moments
from input_pipeline.long_video.clip_annotations import (
  open_train_clips,
  read_test_clips,
)
from input_pipeline.long_video.item import MomentItem
from vtg_jax.errors import BadInput

CONVERSATION = {
  'query_id': '7',
  'id': 'film',
  'source': 'mad',
  'conversations': [
    {'from': 'human', 'value': '<image>\nDuring which frames can we see it?'},
    {'from': 'gpt', 'value': 'From <s0> to <e0>.'},
  ],
  'meta': {'duration': 5400.0, 'token': {'<s0>': 31.2, '<e0>': 35.0}},
}
MOMENT = {
  'movie': 'film',
  'sentence': 'It.',
  'timestamps': [31.21, 34.99],
  'ext_timestamps': [30, 36],
  'movie_duration': 5400.0,
}
CHAPTERS = {
  'vid': 'a',
  'duration': 900,
  'query': ['Intro', 'The end'],
  'relevant_windows': [[[0, 31]], [[800, 899.97]]],
}
ITEM = MomentItem(
  query_id='7',
  video='film',
  text='During which frames can we see it?',
  start_s=31.2,
  end_s=35.0,
  duration_s=5400.0,
  source='mad',
)


@pytest.fixture
def opened(tmp_path):
  def opened(kind, *entries, form=None, **options):
    file = tmp_path / ('file.jsonl' if form == 'lines' else 'file.json')
    if form == 'lines':
      file.write_text(''.join(json.dumps(entry) + '\n' for entry in entries))
    else:
      file.write_text(json.dumps(form(entries) if form else entries))
    return open_moments(MomentFile(path=str(file), kind=kind, **options))

  return opened


def test_the_releases_own_list(opened):
  items = opened('conversations', CONVERSATION)
  assert list(items) == [ITEM]
  assert items[0].answered('03', '17') == 'From 03 to 17.'


@pytest.mark.parametrize(
  'form',
  [
    lambda entries: {'7': entries[0]},
    lambda entries: {'videos': [{**entries[0], 'query_id': 7}]},
    'lines',
  ],
)
def test_mads_files_in_every_form(opened, form):
  entry = {**MOMENT, 'query_id': '7'} if form == 'lines' else MOMENT
  assert list(opened('moments', entry, form=form)) == [ITEM]


def test_chapters_are_items_each(opened):
  second = {
    **CHAPTERS,
    'vid': 'b',
    'query': ['X'],
    'relevant_windows': [[[1, 2]]],
  }
  items = opened('chapters', CHAPTERS, second, form='lines')
  assert [item.query_id for item in items] == ['a_0', 'a_1', 'b_0']
  assert items[1] == MomentItem(
    query_id='a_1',
    video='a',
    text='During which frames can we see the end?',
    start_s=800,
    end_s=900.0,
    duration_s=900,
    source='vidchapters7m',
  )


def test_the_test_file_of_chapters_names_the_video(opened):
  (item,) = opened(
    'moments',
    {**MOMENT, 'vid': 'x', 'split': 'test'},
    form=lambda e: {'9': e[0]},
  )
  assert (item.video, item.source) == ('x', 'vidchapters7m')


def test_only_long_videos_are_kept_where_asked_for(opened):
  short = {**CHAPTERS, 'vid': 'b', 'duration': 100}
  items = opened('chapters', short, CHAPTERS, form='lines', longer_than_s=500)
  assert {item.video for item in items} == {'a'}
  with pytest.raises(BadInput, match='of a video of more than 5000 s'):
    opened('chapters', short, form='lines', longer_than_s=5000)


def test_events_that_run_backwards_are_left_out(opened, caplog):
  back = {**MOMENT, 'timestamps': [5, 2]}
  with caplog.at_level(logging.WARNING):
    items = opened(
      'moments', back, MOMENT, form=lambda e: dict(zip('ab', e, strict=True))
    )
  assert [item.query_id for item in items] == ['b']
  assert '1 sentences end before they start' in caplog.text


def changed(entry, path, value):
  entry = copy.deepcopy(entry)
  *way, last = path
  inner = entry
  for step in way:
    inner = inner[step]
  if value is None:
    del inner[last]
  else:
    inner[last] = value
  return entry


@pytest.mark.parametrize(
  ('path', 'value', 'said'),
  [
    (['id'], None, "lacks 'id'"),
    (['conversations'], [], r'conversations is \[\]; give a question and'),
    (['conversations', 0, 'from'], 'gpt', "it must be from 'human'"),
    (['conversations', 0, 'value'], 'Hm', "the question is 'Hm'; begin it"),
    (['meta', 'token'], None, "lacks 'token'"),
    (['meta', 'token', '<e0>'], 'x', 'give seconds'),
    (['meta', 'duration'], -1, 'the duration is -1; give positive seconds'),
    (['meta', 'duration'], float('nan'), 'give positive seconds'),
  ],
)
def test_a_bad_conversation_is_named(opened, path, value, said):
  bad = changed(CONVERSATION, path, value)
  with pytest.raises(BadInput, match=said) as error:
    opened('conversations', CONVERSATION, bad)
  assert "file.json, item 1 (query_id '7'): " in str(error.value)


@pytest.mark.parametrize(
  ('path', 'value', 'said'),
  [
    (['movie'], 3.5, 'movie is 3.5; give a text'),
    (['sentence'], 7, 'sentence is 7; give a text'),
    (['timestamps'], [1], r'lasts \[1\]; give \[start, end\]'),
  ],
)
def test_a_bad_moment_is_named(opened, path, value, said):
  with pytest.raises(BadInput, match=said) as error:
    opened('moments', changed(MOMENT, path, value), form=lambda e: {'q': e[0]})
  assert "item 0 (key 'q'): " in str(error.value)


@pytest.mark.parametrize(
  ('path', 'value', 'said'),
  [
    (['query'], ['x'], 'there are 1 of query and 2 of relevant_windows'),
    (['relevant_windows'], 'x', 'no lists'),
    (['relevant_windows', 1], [], r'relevant_windows 1 is \[\]'),
  ],
)
def test_a_bad_line_of_chapters_is_named(opened, path, value, said):
  with pytest.raises(BadInput, match=said):
    opened('chapters', changed(CHAPTERS, path, value), form='lines')


def test_entries_that_are_no_objects_are_named(opened):
  with pytest.raises(BadInput, match='item 0 is 3; give an object'):
    opened('chapters', 3, form='lines')
  with pytest.raises(BadInput, match=r'item 1 \(key .b.\) is \[\]; give an'):
    opened(
      'moments', MOMENT, [], form=lambda e: dict(zip('ab', e, strict=True))
    )
  with pytest.raises(ValueError, match="kind 'film' is unknown"):
    MomentFile(path='x', kind='film')


SENTENCES = [
  {'sen_id': 0, 'video_id': 'video0', 'caption': 'A man runs'},
  {'sen_id': 1, 'video_id': 'video7', 'caption': 'a dog'},
]


@pytest.fixture
def clips(tmp_path):
  def clips(sentences, chosen='video7'):
    data, table = tmp_path / 'data.json', tmp_path / 'train.csv'
    data.write_text(json.dumps(sentences))
    table.write_text(f'video_id\n{chosen}\n')
    return open_train_clips(data, table)

  return clips


def test_msr_vtts_sentences_of_chosen_clips(clips):
  (item,) = clips({'videos': [], 'sentences': SENTENCES})
  assert (item.query_id, item.video, item.source) == ('1', 'video7', 'msrvtt')
  assert item.question() == '<video>\nDuring which video can we see a dog?'


def test_msr_vtts_test_has_a_sentence_a_clip(tmp_path):
  file = tmp_path / 'test.csv'
  file.write_text('key,vid_key,video_id,sentence\nr0,m1,video9,A cat sits\n')
  assert read_test_clips(file) == [('video9', 'A cat sits')]
  file.write_text('key,video_id\nr0,video9\n')
  with pytest.raises(BadInput, match='row 0 lacks the column sentence'):
    read_test_clips(file)


@pytest.mark.parametrize(
  ('sentences', 'chosen', 'said'),
  [
    ([], 'video7', 'has no list of sentences'),
    ({'sentences': [{'sen_id': 0}]}, 'video7', 'sentence 0 is'),
    ({'sentences': SENTENCES}, 'video1', 'no sentence of a clip in'),
  ],
)
def test_bad_files_of_msr_vtt_are_named(clips, sentences, chosen, said):
  with pytest.raises(BadInput, match=said):
    clips(sentences, chosen)
