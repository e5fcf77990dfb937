"""Videos and what happens in them when, from annotation files."""

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from vtg_jax.errors import BadInput


class CaptionedEvent(NamedTuple):
  """What happens from when to when, in seconds."""

  start_s: float
  end_s: float
  sentence: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionedVideo:
  """One video in words.

  Attributes:
    name: as the annotation calls it.
    duration_s: its length, seconds.
    events: what happens, by start.
  """

  name: str
  duration_s: float
  events: tuple[CaptionedEvent, ...]


def read_captions(path: str | os.PathLike) -> list[CaptionedVideo]:
  """Reads a file in the form of ActivityNet-Captions.

  In: {'v_1': {'duration': 82.7, 'timestamps': [[0.8, 19.9]],
               'sentences': ['A woman dances. ']}}

  Times are held inside the video; an event that is then empty is left out.

  Raises:
    BadInput: the file cannot be read, or a video lacks something.
  """
  try:
    document = json.loads(Path(path).read_text(encoding='utf-8'))
  except (OSError, ValueError, RecursionError) as error:
    raise BadInput(
      f'{path} cannot be read ({error}); give a JSON file of captions'
    ) from error
  if not isinstance(document, Mapping) or not document:
    raise BadInput(
      f'{path} holds no videos; give an object with an entry a video'
    )
  return [_video(path, name, about) for name, about in document.items()]


def _video(path, name: str, about) -> CaptionedVideo:
  try:
    duration_s = float(about['duration'])
    if not 0 < duration_s < math.inf:
      raise ValueError('no length')
    events = [
      _event(span, sentence, duration_s)
      for span, sentence in zip(
        about['timestamps'], about['sentences'], strict=True
      )
    ]
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise BadInput(
      f'{name!r} in {path} is {str(about)[:200]}; give its duration, and as '
      'many timestamps [start, end] as sentences'
    ) from error
  kept = [e for e in events if e.start_s < e.end_s and e.sentence]
  return CaptionedVideo(
    name=name, duration_s=duration_s, events=tuple(sorted(kept))
  )


def _event(span, sentence: str, duration_s: float) -> CaptionedEvent:
  # Some of the published spans are reversed.
  start_s, end_s = sorted(float(time_s) for time_s in span)
  if not (math.isfinite(start_s) and math.isfinite(end_s)):
    raise ValueError('no time')
  return CaptionedEvent(
    max(start_s, 0.0), min(end_s, duration_s), ' '.join(sentence.split())
  )
