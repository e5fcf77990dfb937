"""Long stories as a benchmark: which videos, which sentences."""

import dataclasses

import pytest

from configs.evaluate import long_stories as config_file
from vtg_jax import shape_stories
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.items import CALIBRATION, LongItem, digest
from vtg_jax.evaluation.long_stories import LongStories
from vtg_jax.evaluation.stories import UNSEEN

CHANGES = {
  'minutes': '1:2',
  'seeds': '9800000:9800002',
  'unseen_seeds': '9800000:9800001',
  'other_difficulty': 'hard',
  'other_seeds': '9800005:9800006',
}


def stories(**changes):
  values = config_file.get_config('quicktest').to_dict()
  return LongStories.from_config(values | changes)


def test_every_sentence_becomes_an_item_of_its_part():
  about = stories(**CHANGES)
  items = about.items()
  assert all(isinstance(item, LongItem) for item in items)
  by_part = {}
  for item in items:
    by_part.setdefault(item.part, []).append(item)
  assert list(by_part) == ['', CALIBRATION, UNSEEN, 'difficulty hard']
  wanted = []
  config = shape_stories.LONG_PRESETS['standard'](duration_s=(60.0, 120.0))
  for seed in (9_800_000, 9_800_001):
    story = shape_stories.make_long_story(config, seed)
    wanted += [
      (f'{seed}.mp4', q.text, ((q.start_s, q.end_s),), ())
      for q in story.queries
    ]
    wanted += [
      (f'{seed}.mp4', q.text, (), (q.kind,)) for q in story.absent_queries
    ]
  found = [(i.video, i.question, i.gold, i.tags) for i in by_part['']]
  assert found == wanted
  held_out = {
    text
    for pair in shape_stories.held_out_pairs()
    for text in shape_stories.paraphrases(pair)
  }
  assert {item.question for item in by_part[UNSEEN]} <= held_out
  (name,) = {item.video for item in by_part['difficulty hard']}
  hard = about.story(name)
  assert hard.config.chapter.n_clutter == 8
  assert 60 <= hard.duration_s <= 120
  assert len({about.story(i.video).duration_s for i in items}) > 3


def test_frames_are_drawn_when_asked_for():
  video = stories(minutes='60:60').video('9800000.mp4')
  assert video.duration_s == 3600
  assert video.get([14_399]).shape == (1, 32, 32, 3)


def test_without_absent_sentences_there_are_none():
  assert all(item.gold for item in stories(absent=False).items())


def test_everything_is_asked_with_each_search():
  plain = stories().items()
  searches = {'a': {}, 'b': {'levels': 2}}
  both = stories(searches=searches).items()
  assert len(both) == 2 * len(plain)
  for name in searches:
    found = [i for i in both if i.search == name]
    assert [dataclasses.replace(i, search='') for i in found] == plain
  assert digest(both) != digest(plain)


def test_some_sentences_of_a_video_are_from_all_over_it():
  items = stories(minutes='60:60', most_asked=3).items()
  main = [item for item in items if not item.part]
  happens = [item.gold[0][0] for item in main if item.gold]
  assert len(happens) == 3 and len(main) == 6
  assert happens[0] < 1800 < happens[2]
  assert len({item.tags for item in main if not item.gold}) > 1


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'difficulty': 'mad'}, 'mad'),
    ({'other_difficulty': 'mad', 'other_seeds': '1:2'}, 'mad'),
    ({'minutes': '5'}, 'LEAST:MOST'),
    ({'size': None}, 'size'),
    ({'calibration_seeds': '9800000:9800001'}, 'share videos'),
    ({'seeds': '3'}, 'FIRST:END'),
    ({'most_asked': 0}, 'most_asked is 0'),
  ],
)
def test_entries_that_do_not_fit_are_bad_input(changes, message):
  with pytest.raises(BadInput, match=message):
    stories(**changes)
