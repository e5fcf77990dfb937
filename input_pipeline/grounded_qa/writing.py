"""How a language model is asked for a question about an event.

It reads what happens in the video and when, and writes one JSON object:

  {"question": "What does the man do after he sits down?",
   "answer": "He opens a book.", "start": 12.0, "end": 20.5}

The prompt is ours: that of the paper is not public.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Protocol

from input_pipeline.grounded_qa.captions import CaptionedVideo

PROMPT = """\
Below is what happens in a video of {duration} seconds, with start and end in \
seconds. You cannot see the video; trust the list.

{events}

Write one question about this event of the list:
{target}

Rules:
- The question is answered by watching that part of the video, and by no \
other part of it.
- The question names no time, no second and no number of the list. To say \
when, refer to something else that happens.
- The answer is short, a phrase or a sentence, is supported by the list, and \
is not said in the question.
- start and end are the seconds in which the answer can be seen.

Reply with one JSON object and nothing else:
{{"question": "...", "answer": "...", "start": 0.0, "end": 0.0}}"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
  """A question that is wanted.

  Attributes:
    video: what is known of the video.
    event: number of the event that it is to be about.
    attempt: 0, and one more each time that the reply could not be used.
    seed: of what is drawn, where anything is.
  """

  video: CaptionedVideo
  event: int
  attempt: int = 0
  seed: int = 0

  @property
  def prompt(self) -> str:
    """The request in words."""
    lines = [
      f'{start_s:.1f} to {end_s:.1f}: {sentence}'
      for start_s, end_s, sentence in self.video.events
    ]
    return PROMPT.format(
      duration=f'{self.video.duration_s:.1f}',
      events='\n'.join(lines),
      target=lines[self.event],
    )


class QuestionWriter(Protocol):
  """Writes questions.

  Attributes:
    name: what it is, as the record of a run tells it.
  """

  name: str

  def write(self, requests: Sequence[Request]) -> Sequence[str]:
    """A reply to each, which should be the JSON object."""
    ...


class LanguageModel(Protocol):
  """Goes on after a text.

  Attributes:
    name: what it is, as the record of a run tells it.
  """

  name: str

  def complete(
    self, prompts: Sequence[str], *, seed: int, draw: bool
  ) -> Sequence[str]:
    """A reply to each prompt: the likeliest, or a drawn one."""
    ...


@dataclasses.dataclass(frozen=True)
class PromptedWriter:
  """A language model that is given the prompt.

  It is asked for the likeliest reply first; where that cannot be used, the
  next ones are drawn.

  Attributes:
    model: goes on after a text.
  """

  model: LanguageModel

  @property
  def name(self) -> str:
    return self.model.name

  def write(self, requests: Sequence[Request]) -> list[str]:
    replies = [''] * len(requests)
    for draw in (False, True):
      places = [
        i for i, one in enumerate(requests) if bool(one.attempt) == draw
      ]
      if places:
        found = self.model.complete(
          [requests[i].prompt for i in places],
          seed=requests[places[0]].seed + requests[places[0]].attempt,
          draw=draw,
        )
        for i, reply in zip(places, found, strict=True):
          replies[i] = reply
    return replies


@dataclasses.dataclass(frozen=True)
class TemplateWriter:
  """Asks what happens after, or before, another event; it needs no model.

  Attributes:
    name: see `QuestionWriter`.
  """

  name: str = 'template 1'

  def write(self, requests: Sequence[Request]) -> list[str]:
    return [self._reply(request) for request in requests]

  def _reply(self, request: Request) -> str:
    events, number = request.video.events, request.event
    start_s, end_s, sentence = events[number]
    if number > 0:
      question = f'What happens after this: {_said(events[number - 1])}?'
    elif len(events) > 1:
      question = f'What happens before this: {_said(events[1])}?'
    else:
      question = 'What happens in the video?'
    return json.dumps(
      {
        'question': question,
        'answer': sentence,
        'start': start_s,
        'end': end_s,
      }
    )


def _said(event) -> str:
  return event.sentence.rstrip(' .!?')
