"""Items to train on, read from the files that datasets are released as.

An item is what one entry of HawkEye's `train.json` is:

    {'video': 'a.mp4', 'QA': [{'i': ..., 'q': ..., 'a': ...}]}

with times in the turn (grounding, captioning), or perhaps `start` and `end`
beside the video (chat).
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.moments import coarse

OBJECTIVES = ('grounding', 'caption', 'chat')
SPAN_KEYS = ('start_sec', 'end_sec', 'neg_start_sec', 'neg_end_sec')
# No video lasts 30 years; frame numbers of a longer one fit no integer.
MOST_S = 1e9

Item = Mapping[str, Any]


class PackedItems(Sequence):
  """Items kept as bytes: a million of them are two objects to a process."""

  def __init__(self, items: Iterable[Item]):
    texts = [json.dumps(item).encode() for item in items]
    self._data = b''.join(texts)
    self._ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)

  def __len__(self) -> int:
    return len(self._ends) - 1

  def __getitem__(self, index: int) -> dict[str, Any]:
    if not 0 <= index < len(self):
      raise IndexError(index)
    return json.loads(self._data[self._ends[index] : self._ends[index + 1]])


def objective(item: Item) -> str:
  """What an item teaches: one of OBJECTIVES.

  A list of answers to choose from is grounding, a list of questions is
  captioning of a part, anything else is chat.
  """
  turn = item['QA'][0]
  if not isinstance(turn['a'], str):
    return 'grounding'
  return 'chat' if isinstance(turn['q'], str) else 'caption'


def read_items(path: str | os.PathLike) -> PackedItems:
  """Reads `train.json` of HawkEye-IT or VideoChat2-IT.

  Raises:
    BadInput: no such file, no JSON list, or an item that is not of this form.
  """
  values = read_json(path)
  if not isinstance(values, list):
    raise BadInput(f'{os.fspath(path)} is no list of items; give a train.json')
  return checked_items(values, os.fspath(path))


def read_texts(
  path: str | os.PathLike, *, template: bool = False
) -> tuple[str, ...]:
  """Reads `instructions.json`, or with `template` `questions.json`.

  Raises:
    BadInput: it is no list of texts, or a template has not one %s.
  """
  values = read_json(path)
  if not isinstance(values, list) or not values:
    raise BadInput(f'{os.fspath(path)} is no list of texts; give one or more')
  for i, value in enumerate(values):
    if not isinstance(value, str) or (template and value.count('%s') != 1):
      form = 'a text with one %s' if template else 'a text'
      raise BadInput(
        f'{os.fspath(path)}, entry {i} is {value!r}; it must be {form}'
      )
  return tuple(values)


def checked_items(items: Iterable[Any], where: str) -> PackedItems:
  """The items, if each can be trained on as far as its entry tells.

  Args:
    items: as JSON.
    where: what they came from, for the complaint.

  Raises:
    BadInput: naming the first item that cannot be used, and why.
  """
  items = list(items)
  for i, item in enumerate(items):
    fault = _fault(item)
    if fault:
      raise BadInput(f'{where}, item {i}: {fault}')
  if not items:
    raise BadInput(f'{where} holds no item; give one or more')
  return PackedItems(items)


def read_json(path: str | os.PathLike) -> Any:
  """The JSON value in a file.

  Raises:
    BadInput: it cannot be read, or is not JSON.
  """
  path = os.fspath(path)
  try:
    with open(path, encoding='utf-8') as file:
      return json.load(file)
  except OSError as error:
    raise BadInput(
      f'{path} cannot be read ({error.strerror}); check its name'
    ) from error
  except (ValueError, RecursionError) as error:
    raise BadInput(f'{path} is not JSON ({error}); mend it') from error


def _fault(item: Any) -> str | None:
  """What is wrong with an item; None if nothing is."""
  if not isinstance(item, dict):
    return f'{_shown(item)} is not an object with video and QA'
  if not isinstance(item.get('video'), str) or not item['video']:
    return f'video is {_shown(item.get("video"))}; give a file name'
  turns = item.get('QA')
  if not isinstance(turns, list) or not turns:
    return f'QA is {_shown(turns)}; give one or more turns'
  for turn in turns:
    fault = _turn_fault(turn)
    if fault:
      return fault
  if len(turns) > 1 and any(not _is_plain(turn) for turn in turns):
    return 'QA has several turns and one of them with times; give them apart'
  return _times_fault(item, ('start', 'end'))


def _turn_fault(turn: Any) -> str | None:
  if not isinstance(turn, dict):
    return f'a turn is {_shown(turn)}; give an object with q and a'
  if not isinstance(turn.get('i', ''), str):
    return f'i is {_shown(turn["i"])}; give a text'
  for key in ('q', 'a'):
    if not isinstance(turn.get(key), str) and not _is_choices(turn.get(key)):
      return (
        f'{key} is {_shown(turn.get(key))}; give a text, or a pair '
        '[category, text] for each of the four categories'
      )
  if _is_plain(turn):
    return None
  if not isinstance(turn['q'], str) and not isinstance(turn['a'], str):
    return 'both q and a list categories; one of them must be a text'
  missing = [key for key in SPAN_KEYS if key not in turn]
  if missing:
    return f'a turn with categories lacks {", ".join(missing)}'
  return _times_fault(turn, SPAN_KEYS[:2]) or _times_fault(turn, SPAN_KEYS[2:])


def _is_plain(turn: Mapping[str, Any]) -> bool:
  return isinstance(turn['q'], str) and isinstance(turn['a'], str)


def _is_choices(value: Any) -> bool:
  return (
    isinstance(value, list)
    and all(
      isinstance(pair, list)
      and len(pair) == 2
      and all(isinstance(part, str) for part in pair)
      for pair in value
    )
    and sorted(pair[0] for pair in value) == sorted(coarse.CATEGORIES)
  )


def _times_fault(values: Mapping[str, Any], keys: Sequence[str]) -> str | None:
  present = [key for key in keys if values.get(key) is not None]
  if not present:
    return None
  for key in keys:
    value = values.get(key)
    if not _is_seconds(value):
      return f'{key} is {_shown(value)}; give seconds'
  start_s, end_s = (values[key] for key in keys)
  if end_s < start_s:
    return f'{keys[1]} {end_s} is before {keys[0]} {start_s}; swap them'
  return None


def _is_seconds(value: Any) -> bool:
  if not isinstance(value, int | float) or isinstance(value, bool):
    return False
  return abs(value) <= MOST_S  # false for NaN


def _shown(value: Any) -> str:
  return repr(value)[:80]
