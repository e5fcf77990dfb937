"""What samples of drawn lessons also know: what is asked for and shown where.

{'asked_at': int32 [Q], where in the row an answer starts, or the next event in
 it, 'asked_pair': int16 [Q], number in `words.PAIRS` of what the question
 names, 'shows_target': bool [Q F], the frames that it is about, 'frame_pairs':
 int16 [F M], what each frame shows, 'frame_codes': int16 [F], where in the
 whole it is}
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Int32

from input_pipeline.loader import BadSample
from input_pipeline.sequences.lesson import (
  ALR_NEXT,
  ALR_PREVIOUS,
  DENSE_CAPTIONS,
  GROUNDING,
  IIC,
  IIG,
  IMAGES,
  Asked,
  Event,
  Lesson,
  Said,
  shown_places,
)
from vtg_jax.moments.relative_position import code_of
from vtg_jax.shape_stories.captioned import pair_said, pairs_of_subject
from vtg_jax.shape_stories.cells import NOTHING
from vtg_jax.systems.timechat.ids import IGNORE

# Most things that a frame shows at once.
MOST_SHOWN = 4
# Questions that name what is looked for, and those about one place at all.
_NAMED = (IIG, ALR_NEXT, ALR_PREVIOUS, GROUNDING)
_ABOUT_ONE = (*_NAMED, IIC)


class Told(NamedTuple):
  """What is told of one event, in an answer.

  Attributes:
    event: the one; None where an answer is about none, or about several that
      are not told one by one.
    pair: number in `words.PAIRS` of what the question names.
    at: characters of the answer before it.
  """

  event: Event | None
  pair: int
  at: int


def hints(
  lesson: Lesson,
  answers: Sequence[str],
  frame_ids: Int[np.ndarray, ' F'],
  labels: Int32[np.ndarray, ' T'],
  *,
  n_tokens: Callable[[str], int],
  max_asked: int,
  n_frames: int,
) -> dict[str, np.ndarray]:
  """What a sample's hints need to know; see above.

  Args:
    lesson: whose source knows what frames show.
    answers: of its turns, as they are written.
    frame_ids: that are shown.
    labels: of the row.
    n_tokens: of a text.
    max_asked: events that are told there is room for.
    n_frames: frames there is room for.

  Raises:
    BadSample: more is told, or the row has no room for all answers.
  """
  starts = answer_starts(labels)
  told = [
    (start, one, answer)
    for start, turn, answer in zip(starts, lesson.turns, answers, strict=False)
    for one in told_of(turn, answer)
  ]
  if len(told) > max_asked or len(starts) != len(lesson.turns):
    raise BadSample(
      f'{len(told)} events are told of, {len(starts)} of {len(lesson.turns)} '
      f'questions answered in the row, and max_asked is {max_asked}; raise '
      'data.max_asked or .row_tokens',
      'text',
    )
  out = {
    'asked_at': np.zeros(max_asked, np.int32),
    'asked_pair': np.full(max_asked, NOTHING, np.int16),
    'shows_target': np.zeros((max_asked, n_frames), bool),
    'frame_pairs': np.full((n_frames, MOST_SHOWN), NOTHING, np.int16),
    'frame_codes': np.zeros(n_frames, np.int16),
  }
  places = shown_places(lesson.unit, frame_ids.tolist(), lesson.video.fps)
  for i, (start, one, answer) in enumerate(told):
    before = answer[: one.at].rstrip()
    out['asked_at'][i] = start + (n_tokens(before) if before else 0)
    out['asked_pair'][i] = one.pair
    if one.event is not None:
      shown = shows(one.event, places, lesson.unit)
      out['shows_target'][i, : len(places)] = shown
  length = lesson.scale.length
  out['frame_codes'][: len(places)] = [code_of(at, length) for at in places]
  for i, frame_id in enumerate(frame_ids.tolist()):
    pairs = pairs_of_subject(lesson.subjects[frame_id])[:MOST_SHOWN]
    out['frame_pairs'][i, : len(pairs)] = pairs
  return out


def told_of(turn: Asked | Said, answer: str) -> list[Told]:
  """The events that an answer tells, each from where it begins."""
  if isinstance(turn, Asked) and turn.task in _ABOUT_ONE:
    event = turn.events[0]
    pair = pair_said(event.caption) if turn.task in _NAMED else None
    return [Told(event, NOTHING if pair is None else pair, 0)]
  if isinstance(turn, Asked) and turn.task == DENSE_CAPTIONS:
    told, at = [], 0
    for event in turn.events:
      told.append(Told(event, NOTHING, at))
      at = answer.index(event.caption, at) + len(event.caption)
    return told
  return [Told(None, NOTHING, 0)]


def answer_starts(labels: Int32[np.ndarray, ' T']) -> Int[np.ndarray, ' Q']:
  """Where each stretch of learnt labels starts."""
  learnt = labels != IGNORE
  before = np.concatenate([[False], learnt[:-1]])
  return np.flatnonzero(learnt & ~before)


def shows(
  event: Event, places: Sequence[float], unit: str
) -> Bool[np.ndarray, ' F']:
  """Which frames show an event: those inside it, or the image it is."""
  at = np.asarray(places, np.float64)
  if unit == IMAGES:
    return at == event.start
  return (event.start <= at) & (at < event.end)
