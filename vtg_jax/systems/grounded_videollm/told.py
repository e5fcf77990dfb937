"""From tokens that a model wrote to texts and told events."""

import re
from collections.abc import Sequence

from vtg_jax.moments.answer import Caption
from vtg_jax.moments.temporal_tokens import write_seconds
from vtg_jax.systems.grounded_videollm.config import SYSTEM
from vtg_jax.systems.grounded_videollm.spans import TimeScale
from vtg_jax.systems.grounded_videollm.wording import Wording
from vtg_jax.systems.writing import Written, mean_probability

# What stands between the two times of a span.
_BETWEEN = ('to', 'and', '-')
# What may stand between an event's times and its text, and the word before
# the next event's times.
_BEFORE_TEXT = ' \n\t,;:-'
_WORD = re.compile(r'\w')
_NEXT_SPAN = re.compile(r'[\s,;]*\bfrom\s*$', re.IGNORECASE)


def plain_text(ids: Sequence[int], wording: Wording, scale: TimeScale) -> str:
  """What tokens say, with seconds for the words of time."""
  text = write_seconds(
    wording.tokenizer.decode(ids),
    scale.duration_s,
    scale.n_intervals,
    form=wording.seconds,
  )
  return text.strip()


def told_events(
  written: Written, wording: Wording, scale: TimeScale
) -> list[Caption]:
  """The events of a text that tells each one's times, then what happens.

  What has no words, or ends before it starts, is left out.

  Args:
    written: As 'From <0> to <7>, a dog runs. From <5> to <9>, it barks.'; the
      first 'From' may be missing.
    wording: Of the language model.
    scale: Of the video.
  """
  place_of = {int(i): place for place, i in enumerate(wording.time_ids)}
  times = [
    (i, place_of[token])
    for i, token in enumerate(written.ids)
    if token in place_of
  ]

  def said(first, stop):
    return wording.tokenizer.decode(written.ids[first:stop]).strip().lower()

  spans, left = [], iter(zip(times, times[1:], strict=False))
  for (first, start), (last, end) in left:
    if said(first + 1, last) in _BETWEEN and start <= end:
      spans.append((first, last, start, end))
      next(left, None)  # the end of this span starts no other
  stops = [first for first, *_ in spans[1:]]
  # A span that was cut off belongs to no event.
  cut = times and said(times[-1][0] + 1, None) in ('', *_BETWEEN)
  stops.append(times[-1][0] if cut else len(written.ids))
  events = []
  for (first, last, start, end), stop in zip(spans, stops, strict=False):
    text = plain_text(written.ids[last + 1 : stop], wording, scale)
    text = _NEXT_SPAN.sub('', text).lstrip(_BEFORE_TEXT).strip()
    if _WORD.search(text):
      events.append(
        Caption(
          start_s=scale.second(start),
          end_s=scale.second(end),
          text=text,
          score=mean_probability(written.log_probs[first:stop]),
          system=SYSTEM,
        )
      )
  return events
