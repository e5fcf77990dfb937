"""TimeChat's answers as its published scripts read them, oddities included.

See `answers`, which says what is read; this says how.
"""

import math
import re

from vtg_jax.metrics.dense_captions import Event

# The scripts' idea of a number: '12', '12.5', but '12...5' as well.
_LOOSE = r'\d+\.*\d*'
_LOOSE_RANGE = re.compile(rf'({_LOOSE})\s*-\s*({_LOOSE})')
_LOOSE_NUMBER = re.compile(rf'{_LOOSE}(?!\.)')
_CLOCK = re.compile(rf'{_LOOSE}:{_LOOSE}')
_NUMBER = re.compile(r'\b(?:\d+\.\d+|\d+)\b')
_START = re.compile(rf'start(?:ing)? time: ({_LOOSE})')
_END = re.compile(rf'end(?:ing)? time: ({_LOOSE})')
# What a piece of text is about that tells one end of a span.
_ABOUT_TIMES = ('start', 'end', 'happen')
# Around a single time: seconds to either side, or, near the video's start,
# twice as many after it.
_AROUND_S = 20
# Shorter pieces of text are no captions, shorter lines no events.
_SHORTEST_CAPTION, _SHORTEST_LINE = 6, 8

_COUNT = re.compile(r'There are (\d+) highlight moments')
_LISTED_TIME = re.compile(r'[-+]?\d*\.\d+|\d+')
_SALIENCY = re.compile(r'\b\d\.\d\b')
# '00:01:20' is one mark, and no number.
_TIME_OR_CLOCK = re.compile(r'\b\d{1,2}:\d{2}:\d{2}\b|\b(\d+\.\d+|\d+)\b')
_MOST_LISTED = 100
# In a list of sentences a number up to this one is its own number.
_LEAST_TIME_S = 10.0


def span(text: str) -> tuple[float, float] | None:
  """The first range of an answer, or the numbers of its first two pieces."""
  text = text.lower()
  found = _ranges(text)
  if not found:
    pieces = [
      piece
      for piece in re.split(r'[!?\n]', text)
      if any(word in piece for word in _ABOUT_TIMES)
    ]
    firsts = [_NUMBER.search(piece) for piece in pieces]
    numbers = [first[0] for first in firsts if first]
    pairs = zip(numbers[::2], numbers[1::2], strict=False)
    found = [pair for pair in (_numbers(*two) for two in pairs) if pair]
  if not found:
    return None
  start_s, end_s = sorted(found[0])
  return start_s, end_s


def events(text: str) -> list[Event]:
  """Ranges and the pieces of text between them, paired by their number.

  What stands before the first range is a piece, too, unless it is short: then
  each sentence goes with the range behind it.
  """
  found = _paired_ranges(text.lower()) or _told_ends(text.lower())
  return found or _first_line(text)


def highlights(text: str) -> list[tuple[float, float]]:
  """Times and saliencies, 0 where there are fewer of these."""
  # The scripts take the ends off '1st' and '4th', and of other words as well.
  text = text.replace('th', ' ')
  n_seconds, n_scores = text.count('second'), text.count('score')
  if not (n_seconds and n_scores):
    return []
  lists = n_seconds < 3 and n_scores < 3
  times, scores = (_listed if lists else _line_by_line)(text)
  scores = [*scores[: len(times)], *[0.0] * (len(times) - len(scores))]
  return list(zip(times, scores, strict=True))


def _paired_ranges(text: str) -> list[Event]:
  spans = _ranges(text)
  if not spans:
    return []
  for found in [match[0] for match in _LOOSE_RANGE.finditer(text)]:
    text = text.replace(found, '\n')
  return _paired(spans, text.replace('seconds', '').split('\n'))


