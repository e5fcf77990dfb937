"""The files that sentences of long videos come in, as items.

    conversations  a JSON list, as the release trains on it:
                   [{'query_id': '7', 'id': 'film', 'source': 'mad',
                     'conversations': [
                       {'from': 'human', 'value': '<video>\\nDuring ...?'},
                       {'from': 'gpt', 'value': 'From <s0> to <e0>.'}],
                     'meta': {'duration': 5400.0,
                              'token': {'<s0>': 31.2, '<e0>': 35.0}}}]
    moments        a JSON object, as MAD has it, and the test of VidChapters-7M:
                   {'7': {'movie': 'film', 'sentence': 'A man runs.',
                          'timestamps': [31.2, 35.0],
                          'movie_duration': 5400.0}}
                   or {'videos': [...]}, or a line for each, with 'query_id'
    chapters       lines, as VidChapters-7M has it:
                   {'vid': 'a', 'duration': 900, 'query': ['Intro', ...],
                    'relevant_windows': [[[0, 31]], ...]}

Entries are checked when a file is opened, and read again when they are used.
MSR-VTT is in `clip_annotations`.
"""

import dataclasses
import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from input_pipeline.json_list import JsonLines, JsonList, JsonObject
from input_pipeline.long_video.item import END, START, VIDEO, MomentItem, asked
from input_pipeline.training_items import MOST_S, PackedItems, read_json
from vtg_jax.errors import BadInput

KINDS = ('conversations', 'moments', 'chapters')
# What the release calls the data sets.
MAD, CHAPTERS = 'mad', 'vidchapters7m'
HUMAN, ASSISTANT = 'human', 'gpt'
_OF_LONGER = ' of a video of more than %g s'


@dataclasses.dataclass(frozen=True, kw_only=True)
class MomentFile:
  """A file of sentences.

  Attributes:
    path: of the file.
    kind: of `KINDS`.
    name: what complaints call it; the path where empty.
    wording: what is asked about a bare sentence; see `item.QUESTIONS`.
    longer_than_s: only videos that are longer are used, seconds; None for all.
  """

  path: str
  kind: str = 'conversations'
  name: str = ''
  wording: str = 'frames'
  longer_than_s: float | None = None

  def __post_init__(self):
    if self.kind not in KINDS:
      raise ValueError(f'kind {self.kind!r} is unknown; use one of {KINDS}')


class MomentItems(Sequence):
  """The items of a file, made when asked for.

  Attributes:
    name: what complaints call the file.
  """

  def __init__(
    self,
    name: str,
    entries: Sequence[Any],
    read: Callable[[Any, int, int], MomentItem],
    places: np.ndarray,
  ):
    """Keeps where the items are; see `open_moments`.

    Args:
      name: of the file.
      entries: of the file.
      read: (entry, its number, place in it) -> item.
      places: [n 2], entry and place in it of each item.
    """
    self.name = name
    self._entries, self._read, self._places = entries, read, places

  def __len__(self) -> int:
    return len(self._places)

  def __getitem__(self, index: int) -> MomentItem:
    if not 0 <= index < len(self):
      raise IndexError(index)
    entry, place = (int(i) for i in self._places[index])
    return self._read(self._entries[entry], entry, place)


def open_moments(file: MomentFile) -> MomentItems:
  """Checks every entry of a file.

  Sentences whose event ends before it starts are left out, with a warning.

  Raises:
    BadInput: naming the file, and the entry in it that cannot be used.
  """
  entries, form = _entries(file), _FORMS[file.kind](file)
  places, n_reversed = [], 0
  for i, entry in enumerate(entries):
    where = f'{file.path}, item {i}'
    for place, item in enumerate(_checked(form, entry, i, where)):
      if item.end_s < item.start_s:
        n_reversed += 1
      elif _is_longer(item, file.longer_than_s):
        places.append((i, place))
  if n_reversed:
    logging.warning(
      '%s: %d sentences end before they start and are left out',
      file.path,
      n_reversed,
    )
  if not places:
    raise BadInput(
      f'{file.path} holds no sentence'
      + ('' if file.longer_than_s is None else _OF_LONGER % file.longer_than_s)
      + '; give another file'
    )
  return MomentItems(
    file.name or file.path, entries, form.read, np.array(places, np.int64)
  )


def released_item(entry: dict[str, Any]) -> MomentItem:
  """The item of one entry of a file that the release trains on.

  Raises:
    ValueError: saying what is wrong with the entry.
  """
  return _Conversation().read(entry, 0, 0)


def _is_longer(item: MomentItem, least_s: float | None) -> bool:
  return least_s is None or (item.duration_s or 0.0) > least_s


def _checked(form, entry, number, where) -> Iterator[MomentItem]:
  value = entry[1] if isinstance(entry, tuple) else entry
  if not isinstance(value, dict):
    raise BadInput(f'{where}{_named(entry)} is {_shown(value)}; give an object')
  try:
    for place in range(form.count(entry)):
      yield form.read(entry, number, place)
  except (ValueError, TypeError, KeyError) as error:
    named = _named(entry)
    fault = f'lacks {error}' if isinstance(error, KeyError) else str(error)
    raise BadInput(f'{where}{named}: {fault}; mend it') from error


def _entries(file: MomentFile) -> Sequence[Any]:
  if file.kind == 'conversations':
    return JsonList(file.path)
  if file.kind == 'chapters' or file.path.endswith('.jsonl'):
    return JsonLines(file.path)
  entries = JsonObject(file.path)
  if len(entries) == 1 and entries[0][0] == 'videos':
    videos = read_json(os.fspath(file.path))['videos']
    if not isinstance(videos, list):
      raise BadInput(f'{file.path} has videos that are no list; mend it')
    return PackedItems(videos)
  return entries


