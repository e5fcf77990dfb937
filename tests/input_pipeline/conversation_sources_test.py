"""Released mixtures of conversations: what is read, and what is refused."""

import copy
import json

import numpy as np
import pytest

from input_pipeline.conversation_sources import (
  ConversationSource,
  open_conversations,
)
from vtg_jax.errors import BadInput
from vtg_jax.testing.numbered_video import write_numbered_video

ENTRY = {
  'question_id': 7,
  'video_id': 'v_1',
  'video_file': 'sub/v_1.mp4',
  'dataset_name': 'activitynet',
  'conversation': [
    {'from': 'human', 'value': '<image>\nWhen does she sit down?'},
    {'from': 'gpt', 'value': 'From <0.25> to <1.0>.'},
  ],
}


@pytest.fixture
def opened(tmp_path):
  def opened(*entries, **options):
    file = tmp_path / 'mix_grounded.json'
    file.write_text(json.dumps(entries))
    return open_conversations(
      ConversationSource(annotations=str(file), videos=str(tmp_path), **options)
    )

  return opened


def item(source, index=0):
  return source.item(index, np.random.default_rng(0))


def test_an_entry_becomes_an_item_and_its_video(opened, tmp_path):
  (tmp_path / 'sub').mkdir()
  write_numbered_video(tmp_path / 'sub/v_1.mp4', n_frames=8)
  source = opened(ENTRY)
  assert len(source) == 1
  assert item(source) == {
    'video': 'sub/v_1.mp4',
    'dataset': 'activitynet',
    'conversation': ENTRY['conversation'],
  }
  assert source.open(item(source)).n_frames == 8


def test_a_conversation_about_no_video(opened):
  source = opened(
    ENTRY,
    {
      'video_id': 'text',
      'conversation': [
        {'from': 'human', 'value': 'Hello.'},
        {'from': 'gpt', 'value': 'Hello to you.'},
      ],
    },
  )
  text = item(source, 1)
  assert text['video'] is None
  assert text['conversation'][0]['value'] == '<image>\nHello.'


@pytest.mark.parametrize('question', ['<image>Who? ', 'Who?\n<image>'])
def test_the_video_comes_first(opened, question):
  entry = copy.deepcopy(ENTRY)
  entry['conversation'][0]['value'] = question
  value = item(opened(entry))['conversation'][0]['value']
  assert value == '<image>\nWho?'


def without(key):
  return {k: v for k, v in ENTRY.items() if k != key}


def with_turns(*turns):
  return {
    **ENTRY,
    'conversation': [{'from': who, 'value': value} for who, value in turns],
  }


@pytest.mark.parametrize(
  ('entry', 'said'),
  [
    ([], r'item 1: \[\] is not an object'),
    (without('video_file'), r'item 1 \(question_id 7\): video_file is None'),
    ({**ENTRY, 'video_file': '../a.mp4'}, 'leads out of its folder'),
    ({**ENTRY, 'video_file': '/etc/passwd'}, 'leads out of its folder'),
    ({**ENTRY, 'dataset_name': 3}, 'dataset_name is 3'),
    (without('conversation'), 'conversation is None'),
    (with_turns(('human', '<image>\nWho?')), 'questions and answers in turn'),
    (
      with_turns(('gpt', '<image>\nWho?'), ('human', 'You.')),
      "turn 0 is from 'gpt'; it must be from 'human'",
    ),
    (with_turns(('human', '<image>'), ('gpt', 5)), 'turn 1 is .* give an obj'),
    (with_turns(('human', 'Who?'), ('gpt', 'I.')), 'has no <image>'),
    (
      with_turns(('human', '<image>\n<image>'), ('gpt', 'I.')),
      '<image> stands 2 times',
    ),
    (
      with_turns(('human', '<image>\nWho?'), ('gpt', '<image>')),
      '<image> stands 2 times',
    ),
  ],
)
def test_what_cannot_be_used_is_named(opened, entry, said):
  with pytest.raises(BadInput, match=said):
    opened(ENTRY, entry)


def test_an_empty_file_and_a_missing_folder_are_refused(opened, tmp_path):
  with pytest.raises(BadInput, match='holds no item'):
    opened()
  with pytest.raises(BadInput, match='there is no folder'):
    open_conversations(
      ConversationSource(annotations='a.json', videos=str(tmp_path / 'none'))
    )


def test_a_video_that_is_not_there_is_named(opened):
  source = opened(ENTRY)
  with pytest.raises(BadInput, match=r'there is no video .*sub/v_1.mp4'):
    source.open(item(source))
