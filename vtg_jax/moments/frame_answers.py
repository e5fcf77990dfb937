"""ReVisionLLM's time language: numbers of frames in a window, or of windows.

One window is shown frame by frame and answered with a span of its frames; many
windows are shown as one token each and answered with a span of their places:

    one window      'From 03 to 17.'     frames 3 to 17, both included
    many windows    'From 4 to 7.'       places 4, 5 and 6
    neither         'Not Present'

Source: ReVisionLLM (arXiv 2411.14901) section 3 and its release.
"""

import re

NOT_PRESENT = 'Not Present'

_SPAN = re.compile(r'(\d+) (?:to|and) (\d+)')
_NUMBER = re.compile(r'\d+')


def frame_label(offset_s: float, window_s: float, n_frames: int) -> str:
  """The number by which an answer calls a time: two digits at least.

  frame_label(1.5, 125, 250) == '03'

  Args:
    offset_s: Seconds since the window began.
    window_s: Length of the window, seconds.
    n_frames: Frames shown of it, F.
  """
  # Rounds halves to even, as the release does.
  number = min(round(offset_s / window_s * n_frames), n_frames - 1)
  return f'{number:02d}'


def frames_answer(first: str, last: str) -> str:
  """The answer that names a span of frames by their labels."""
  return f'From {first} to {last}.'


def places_answer(first: int, end: int) -> str:
  """The answer that names the places first, ..., end - 1."""
  return f'From {first} to {end}.'


def parse_frames(answer: str) -> tuple[int, int] | None:
  """First and last frame that an answer names; None where it names none.

  parse_frames('From 03 to 17.') == (3, 17)

  The first two numbers joined by 'to' or 'and' count; a span may end before it
  starts, or lie beyond the window.
  """
  found = _SPAN.search(answer)
  return (int(found[1]), int(found[2])) if found else None


def parse_place(answer: str) -> int | None:
  """The first number of an answer; None where there is none.

  parse_place('From 4 to 7.') == 4
  """
  found = _NUMBER.search(answer)
  return int(found[0]) if found else None


def parse_places(answer: str) -> tuple[int, int] | None:
  """First and last place that an answer names; None where it names none.

  parse_places('From 4 to 7.') == (4, 6): the end is not included. A lone
  number, and a span that would be empty, name one place.
  """
  span = parse_frames(answer)
  if span is None:
    place = parse_place(answer)
    return None if place is None else (place, place)
  return span[0], max(span[0], span[1] - 1)
