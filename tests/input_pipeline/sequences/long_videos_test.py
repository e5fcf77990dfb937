"""Released conversations: their words, and which numbers in them are times."""

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from input_pipeline.loader import BadSample
from input_pipeline.sequences.lesson import SECONDS, Asked, Places, Scale
from input_pipeline.sequences.long_videos import (
  ReleasedFiles,
  open_long_videos,
)
from input_pipeline.sequences.released import conversation, open_released
from input_pipeline.sequences.wording import in_codes, plain, turns_of, written
from vtg_jax.errors import BadInput
from vtg_jax.testing.numbered_video import write_numbered_video


def places(text):
  return [part.values for part in text if isinstance(part, Places)]


def timeit(question, answer):
  return {
    'video': 'a.mp4',
    'QA': [{'q': question, 'a': answer}],
    'source': 'Activitynet_Captions',
  }


def said(question, answer):
  (turn,) = conversation(timeit(question, answer)).turns
  return turn


@pytest.mark.parametrize(
  ('answer', 'found'),
  [
    (
      '0.0 - 9.1 seconds, He stirs for 30 seconds, then stops.  '
      '9.1 - 20 seconds, He sits.',
      [(0.0, 9.1), (9.1, 20.0)],
    ),
    ('12.5 seconds, A point. 80 seconds, Another.', [(12.5,), (80.0,)]),
    ('The given query happens in 24.3 - 30.4 seconds.', [(24.3, 30.4)]),
    (
      'There are 3 highlight moments in the 82, 84, 86.0 second. Their '
      'saliency scores are 1.3, 1.7, 2.3.',
      [(82.0, 84.0, 86.0)],
    ),
    (
      'The highlight timestamps are in the 1.5, 2 seconds. Their saliency '
      'scores are 1.0, 5.0.',
      [(1.5, 2.0)],
    ),
    ('He waits. For 20 seconds, then 1 - 2 seconds more.', []),
  ],
)
def test_times_of_answers_are_found_and_nothing_else(answer, found):
  turn = said('When?', answer)
  assert places(turn.answer) == found
  assert written(turn.answer, None, plain) == answer
  codes = written(
    turn.answer, Scale(SECONDS, 100.0), in_codes(lambda p, _: f'<{p}>')
  )
  assert codes.count('<') == sum(map(len, found))


TIMES = st.lists(
  st.tuples(st.integers(0, 999), st.integers(1, 99)), min_size=1, max_size=5
)


@hypothesis.given(times=TIMES)
def test_every_event_of_a_dense_caption_is_found(times):
  spans = [(a / 10, (a + b) / 10) for a, b in times]
  answer = ' '.join(f'{s} - {e} seconds, He does it. ' for s, e in spans)
  turn = said('What?', answer.rstrip())
  assert places(turn.answer) == spans


def test_questions_name_the_unit_and_tell_what_is_spoken():
  question = (
    'Transcribed speech: 0.0 - 2.5 seconds, give it ten seconds. 3.0 - 4.0 '
    'seconds, it is done in seconds. Based on the video content and possible '
    'transcribed speech, output the timestamps in seconds.'
  )
  turn = said(question, 'The given query happens in 1.0 - 2.0 seconds.')
  assert places(turn.question) == [(0.0, 2.5), (3.0, 4.0), ()]
  assert written(turn.question, None, plain) == question
  coded = written(
    turn.question, Scale(SECONDS, 10.0), in_codes(lambda p, n: f'<{p / n:.2f}>')
  )
  assert '<0.00> - <0.25>, give it ten seconds. <0.30> - <0.40>, it' in coded
  assert 'done in seconds. Based' in coded
  assert coded.endswith('output the timestamps.')


def test_speech_of_nothing_but_digits_is_read_like_any_other():
  question = f'Transcribed speech: {"9" * 200_000} Based on the video content'
  turn = said(question, 'He sits.')
  assert turn.question == (question,)


def test_valley_names_its_videos_in_two_ways():
  entry = {
    'v_id': 'x_000010_000020',
    'video': 'x.mp4',
    'source': 'VATEX',
    'conversations': [
      {'from': 'human', 'value': 'Who?\n<video>'},
      {'from': 'gpt', 'value': 'He, at 3 seconds.'},
      {'from': 'human', 'value': 'Why?'},
      {'from': 'gpt', 'value': 'So.'},
    ],
  }
  found = conversation(entry)
  assert (found.video, found.source) == ('x_000010_000020.mp4', 'VATEX')
  assert found.turns == (
    (('Who?',), ('He, at 3 seconds.',)),
    (('Why?',), ('So.',)),
  )
  assert conversation(entry | {'source': 'jukinmedia'}).video == 'x.mp4'