class _Conversation:
  """Reads entries of the lists that the release trains on."""

  def __init__(self, file: MomentFile | None = None):
    pass

  def count(self, entry) -> int:
    return 1

  def read(self, entry, number: int, place: int) -> MomentItem:
    turns = entry['conversations']
    if not isinstance(turns, list) or len(turns) != 2:
      raise ValueError(
        f'conversations is {_shown(turns)}; give a question and an answer'
      )
    question, answer = (
      _turn(turn, speaker)
      for turn, speaker in zip(turns, (HUMAN, ASSISTANT), strict=True)
    )
    question = question.replace('<image>', VIDEO)
    if not question.startswith(f'{VIDEO}\n') or question.count(VIDEO) != 1:
      raise ValueError(
        f'the question is {_shown(question)}; begin it with {VIDEO} and a line '
        'break'
      )
    meta = entry.get('meta') or {}
    times = {}
    if START in answer or END in answer:
      times = _span([meta['token'][START], meta['token'][END]])
    duration_s = meta.get('duration')
    return MomentItem(
      query_id=_key(entry.get('query_id', number), 'query_id'),
      video=_key(entry['id'], 'id'),
      text=question.removeprefix(f'{VIDEO}\n'),
      answer=answer,
      duration_s=None if duration_s is None else _duration(duration_s),
      source=entry.get('source') or '',
      **times,
    )


class _Moment:
  """Reads entries of MAD's files, and of the test file of VidChapters-7M."""

  def __init__(self, file: MomentFile):
    self._wording = file.wording

  def count(self, entry) -> int:
    return 1

  def read(self, entry, number: int, place: int) -> MomentItem:
    if isinstance(entry, list | tuple):
      query_id, entry = entry
    else:
      query_id = entry.get('query_id', entry.get('qid', number))
    chapters = 'vid' in entry
    return MomentItem(
      query_id=_key(query_id, 'query_id'),
      video=_key(entry['vid' if chapters else 'movie'], 'movie'),
      text=asked(_text(entry['sentence'], 'sentence'), self._wording),
      duration_s=_duration(entry['movie_duration']),
      source=CHAPTERS if chapters else MAD,
      **_span(entry['timestamps']),
    )


class _Chapters:
  """Reads lines of VidChapters-7M: one item a chapter."""

  def __init__(self, file: MomentFile):
    self._wording = file.wording

  def count(self, entry) -> int:
    queries, windows = entry['query'], entry['relevant_windows']
    if not isinstance(queries, list) or not isinstance(windows, list):
      raise ValueError('query and relevant_windows are no lists')
    if len(queries) != len(windows):
      raise ValueError(
        f'there are {len(queries)} of query and {len(windows)} of '
        'relevant_windows'
      )
    return len(queries)

  def read(self, entry, number: int, place: int) -> MomentItem:
    windows = entry['relevant_windows'][place]
    if not isinstance(windows, list) or len(windows) != 1:
      raise ValueError(
        f'relevant_windows {place} is {_shown(windows)}; give one [[s, e]]'
      )
    video = _key(entry['vid'], 'vid')
    return MomentItem(
      query_id=f'{video}_{place}',
      video=video,
      text=asked(_text(entry['query'][place], 'query'), self._wording),
      duration_s=_duration(entry['duration']),
      source=CHAPTERS,
      **_span(windows[0]),
    )


_FORMS = {
  'conversations': _Conversation,
  'moments': _Moment,
  'chapters': _Chapters,
}


def _turn(turn: Any, speaker: str) -> str:
  if not isinstance(turn, dict) or turn.get('from') != speaker:
    raise ValueError(f'a turn is {_shown(turn)}; it must be from {speaker!r}')
  return _text(turn.get('value'), 'value')


def _text(value: Any, name: str) -> str:
  if not isinstance(value, str):
    raise ValueError(f'{name} is {_shown(value)}; give a text')
  return value


def _key(value: Any, name: str) -> str:
  if isinstance(value, bool) or not isinstance(value, str | int):
    raise ValueError(f'{name} is {_shown(value)}; give a text')
  return str(value)


def _duration(value: Any) -> float:
  if not _is_seconds(value) or value <= 0:
    raise ValueError(f'the duration is {_shown(value)}; give positive seconds')
  return value


def _span(value: Any) -> dict[str, float]:
  """Seconds of an event, to a tenth as the release trains on them."""
  if not isinstance(value, list) or len(value) != 2:
    raise ValueError(f'the event lasts {_shown(value)}; give [start, end]')
  if not all(_is_seconds(time_s) for time_s in value):
    raise ValueError(f'the event lasts {_shown(value)}; give seconds')
  start_s, end_s = (round(time_s, 1) for time_s in value)
  return {'start_s': start_s, 'end_s': end_s}


def _is_seconds(value: Any) -> bool:
  if isinstance(value, bool) or not isinstance(value, int | float):
    return False
  return math.isfinite(value) and abs(value) <= MOST_S


def _named(entry: Any) -> str:
  """' (query_id 7)', where the entry says so."""
  if isinstance(entry, tuple):
    return f' (key {_shown(entry[0])})'
  number = entry.get('query_id') if isinstance(entry, dict) else None
  return '' if number is None else f' (query_id {_shown(number)})'


def _shown(value: Any) -> str:
  return repr(value)[:80]
