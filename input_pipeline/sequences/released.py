"""Released conversations about videos, with their times apart from the words.

    TimeIT           {"video": "a.mp4", "QA": [{"q": ..., "a": ...}],
                      "source": "Activitynet_Captions"}
    Valley           {"v_id": "a_000010_000020", "video": "b.mp4",
                      "source": "VATEX", "conversations": [
                        {"from": "human", "value": "<video>\\n..."},
                        {"from": "gpt", "value": ...}]}
    ShareGPT4Video   {"video_id": "a", "video_path": "panda/a.mp4", "captions":
                      [{"idx": "-1", "content": "The video ..."}, ...]}

Each entry says by its keys which it is. Files are lists, or lines, and stay on
disk; a bad entry is found when it is used.
"""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from input_pipeline.conversation_sources import ASSISTANT, HUMAN
from input_pipeline.json_list import JsonLines, JsonList
from input_pipeline.sequences.first_entries import check_first_entries
from input_pipeline.sequences.lesson import (
  DESCRIPTION,
  Asked,
  Event,
  Places,
  Said,
  Text,
)
from vtg_jax.errors import BadInput

# Valley's name of the data set whose videos are called after `v_id`.
_VATEX = 'VATEX'
_VIDEO = '<video>'
# ShareGPT4Video's number of the caption of the whole video.
_WHOLE = '-1'

_NUMBER = r'\d+(?:\.\d+)?'
# '12.0 - 34.5 seconds, ' begins an event of an answer, '12.0 seconds, ' a
# point, and nothing else: 'stir for 30 seconds' is no place.
_AT_START = re.compile(
  rf'(?:\A|(?<=[.!?]\s)|(?<=[.!?]\s\s))'
  rf'(?P<places>{_NUMBER}(?: - {_NUMBER})?) seconds?(?=,)'
)
_HAPPENS = re.compile(
  rf'(?<=happens in )(?P<places>{_NUMBER} - {_NUMBER}) seconds?'
)
_LISTED = re.compile(
  rf'(?<=in the )(?P<places>{_NUMBER}(?:, {_NUMBER})*) seconds?'
)
_ANSWERS = (_AT_START, _HAPPENS, _LISTED)
# A question may begin with what is spoken. There every line begins like an
# event, but may follow no stop. Only whole numbers are tried: a file of digits
# would take for ever.
_SPOKEN = re.compile(
  rf'(?<![\d.])(?P<places>{_NUMBER} - {_NUMBER}) seconds(?=,)'
)
_SPEECH, _SPEECH_END = 'Transcribed speech: ', ' Based on the video content'
# The name of the unit, where a question asks for it. Its examples stay.
_UNIT = re.compile(r'(?P<places>)(?: in|(?<=end)) seconds\b')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conversation:
  """A conversation about a video.

  Attributes:
    video: name of the file.
    turns: questions and answers.
    source: of the video, as far as the entry says; '' otherwise.
  """

  video: str
  turns: tuple[Asked | Said, ...]
  source: str


def open_released(path: str) -> Sequence[Any]:
  """The entries of a released file; `conversation` reads them.

  Raises:
    BadInput: it cannot be read, or its first entries have none of the forms.
  """
  lines = os.path.splitext(path)[1].lower() == '.jsonl'
  entries = JsonLines(path) if lines else JsonList(path)
  if not entries:
    raise BadInput(f'{path} holds no item; give one or more')
  try:
    check_first_entries(lambda i: conversation(entries[i]), len(entries))
  except BadInput as error:
    raise BadInput(f'{path}, item 0: {error}') from error
  return entries


def conversation(entry: Any) -> Conversation:
  """What an entry of one of the files says.

  Raises:
    BadInput: it has none of the forms.
  """
  if not isinstance(entry, dict):
    raise BadInput(f'{repr(entry)[:80]} is no object; give a released file')
  for key, read in (
    ('QA', _timeit),
    ('conversations', _valley),
    ('captions', _sharegpt4video),
  ):
    if key in entry:
      return read(entry)
  raise BadInput(
    f'{repr(entry)[:80]} has no QA, conversations or captions; give an entry '
    'of TimeIT, Valley or ShareGPT4Video'
  )