def _told_ends(text: str) -> list[Event]:
  """Of 'Start time: 105 seconds', 'End time: 109', 'Description: ...'."""
  ends = zip(_START.findall(text), _END.findall(text), strict=False)
  spans = [s for s in (_numbers(*pair) for pair in ends) if s]
  captions = re.findall(r'description: (.*)', text)
  return _paired(spans, captions or re.findall(r'\*\s*(.*)', text))


def _first_line(text: str) -> list[Event]:
  """The first line, or sentence, that can be made to tell a time."""
  if '\n' in text:
    lines = [one for one in text.split('\n') if len(one) >= _SHORTEST_LINE]
  else:
    lines = [f'{one}.' for one in text.split('.') if len(one) >= _SHORTEST_LINE]
  for line in lines:
    parts = [part.strip(',') for part in line.split('seconds')]
    found = _any_span(parts[0])
    if found:
      start_s, end_s = (round(time_s, 2) for time_s in found)
      return [Event((start_s, end_s), parts[-1].strip())]
  return []


def _any_span(text: str) -> tuple[float, float] | None:
  """A range; or one or two times, of a clock or plain; None of others."""
  ranges = _ranges(text)
  if ranges:
    return ranges[0]
  n_colons = text.count(':')
  if n_colons in (1, 2):
    times = _clock_times(text)
    if n_colons == 2:
      return tuple(times) if times and len(times) == 2 else None
    return _around(times[0]) if times else None
  match _numbers(*_LOOSE_NUMBER.findall(text)):
    case (time_s,):
      return _around(time_s)
    case (start_s, end_s):
      return start_s, end_s
  return None


def _clock_times(text: str) -> list[int] | None:
  """Seconds of '1:09' and the like; None where one is no clock's."""
  times = []
  for found in _CLOCK.findall(text):
    minutes, seconds = found.split(':')
    if not (minutes.isdecimal() and seconds.isdecimal()):
      return None
    times.append(60 * int(minutes) + int(seconds))
  return times


def _around(time_s: float) -> tuple[float, float]:
  if time_s > _AROUND_S:
    return time_s - _AROUND_S, time_s + _AROUND_S
  return time_s, time_s + 2 * _AROUND_S


def _listed(text: str) -> tuple[list[float], list[float]]:
  """Times before the first 'score' of a line, saliencies behind it."""
  times, scores = [], []
  for line in text.split('\n'):
    if 'second' not in line and 'score' not in line:
      continue
    most = _MOST_LISTED
    count = _COUNT.search(line)
    if count:
      most = int(count[1])
      line = line.replace(f'There are {most} highlight moments', '')
    before, *behind = line.split('score')
    told = behind[0] if behind else line
    times += map(float, _LISTED_TIME.findall(before)[:most])
    scores += map(float, _SALIENCY.findall(told)[:most])
  return times, scores


def _line_by_line(text: str) -> tuple[list[float], list[float]]:
  """The last saliency of each line, and its last number that may be a time."""
  times, scores = [], []
  for line in re.split(r'\n+', text):
    if not any(mark in line for mark in ('second', 'score', ':')):
      continue
    scores += map(float, _SALIENCY.findall(line)[-1:])
    numbers = [float(one) for one in _TIME_OR_CLOCK.findall(line) if one]
    times += [one for one in numbers if one > _LEAST_TIME_S][-1:]
  return times, scores


def _ranges(text: str) -> list[tuple[float, float]]:
  found = (_numbers(*pair) for pair in _LOOSE_RANGE.findall(text))
  return [pair for pair in found if pair]


def _numbers(*texts: str) -> tuple[float, ...] | None:
  """Numbers; None where one is none, or greater than any that there is."""
  try:
    numbers = tuple(map(float, texts))
  except ValueError:
    return None
  return numbers if all(map(math.isfinite, numbers)) else None


def _paired(spans, pieces) -> list[Event]:
  captions = [
    piece.strip().strip(', ').rstrip()
    for piece in pieces
    if len(piece) >= _SHORTEST_CAPTION
  ]
  return [Event(*pair) for pair in zip(spans, captions, strict=False)]
