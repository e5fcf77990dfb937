"""The ways to ask and to answer, with fields for captions and places.

Which way is taken follows from the number that was drawn with the question.
None names a unit: a place brings its own, or has none.

Source: Seq2Time's prompts are not published. The first of each task, and all
answers, follow our notes on it; grounding and dense captions are answered as in
TimeIT, whose parsers read them.
"""

import string

from input_pipeline.sequences.captions import as_query
from input_pipeline.sequences.lesson import (
  ALR_NEXT,
  ALR_PREVIOUS,
  DENSE_CAPTIONS,
  DESCRIPTION,
  GROUNDING,
  IIC,
  IIG,
  Asked,
  Event,
  Places,
  Said,
  Text,
)

QUESTIONS: dict[str, tuple[str, ...]] = {
  IIG: (
    "Find the image that matches this description: '{caption}' Give its "
    'position in the sequence.',
    "Where in the sequence is the image described as '{caption}'?",
    "At which position does the image appear that shows this: '{caption}'",
    'Look through the images and say at which position this one is: '
    "'{caption}'",
    "One of the images fits the description '{caption}' What is its position?",
    "Locate the following image in the sequence: '{caption}'",
    "'{caption}' Which position in the sequence does this describe?",
  ),
  IIC: (
    'Describe the image at {place} in detail.',
    'What does the image at {place} show?',
    'Give a detailed description of the image at {place}.',
    'Look at the image at {place} and tell what can be seen in it.',
    'Write a caption for the image at {place}.',
    'What can be seen at {place} in the sequence?',
    'Explain in detail what the image at {place} is about.',
  ),
  ALR_NEXT: (
    "One image in the sequence is described as: '{caption}' Locate it, then "
    'describe the image right after it.',
    "Find the image that shows this: '{caption}' What does the next image "
    'show?',
    "Which image follows the one described as '{caption}'? Give both "
    'positions and describe it.',
    "Look for the image that fits '{caption}' Then describe the one that "
    'comes immediately after it.',
    "'{caption}' Where is this image, and what is in the image after it?",
    "Locate the image '{caption}' and tell what the image that follows it "
    'shows.',
  ),
  ALR_PREVIOUS: (
    "One image in the sequence is described as: '{caption}' Locate it, then "
    'describe the image right before it.',
    "Find the image that shows this: '{caption}' What does the previous image "
    'show?',
    "Which image precedes the one described as '{caption}'? Give both "
    'positions and describe it.',
    "Look for the image that fits '{caption}' Then describe the one that "
    'comes immediately before it.',
    "'{caption}' Where is this image, and what is in the image before it?",
    "Locate the image '{caption}' and tell what the image that comes before "
    'it shows.',
  ),
  GROUNDING: (
    "Localize the visual content described by the given textual query '{query}'"
    ' in the video, and output its start and end.',
    "When does '{query}' happen in the video? Give the start and the end.",
    "Find the part of the video that shows '{query}' and tell where it starts "
    'and ends.',
    "During which part of the video can '{query}' be seen?",
    "Give the start and the end of the event '{query}' in the video.",
    "From where to where in the video does this happen: '{query}'?",
    "Detect the moment that the query '{query}' describes, and report when it "
    'begins and when it is over.',
  ),
  DENSE_CAPTIONS: (
    'Determine the start and end of the various activity events in the video, '
    'accompanied by descriptions.',
    'List all events of the video in order, each with its start, its end and '
    'a description.',
    'What happens in the video, and when? Give the start and the end of each '
    'event before describing it.',
    'Divide the video into its events and describe each of them after its '
    'start and end.',
    'Find every activity in the video; for each, give where it starts, where '
    'it ends and what is done.',
    'Give an account of the video event by event, with the start and the end '
    'of each.',
  ),
  DESCRIPTION: (
    'Describe the video in detail.',
    'What happens in this video? Give a detailed account.',
    'Write a detailed caption for the whole video.',
    'Tell what can be seen in the video from beginning to end.',
    'Give a thorough description of everything the video shows.',
    'Explain in detail what this video is about.',
  ),
}
ANSWERS: dict[str, str] = {
  IIG: 'The described image is at {place}.',
  IIC: '{place}, {caption}',
  ALR_NEXT: 'The described image is at {place}. '
  'The next image is at {other_place}, {other_caption}',
  ALR_PREVIOUS: 'The described image is at {place}. '
  'The previous image is at {other_place}, {other_caption}',
  GROUNDING: 'The given query happens in {span}.',
  # Of each event, one after another with a blank in between.
  DENSE_CAPTIONS: '{span}, {caption} ',
  DESCRIPTION: '{caption}',
}


def said(asked: Asked) -> Said:
  """A question and its answer, in the words that its number picks."""
  questions = QUESTIONS[asked.task]
  question = questions[asked.phrase % len(questions)]
  fields = _fields(asked.events)
  if asked.task == DENSE_CAPTIONS:
    answer = _listed(asked.events)
  else:
    answer = filled(ANSWERS[asked.task], fields)
  return Said(filled(question, fields), answer)


def filled(template: str, fields: dict[str, str | Places]) -> Text:
  """A template's words and places; neighbouring words are one part.

  In:  'at {place}, {caption}', {'place': Places((7,)), 'caption': 'A dog.'}
  Out: ('at ', Places((7,)), ', A dog.')
  """
  parts: list[str | Places] = []
  for words, name, _, _ in string.Formatter().parse(template):
    for part in (words, *(() if name is None else (fields[name],))):
      if isinstance(part, str) and parts and isinstance(parts[-1], str):
        parts[-1] += part
      elif part:
        parts.append(part)
  return tuple(parts)


def _fields(events: tuple[Event, ...]) -> dict[str, str | Places]:
  event, other = events[0], events[-1]
  return {
    'place': Places((event.start,)),
    'span': Places((event.start, event.end)),
    'caption': event.caption,
    'query': as_query(event.caption),
    'other_place': Places((other.start,)),
    'other_caption': other.caption,
  }


def _listed(events: tuple[Event, ...]) -> Text:
  template = ANSWERS[DENSE_CAPTIONS]
  parts: list[str | Places] = []
  for i, event in enumerate(events):
    *head, tail = filled(template, _fields((event,)))
    is_last = i == len(events) - 1
    parts += [*head, tail.rstrip() if is_last else f'{tail} ']
  return tuple(parts)
