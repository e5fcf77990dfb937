"""Questions in words: every way to ask, and every way to write places."""

import numpy as np
import pytest

from input_pipeline.sequences import templates
from input_pipeline.sequences.lesson import (
  ALR_NEXT,
  ALR_PREVIOUS,
  DENSE_CAPTIONS,
  DESCRIPTION,
  FRAMES,
  GROUNDING,
  IIC,
  IIG,
  IMAGES,
  SECONDS,
  TASKS,
  Asked,
  Event,
  Lesson,
  Places,
  Said,
  Scale,
  shown_places,
)
from input_pipeline.sequences.still_frames import still_frames
from input_pipeline.sequences.wording import (
  in_codes,
  plain,
  shown_message,
  turns_of,
  written,
)

DOG, CAT = Event(7, 7, 'A dog runs.'), Event(8, 8, 'A cat {sits}.')


def code(place, length):
  return f'<{10 * place // length:.0f}>'


def answer(task, *events, unit=IMAGES, n=10, write=plain, phrase=0):
  lesson = Lesson(
    video=still_frames(np.zeros((n, 2, 2, 3), np.uint8), 'nothing'),
    unit=unit,
    turns=(Asked(task=task, events=events, phrase=phrase),),
  )
  (turn,) = turns_of(lesson, write)
  return turn


@pytest.mark.parametrize(
  ('task', 'events', 'said'),
  [
    (IIG, [DOG], 'The described image is at 7.'),
    (IIC, [DOG], '7, A dog runs.'),
    (
      ALR_NEXT,
      [DOG, CAT],
      'The described image is at 7. The next image is at 8, A cat {sits}.',
    ),
    (
      ALR_PREVIOUS,
      [CAT, DOG],
      'The described image is at 8. The previous image is at 7, A dog runs.',
    ),
    (DESCRIPTION, [DOG], 'A dog runs.'),
  ],
)
def test_answers_about_images(task, events, said):
  turn = answer(task, *events)
  assert turn.answer == said
  asked_for = 'at 7' if task == IIC else events[0].caption
  assert task == DESCRIPTION or asked_for in turn.question


def test_answers_about_stretches():
  first, second = Event(0, 4, 'A dog runs.'), Event(4, 10, 'A cat sits.')
  turn = answer(GROUNDING, second, unit=FRAMES)
  assert turn.answer == 'The given query happens in 4 - 10.'
  assert "'A cat sits'" in turn.question
  turn = answer(DENSE_CAPTIONS, first, second, unit=FRAMES)
  assert turn.answer == '0 - 4, A dog runs.  4 - 10, A cat sits.'
  turn = answer(DENSE_CAPTIONS, first, second, unit=SECONDS)
  assert turn.answer == (
    '0.0 - 4.0 seconds, A dog runs.  4.0 - 10.0 seconds, A cat sits.'
  )
  turn = answer(
    DENSE_CAPTIONS, first, second, unit=FRAMES, write=in_codes(code)
  )
  assert turn.answer == '<0> - <4>, A dog runs.  <4> - <10>, A cat sits.'


@pytest.mark.parametrize('task', TASKS)
def test_every_task_has_six_ways_to_be_asked_without_a_unit(task):
  questions = templates.QUESTIONS[task]
  assert len(set(questions)) == len(questions) >= 6
  asked = {answer(task, DOG, CAT, phrase=i).question for i in range(50)}
  assert len(asked) == len(questions)
  assert not [q for q in questions if 'second' in q or 'frame' in q]


def test_every_task_is_in_the_tables():
  assert set(templates.QUESTIONS) == set(templates.ANSWERS) == set(TASKS)


def test_released_places_keep_what_they_say_or_become_codes():
  text = ('at ', Places((24.3, 99.0), ' - ', '24.30 - 99 seconds'), '.')
  scale = Scale(SECONDS, 30.0)
  assert written(text, scale, plain) == 'at 24.30 - 99 seconds.'
  assert written(text, scale, in_codes(code)) == 'at <8> - <10>.'
  assert written(text, None, in_codes(code)) == 'at 24.30 - 99 seconds.'
  unit = ('the times', Places((), said=' in seconds'), '.')
  assert written(unit, scale, plain) == 'the times in seconds.'
  assert written(unit, scale, in_codes(code)) == 'the times.'


def test_a_conversation_about_nothing():
  lesson = Lesson(video=None, unit=SECONDS, turns=(Said(('Hi',), ('Hello',)),))
  assert lesson.scale is None
  assert turns_of(lesson, plain) == [('Hi', 'Hello')]


def test_what_is_shown_is_listed():
  scale = Scale(SECONDS, 8.0)
  places = shown_places(SECONDS, [0, 5], fps=2.0)
  assert shown_message(scale, places, plain) == (
    'The video contains 2 frames sampled at 0.0, 2.5 seconds.'
  )
  places = shown_places(IMAGES, range(3), fps=1.0)
  assert shown_message(Scale(IMAGES, 3), places, plain) == (
    'The image sequence contains 3 images indexed at 1, 2, 3.'
  )
  places = shown_places(FRAMES, range(3), fps=1.0)
  assert shown_message(Scale(FRAMES, 3), places, in_codes(code)) == (
    'The video contains 3 frames sampled at <0>, <3>, <6>.'
  )
