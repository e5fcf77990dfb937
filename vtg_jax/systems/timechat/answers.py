"""What TimeChat's texts tell: a span, events, or highlights.

    The given query happens in 24.3 - 30.4 seconds.
    90 - 102 seconds, spread butter on the bread. 114 - 127 seconds, ...
    There are 2 highlight moments in the 82, 84 second. Their saliency scores
      are 1.3, 1.7.

Each is read in two ways. As released, with everything that the published
scripts make of texts of other forms: `released=True`. And strictly: what is
not of the form above tells nothing, and nothing is made up.

Source: TimeChat utils/format_tvg.py, format_dvc.py and format_vhd.py.
Deviates, as released: where those scripts stop with an error (a number with
  two dots, a highlight at the end of a video of odd length, the debugger for
  'start time 1, end time 2'), and of a number beyond all floats, as a model
  writes that never stops, the answer tells nothing there or, at the video's
  end, counts for its last clip.
"""

import math
import re

from vtg_jax.metrics.dense_captions import Event
from vtg_jax.metrics.highlights import Highlight, clip_scores
from vtg_jax.systems.timechat import released_answers

_NUMBER = r'(?<![\d.])(\d+(?:\.\d+)?)'
_SPAN = re.compile(rf'{_NUMBER}\s*-\s*{_NUMBER}\s*seconds?\b', re.IGNORECASE)
_HIGHLIGHTS = re.compile(
  r'\bin the ((?:[\d.]+,\s*)*[\d.]+)\s*seconds?\b.*?'
  r'\bscores are ((?:[\d.]+,\s*)*[\d.]+)',
  re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r'\w')
# What may be there of '114.0 - 127.0 seconds,' at the end of a text.
_BROKEN_OFF = re.compile(
  r'(?:(?<![\w.])\d[\d.]*(?:\s*-\s*[\d.]*)?'
  r'\s*(?:s|se|sec|seco|secon|seconds?)?)?$'
)


def read_span(
  text: str, *, released: bool = False
) -> tuple[float, float] | None:
  """The span that an answer tells, seconds; None where it tells none.

  read_span('The given query happens in 24.3 - 30.4 seconds.') == (24.3, 30.4)

  Args:
    text: of the model.
    released: see the module; strictly, a span that ends before it starts is
      none.
  """
  if released:
    return released_answers.span(text)
  for start, end in _SPAN.findall(text):
    if float(start) <= float(end) < math.inf:
      return float(start), float(end)
  return None


def read_events(
  text: str, *, released: bool = False, cut: bool = False
) -> list[Event]:
  """The events that an answer tells, in its order.

  Args:
    text: of the model.
    released: see the module; strictly, an event is a span and what is said
      up to the next span. One without words is left out.
    cut: the text was not ended; strictly, numbers that it breaks off with are
      no words, but the beginning of the next span.
  """
  if released:
    return released_answers.events(text)
  if cut:
    text = text[: _BROKEN_OFF.search(text).start()]
  spans = list(_SPAN.finditer(text))
  stops = [*(span.start() for span in spans[1:]), len(text)]
  events = []
  # No span has one stop too many.
  for span, stop in zip(spans, stops, strict=False):
    start_s, end_s = map(float, span.groups())
    sentence = text[span.end() : stop].lstrip(' ,:;-').strip()
    if start_s <= end_s < math.inf and _WORD.search(sentence):
      events.append(Event((start_s, end_s), sentence))
  return events


def read_highlights(text: str, *, released: bool = False) -> list[Highlight]:
  """The highlights that an answer tells, in its order.

  Args:
    text: of the model.
    released: see the module; strictly, there is a score for each time, or
      nothing is told.
  """
  if released:
    told = _released_highlights(text)
    # A single one counts for its clip, but is no answer.
    return told if len(told) > 1 else []
  return _listed_highlights(text)


def read_clip_scores(
  text: str, duration_s: float, *, released: bool = False
) -> list[float]:
  """How salient each clip of a video is told to be; 0 where nothing is.

  Args:
    text: of the model.
    duration_s: of the video.
    released: see the module.

  Returns:
    A score for each whole clip of 2 s.
  """
  read = _released_highlights if released else _listed_highlights
  return clip_scores(read(text), duration_s).tolist()


def _released_highlights(text: str) -> list[Highlight]:
  return [Highlight(*told) for told in released_answers.highlights(text)]


def _listed_highlights(text: str) -> list[Highlight]:
  lists = _HIGHLIGHTS.search(text)
  if lists is None:
    return []
  try:
    times, scores = (
      [float(number.rstrip('.')) for number in one.split(',')]
      for one in lists.groups()
    )
  except ValueError:  # a number with two dots
    return []
  if len(times) != len(scores):
    return []
  return [Highlight(*pair) for pair in zip(times, scores, strict=True)]
