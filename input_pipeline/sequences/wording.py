"""Texts out of questions and answers, however places are to be written."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from input_pipeline.sequences import templates
from input_pipeline.sequences.lesson import (
  IMAGES,
  SECONDS,
  Asked,
  Lesson,
  Places,
  Said,
  Scale,
  Text,
)

# (places, scale) -> how they stand in a text, with their unit if they have one.
WritePlaces = Callable[[Places, Scale], str]
# A question -> it and its answer in words.
PutIntoWords = Callable[[Asked], Said]


class Turn(NamedTuple):
  """A question and its answer as plain texts."""

  question: str
  answer: str


def written(text: Text, scale: Scale | None, write: WritePlaces) -> str:
  """The text with its places written.

  Args:
    text: words and places.
    scale: what is shown; None leaves places as a released text has them.
    write: writes places.
  """
  return ''.join(
    part if isinstance(part, str) else _place(part, scale, write)
    for part in text
  )


def turns_of(
  lesson: Lesson,
  write: WritePlaces,
  put_into_words: PutIntoWords = templates.said,
) -> list[Turn]:
  """The conversation about a lesson.

  Args:
    lesson: what is shown and asked.
    write: writes places.
    put_into_words: words questions that have none yet.
  """
  scale, turns = lesson.scale, []
  for turn in lesson.turns:
    said = put_into_words(turn) if isinstance(turn, Asked) else turn
    turns.append(
      Turn(
        written(said.question, scale, write), written(said.answer, scale, write)
      )
    )
  return turns


def shown_message(
  scale: Scale, places: Sequence[float], write: WritePlaces
) -> str:
  """The prompt's sentence about what is shown, without a space at its end.

  In seconds it is TimeChat's:
    'The video contains 2 frames sampled at 0.0, 2.5 seconds.'
  """
  listed = write(Places(tuple(places), ', '), scale)
  if scale.unit == IMAGES:
    return (
      f'The image sequence contains {len(places)} images indexed at {listed}.'
    )
  return f'The video contains {len(places)} frames sampled at {listed}.'


def plain(places: Places, scale: Scale) -> str:
  """Numbers of images or frames as they are, seconds to a tenth.

  A released text keeps what it says.

  Example: (24.3, 30.4) of a video gives '24.3 - 30.4 seconds'.
  """
  if places.said is not None:
    return places.said
  if scale.unit != SECONDS:
    return places.between.join(str(value) for value in places.values)
  numbers = [str(round(float(value), 1)) for value in places.values]
  return f'{places.between.join(numbers)} seconds'


def in_codes(code: Callable[[float, float], str]) -> WritePlaces:
  """Writes every place as the code of where in the whole it is, without unit.

  Args:
    code: (place, length) -> the code of place / length. What a video's
      annotation puts outside of it is moved to its ends.
  """

  def write(places: Places, scale: Scale) -> str:
    inside = (min(max(value, 0), scale.length) for value in places.values)
    return places.between.join(code(value, scale.length) for value in inside)

  return write


def _place(places: Places, scale: Scale | None, write: WritePlaces) -> str:
  if scale is None:
    return places.said or places.between.join(map(str, places.values))
  return write(places, scale)