def test_sharegpt4video_tells_of_the_whole_video():
  entry = {
    'video_id': 'k',
    'captions': [
      {'idx': '-1', 'content': 'It rains.'},
      {'idx': '0', 'content': 'A drop.'},
    ],
  }
  found = conversation(entry)
  (turn,) = found.turns
  assert found.video == 'k.mp4'
  assert isinstance(turn, Asked) and turn.events[0].caption == 'It rains.'
  entry['video_path'] = 'panda/k.mp4'
  assert conversation(entry).video == 'panda/k.mp4'


@pytest.mark.parametrize(
  ('entry', 'match'),
  [
    ([], 'is no object'),
    ({'video': 'a.mp4'}, 'has no QA, conversations or captions'),
    ({'QA': []}, 'QA is'),
    ({'QA': [{'q': 'x'}]}, 'a turn is'),
    ({'QA': [{'q': 'x', 'a': 'y'}]}, 'video is None'),
    ({'QA': [{'q': 'x', 'a': 'y'}], 'video': 'a', 'source': 3}, 'source is 3'),
    ({'conversations': [{'from': 'human', 'value': 'x'}]}, 'in turn'),
    (
      {'conversations': [{'from': 'gpt', 'value': 'x'}] * 2, 'video': 'a'},
      "turn 0 is .* from 'human'",
    ),
    ({'captions': [{'idx': '0', 'content': 'x'}], 'video_id': 'a'}, 'idx -1'),
  ],
)
def test_entries_of_no_form_are_refused(entry, match):
  with pytest.raises(BadInput, match=match):
    conversation(entry)


@pytest.fixture
def opened(tmp_path):
  (tmp_path / 'anet').mkdir()
  write_numbered_video(tmp_path / 'anet/a.mp4', n_frames=20)

  def opened(*entries, name='it.json', **options):
    lines = name.endswith('l')
    text = '\n'.join(map(json.dumps, entries)) if lines else json.dumps(entries)
    (tmp_path / name).write_text(text)
    files = ReleasedFiles(
      annotations=str(tmp_path / name),
      videos=str(tmp_path),
      folders={'Activitynet_Captions': 'anet'},
      **options,
    )
    return open_long_videos(files, size=16)

  return opened


ENTRY = timeit(
  'When does he sit?', 'The given query happens in 0.5 - 1.0 seconds.'
)
CAPTION = {
  'video_id': 'a',
  'source': 'Activitynet_Captions',
  'captions': [{'idx': '-1', 'content': 'It rains a lot. It stops.'}],
}


@pytest.mark.parametrize('name', ['it.json', 'it.jsonl'])
def test_a_lesson_about_a_video_on_disk(opened, name):
  source = opened(ENTRY, CAPTION, name=name)
  lesson = source.lesson(0)
  assert lesson.scale == (SECONDS, 2.0)
  assert lesson.dataset == 'Activitynet_Captions'
  assert lesson.video.get([0, 19]).shape == (2, 16, 16, 3)
  (turn,) = turns_of(lesson, in_codes(lambda p, n: f'<{p / n:g}>'))
  assert turn.answer == 'The given query happens in <0.25> - <0.5>.'


def test_captions_are_cut_and_asked_for_in_many_ways(opened):
  source = opened(*[CAPTION] * 20, most_words=4)
  turns = [turns_of(source.lesson(i), plain)[0] for i in range(20)]
  assert {turn.answer for turn in turns} == {'It rains a lot.'}
  assert len({turn.question for turn in turns}) > 3
  again = opened(*[CAPTION] * 20, most_words=4)
  assert turns == [turns_of(again.lesson(i), plain)[0] for i in range(20)]


def test_what_cannot_be_used_gives_way_later(opened):
  source = opened({'QA': 3}, ENTRY, ENTRY | {'video': 'b.mp4'}, name='x.jsonl')
  assert source.lesson(1).turns
  for index, match in ((0, 'item 0: QA is 3'), (2, 'no video .*b.mp4')):
    with pytest.raises(BadSample, match=match):
      source.lesson(index)


def test_a_file_of_another_form_is_refused_at_once(opened, tmp_path):
  with pytest.raises(BadInput, match='item 0: .* has no QA'):
    opened({'video': 'a.mp4'})
  with pytest.raises(BadInput, match='holds no item'):
    opened()
  with pytest.raises(BadInput, match='cannot be read'):
    open_released(str(tmp_path / 'none.json'))
  with pytest.raises(ValueError, match='give a folder'):
    ReleasedFiles(annotations='a', videos='b', folders={'x': ''})
