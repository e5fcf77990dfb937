"""Sequences of images: every answer is true of what is shown."""

import collections

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline.loader import BadSample
from input_pipeline.sequences.image_sequences import (
  ImageSequenceRule,
  ImageSequences,
)
from input_pipeline.sequences.lesson import (
  ALR_NEXT,
  ALR_PREVIOUS,
  IIC,
  IIG,
  IMAGES,
  Event,
)
from vtg_jax.errors import BadInput


class Numbered:
  """Images that show their own number; two of them share each caption's end.

  Those whose number `bad` divides cannot be read.
  """

  def __init__(self, n, *, name='numbered', bad=None, captions=None):
    self.name, self._n, self._bad = name, n, bad
    self._captions = captions or n

  def __len__(self):
    return self._n

  def caption(self, index):
    return f'It is number {index % self._captions}.'

  def subject(self, index):
    return self.caption(index)

  def image(self, index, size):
    if self._bad and index % self._bad == 0:
      raise BadInput(f'image {index} is torn')
    return np.full((size, size, 3), index, np.uint8)


def sequences(*sets, **rule):
  return ImageSequences(
    sets=sets or (Numbered(200),),
    rule=ImageSequenceRule(
      **{'n_iig': 60, 'n_iic': 60, 'n_alr': 60, 'n_images': 12} | rule
    ),
    size=2,
  )


def numbers_shown(lesson):
  frames = lesson.video.get(range(lesson.video.n_frames))
  return frames[:, 0, 0, 0].tolist()


@hypothesis.given(
  index=st.integers(0, 179),
  seed=st.integers(0, 5),
  n_images=st.integers(2, 30),
  captions=st.sampled_from([None, 60]),
)
@hypothesis.settings(max_examples=50, deadline=None)
def test_what_is_said_is_true_of_the_images(index, seed, n_images, captions):
  # All of a few images may share their caption, and then none can be named.
  hypothesis.assume(captions is None or n_images > 4)
  lesson = sequences(
    Numbered(200, captions=captions), seed=seed, n_images=n_images
  ).lesson(index)
  shown = numbers_shown(lesson)
  assert len(set(shown)) == len(shown) == n_images
  assert lesson.unit == IMAGES and lesson.scale == (IMAGES, n_images)
  told = [number % (captions or 200) for number in shown]
  for turn in lesson.turns:
    for event in turn.events:
      number = told[int(event.start) - 1]
      assert event == Event(event.start, event.start, f'It is number {number}.')
    if turn.task != IIC:  # the caption that is given names one image only
      assert told.count(told[int(turn.events[0].start) - 1]) == 1
    if turn.task in (ALR_NEXT, ALR_PREVIOUS):
      here, there = (event.start for event in turn.events)
      assert there - here == (1 if turn.task == ALR_NEXT else -1)
  asked = [turn.events[0].start for turn in lesson.turns]
  assert len(set(asked)) == len(asked) <= 3


def test_tasks_rounds_and_places_are_even():
  source = sequences(n_images=4)
  lessons = [source.lesson(i) for i in range(len(source))]
  assert [lesson.turns[0].task for lesson in lessons[:120]] == (
    [IIG] * 60 + [IIC] * 60
  )
  directions = collections.Counter(x.turns[0].task for x in lessons[120:])
  assert directions.keys() == {ALR_NEXT, ALR_PREVIOUS}
  assert min(directions.values()) > 15
  rounds = collections.Counter(len(lesson.turns) for lesson in lessons[:120])
  assert rounds.keys() == {1, 2, 3} and min(rounds.values()) > 20
  places = collections.Counter(
    turn.events[0].start for lesson in lessons[:120] for turn in lesson.turns
  )
  assert places.keys() == {1, 2, 3, 4} and min(places.values()) > 35


def test_a_lesson_follows_from_seed_and_number():
  def told(source, index):
    lesson = source.lesson(index)
    return numbers_shown(lesson), lesson.turns

  source = sequences()
  assert told(source, 7) == told(sequences(), 7)
  assert told(source, 7) != told(source, 8)
  assert told(source, 7) != told(sequences(seed=1), 7)


def test_tasks_can_be_left_out():
  source = sequences(n_iig=0, n_alr=0)
  assert len(source) == 60
  assert {source.lesson(i).turns[0].task for i in (0, 59)} == {IIC}


def test_a_sequence_is_of_one_set_and_sets_take_turns():
  source = sequences(Numbered(100, name='a'), Numbered(30, name='b'))
  seen = collections.Counter(source.lesson(i).dataset for i in range(40))
  assert seen.keys() == {'a', 'b'} and min(seen.values()) > 8


def test_bad_images_give_way_and_are_told_of():
  source = sequences(Numbered(200, bad=25))
  lessons = [source.lesson(i) for i in range(30)]
  faults = [fault for lesson in lessons for fault in lesson.faults]
  assert {fault.kind for fault in faults} == {'image'}
  assert all(fault.share == 1 / 12 for fault in faults)
  assert 'is torn' in faults[0].message
  for lesson in lessons:
    assert not [n for n in numbers_shown(lesson) if n % 25 == 0]


def test_too_many_bad_images_spoil_a_sequence():
  source = sequences(Numbered(200, bad=2))
  with pytest.raises(BadSample, match='images cannot be used, first: .* torn'):
    source.lesson(0)


def test_images_that_all_say_the_same_teach_nothing_but_captions():
  source = sequences(Numbered(200, captions=1))
  for index in (0, 120):
    with pytest.raises(BadSample, match='no caption stands alone'):
      source.lesson(index)
  assert source.lesson(60).turns[0].task == IIC


def test_images_that_show_the_same_in_other_words_are_not_asked_for():
  class InWords(Numbered):
    """Nine of ten images show the same, each said in its own way."""

    def subject(self, index):
      return 'the same' if index % 10 else str(index)

  source = sequences(InWords(200))
  asked = []
  for index in range(60):
    try:
      lesson = source.lesson(index)
    except BadSample:
      continue
    asked += [turn.events[0].caption for turn in lesson.turns]
  assert asked and all(said.endswith('0.') for said in asked)


def test_what_cannot_be_is_refused():
  with pytest.raises(BadInput, match='has 5 images and a sequence 12'):
    sequences(Numbered(5))
  with pytest.raises(BadInput, match='has no set of images'):
    ImageSequences(sets=(), rule=ImageSequenceRule(), size=2)
  for wrong in (
    {'n_images': 1}, {'n_iig': -1}, {'n_iig': 0, 'n_iic': 0, 'n_alr': 0}
  ):  # fmt: skip
    with pytest.raises(ValueError, match='it must be|ask for one or more'):
      ImageSequenceRule(**wrong)
