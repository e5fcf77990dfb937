"""Items, their questions, and those that are asked in vain."""

import dataclasses

import pytest

from input_pipeline.long_video.draws import Unusable
from input_pipeline.long_video.item import NegativeItems, WithNegatives, asked
from input_pipeline.long_video.retrieval import RetrievalOptions, draw_videos
from tests.input_pipeline.long_video.window_test import ITEM


def test_a_sentence_becomes_a_question():
  assert (
    asked(' A man runs.. ') == 'During which frames can we see a man runs.?'
  )


def test_a_question_has_other_wordings():
  assert ITEM.question() == '<video>\nDuring which frames can we see it?'
  assert ITEM.question('video') == '<video>\nDuring which video can we see it?'
  assert ITEM.question('yes_no').startswith('<video>\nDoes it happen in the')
  free = dataclasses.replace(ITEM, text='What happens?')
  with pytest.raises(ValueError, match="'What happens\\?' is no question"):
    free.question('video')


@pytest.mark.parametrize(
  ('options', 'numbers', 'negative'),
  [
    ({}, '012345012345', 6 * [False] + 6 * [True]),
    ({'share': 0.5}, '012345024', 6 * [False] + 3 * [True]),
    ({'share': 0.0}, '012345', 6 * [False]),
    ({'every': 3}, '012345', [True, False, False] * 2),
  ],
)
def test_negative_items_come_after_the_others(options, numbers, negative):
  items = [dataclasses.replace(ITEM, query_id=str(i)) for i in range(6)]
  more = WithNegatives(items, NegativeItems(**options))
  assert ''.join(item.query_id for item in more) == numbers
  assert [item.negative for item in more] == negative
  assert more[0:2] == [more[0], more[1]]


def test_shares_out_of_range_are_refused():
  with pytest.raises(ValueError, match='from 0 to 1'):
    NegativeItems(share=2.0)
  with pytest.raises(ValueError, match='0, or 2 up'):
    NegativeItems(every=1)


def test_too_few_videos_are_named():
  with pytest.raises(Unusable, match='needs 3 other videos, there are 1'):
    draw_videos(ITEM, ['v', 'w'], RetrievalOptions(n_videos=4), None)
  with pytest.raises(ValueError, match='leave yes_no out'):
    RetrievalOptions(n_videos=4, yes_no=True)