def with_places(text: str, patterns: Sequence[re.Pattern]) -> Text:
  """A text with the places that some patterns find in it, in seconds.

  In:  'The given query happens in 24.3 - 30.4 seconds.'
  Out: ('The given query happens in ',
        Places((24.3, 30.4), ' - ', '24.3 - 30.4 seconds'), '.')

  Args:
    text: as released.
    patterns: their group `places` holds numbers.
  """
  found = sorted(
    (match for pattern in patterns for match in pattern.finditer(text)),
    key=lambda match: match.start(),
  )
  parts: list[str | Places] = []
  place = 0
  for match in found:
    if match.start() < place:
      continue
    parts += [text[place : match.start()], _places(match)]
    place = match.end()
  parts.append(text[place:])
  return tuple(part for part in parts if part)


def _places(match: re.Match) -> Places:
  between = ' - ' if ' - ' in match['places'] else ', '
  values = (float(n) for n in re.findall(_NUMBER, match['places']))
  return Places(tuple(values), between, match[0])


def _timeit(entry: Mapping[str, Any]) -> Conversation:
  turns = entry['QA']
  if not isinstance(turns, list) or not turns:
    raise BadInput(f'QA is {repr(turns)[:80]}; give one or more turns')
  for turn in turns:
    if not isinstance(turn, dict) or not all(
      isinstance(turn.get(key), str) for key in ('q', 'a')
    ):
      raise BadInput(f'a turn is {repr(turn)[:80]}; give q and a')
  return Conversation(
    video=_name(entry.get('video')),
    turns=tuple(_said(turn['q'], turn['a']) for turn in turns),
    source=_source(entry),
  )


def _said(question: str, answer: str) -> Said:
  spoken = ''
  if question.startswith(_SPEECH):
    spoken, end, rest = question.partition(_SPEECH_END)
    question = end + rest
  return Said(
    _joined(*with_places(spoken, (_SPOKEN,)), *with_places(question, (_UNIT,))),
    with_places(answer, _ANSWERS),
  )


def _joined(*parts: str | Places) -> Text:
  """Parts of a text, neighbouring words as one."""
  out: list[str | Places] = []
  for part in parts:
    if out and isinstance(part, str) and isinstance(out[-1], str):
      out[-1] += part
    else:
      out.append(part)
  return tuple(out)


def _valley(entry: Mapping[str, Any]) -> Conversation:
  turns = entry['conversations']
  if not isinstance(turns, list) or not turns or len(turns) % 2:
    raise BadInput(
      f'conversations is {repr(turns)[:80]}; give questions and answers in turn'
    )
  texts = []
  for i, turn in enumerate(turns):
    speaker = (HUMAN, ASSISTANT)[i % 2]
    is_text = isinstance(turn, dict) and isinstance(turn.get('value'), str)
    if not is_text or turn.get('from') != speaker:
      raise BadInput(
        f'turn {i} is {repr(turn)[:80]}; it must be a text from {speaker!r}'
      )
    texts.append(turn['value'].replace(_VIDEO, '').strip('\n'))
  source, v_id = _source(entry), entry.get('v_id')
  video = f'{v_id}.mp4' if source == _VATEX and v_id else entry.get('video')
  return Conversation(
    video=_name(video),
    turns=tuple(
      Said((question,), (answer,))
      for question, answer in zip(texts[::2], texts[1::2], strict=True)
    ),
    source=source,
  )


def _sharegpt4video(entry: Mapping[str, Any]) -> Conversation:
  """The caption of the whole video; those of its frames are left out."""
  captions = entry['captions']
  whole = [
    caption.get('content')
    for caption in (captions if isinstance(captions, list) else ())
    if isinstance(caption, dict) and str(caption.get('idx')) == _WHOLE
  ]
  if len(whole) != 1 or not isinstance(whole[0], str):
    raise BadInput(
      f'captions is {repr(captions)[:80]}; one, of idx {_WHOLE}, must be of '
      'the whole video'
    )
  video = entry.get('video_path')
  if video is None and isinstance(entry.get('video_id'), str):
    video = f'{entry["video_id"]}.mp4'
  event = Event(0.0, 0.0, whole[0])
  return Conversation(
    video=_name(video),
    turns=(Asked(task=DESCRIPTION, events=(event,)),),
    source=_source(entry),
  )


def _name(video: Any) -> str:
  if not isinstance(video, str) or not video:
    raise BadInput(f'video is {repr(video)[:80]}; give a file name')
  return video


def _source(entry: Mapping[str, Any]) -> str:
  source = entry.get('source') or ''
  if not isinstance(source, str):
    raise BadInput(f'source is {repr(source)[:80]}; give a text')
  return source
