"""Files of items are read whole, and checked before training begins."""

import copy
import json
import pickle
import random

import hypothesis
import pytest
from hypothesis import strategies as st

from input_pipeline import hawkeye_samples, training_items
from vtg_jax.errors import BadInput

SENTENCE = hawkeye_samples.GroundedSentence(
  video='a.mp4', sentence='A man skis', start_s=1, end_s=3, negative_end_s=9.5
)
(GROUNDING,) = hawkeye_samples.choice_items(
  [SENTENCE], ['I'], ['%s?'], random.Random(0)
)
(CAPTION,) = hawkeye_samples.caption_items([SENTENCE], ['I'], random.Random(0))
CHAT = {'video': 'b.mp4', 'QA': [{'q': '', 'a': 'A.'}, {'q': 'Q', 'a': 'B.'}]}


def write(tmp_path, value):
  path = tmp_path / 'train.json'
  path.write_text(value if isinstance(value, str) else json.dumps(value))
  return path


def test_items_are_read_as_written(tmp_path):
  items = [GROUNDING, CAPTION, CHAT, {**CHAT, 'start': 1, 'end': 2.5}]
  assert list(training_items.read_items(write(tmp_path, items))) == items


def test_objectives_follow_from_what_a_category_fixes():
  assert training_items.objective(GROUNDING) == 'grounding'
  assert training_items.objective(CAPTION) == 'caption'
  assert training_items.objective(CHAT) == 'chat'


@hypothesis.given(
  st.lists(st.dictionaries(st.text(), st.text() | st.integers()), max_size=5)
)
def test_packed_items_are_the_items(items):
  packed = pickle.loads(pickle.dumps(training_items.PackedItems(items)))
  assert list(packed) == items
  with pytest.raises(IndexError):
    packed[len(items)]


def changed(item, place, value):
  item = copy.deepcopy(item)
  target = item
  for key in place[:-1]:
    target = target[key]
  if value is None:
    del target[place[-1]]
  else:
    target[place[-1]] = value
  return item


@pytest.mark.parametrize(
  ('item', 'match'),
  [
    ('text', 'not an object'),
    (changed(CHAT, ['video'], None), 'video is None'),
    (changed(CHAT, ['video'], 3), 'video is 3'),
    (changed(CHAT, ['QA'], []), r'QA is \[\]'),
    (changed(CHAT, ['QA', 0], 'x'), "a turn is 'x'"),
    (changed(CHAT, ['QA', 1, 'a'], None), 'a is None'),
    (changed(CHAT, ['QA', 1, 'i'], 3), 'i is 3'),
    ({**CHAT, 'start': 3}, 'end is None'),
    ({**CHAT, 'start': 3, 'end': 1}, 'end 1 is before start 3'),
    (changed(GROUNDING, ['QA', 0, 'a'], [['end', 'x']]), 'a pair'),
    (changed(GROUNDING, ['QA', 0, 'neg_end_sec'], None), 'lacks neg_end_sec'),
    (changed(GROUNDING, ['QA', 0, 'end_sec'], 0.5), 'end_sec 0.5 is before'),
    (changed(GROUNDING, ['QA', 0, 'end_sec'], float('nan')), 'end_sec is nan'),
    (changed(GROUNDING, ['QA', 0, 'end_sec'], True), 'end_sec is True'),
    (
      changed(GROUNDING, ['QA', 0, 'q'], CAPTION['QA'][0]['q']),
      'one of them must be a text',
    ),
    ({**CHAT, 'QA': GROUNDING['QA'] + CHAT['QA']}, 'several turns'),
  ],
)
def test_an_item_that_cannot_be_used_is_named(tmp_path, item, match):
  path = write(tmp_path, [CHAT, item])
  with pytest.raises(BadInput, match=f'train.json, item 1: .*{match}'):
    training_items.read_items(path)


@pytest.mark.parametrize(
  ('text', 'match'),
  [('[', 'is not JSON'), ('{}', 'no list of items'), ('[]', 'no item')],
)
def test_other_files_are_refused(tmp_path, text, match):
  with pytest.raises(BadInput, match=match):
    training_items.read_items(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
  with pytest.raises(BadInput, match='cannot be read'):
    training_items.read_items(tmp_path / 'no.json')


def test_instructions_and_templates_are_lists_of_texts(tmp_path):
  path = write(tmp_path, ['Do it.'])
  assert training_items.read_texts(path) == ('Do it.',)
  with pytest.raises(BadInput, match='entry 0 .* one %s'):
    training_items.read_texts(path, template=True)
  with pytest.raises(BadInput, match='entry 0 is 3'):
    training_items.read_texts(write(tmp_path, [3]))
  with pytest.raises(BadInput, match='no list of texts'):
    training_items.read_texts(write(tmp_path, []))
