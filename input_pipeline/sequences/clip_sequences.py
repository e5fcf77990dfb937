"""Clips one after another as if they were one video.

    frames     0 ........ 31 32 .. 40 41 .............. 95
    clips      an abseiler   a juggler  a man with a horse     K clips
    events     [0, 32)       [32, 41)   [41, 96)               places 0 to 96

Clips are of different actions. How many frames each has is drawn, and they are
taken evenly from the clip, so that the same second may last long or pass fast.

Source: Seq2Time. The paper says that short clips of different actions are
joined, 2 to 10 of them at uneven rates, for grounding and for dense captions;
the rest is decided here.

Deviates: without digit tokens our notes count frames from 1. Here places are
the same in both, and like seconds: frame 0 begins at 0, the last ends at 96.
"""

import dataclasses

import numpy as np
from jaxtyping import UInt8

from input_pipeline.loader import BadSample, Fault
from input_pipeline.sequences.captions import cut_caption, is_alone
from input_pipeline.sequences.clip_sets import (
  CaptionedClips,
  ClipSet,
  open_clips,
)
from input_pipeline.sequences.lesson import (
  DENSE_CAPTIONS,
  FRAMES,
  GROUNDING,
  Asked,
  Event,
  Lesson,
  check_least,
  draw_phrase,
)
from input_pipeline.sequences.still_frames import still_frames
from vtg_jax.errors import BadInput

# Opens the stream of random numbers of these sequences.
_STREAM = 12
# Of the Dirichlet draw of how frames are shared: below 1 a few clips would
# have most of them, far above 1 all would have as many.
_CONCENTRATION = 2.0
# Clips that are looked at for each one that is wanted.
_LOOKS = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipSequenceRule:
  """Which sequences there are.

  Attributes:
    n_grounding: sequences for grounding.
    n_dense: for dense captions.
    n_frames: of a sequence.
    n_clips: fewest and most clips of a sequence.
    fewest_frames: of a clip.
    most_rounds: events asked for in one sequence, 1 to so many.
    most_words: of a caption.
    most_sentences: of a caption.
    seed: of everything that is drawn.
  """

  n_grounding: int = 50_000
  n_dense: int = 50_000
  n_frames: int = 96
  n_clips: tuple[int, ...] = (2, 10)
  fewest_frames: int = 4
  most_rounds: int = 3
  most_words: int = 48
  most_sentences: int = 2
  seed: int = 0

  def __post_init__(self):
    check_least(
      self,
      n_grounding=0,
      n_dense=0,
      fewest_frames=1,
      most_rounds=1,
      most_words=1,
      most_sentences=1,
      seed=0,
    )
    if not len(self):
      raise ValueError('n_grounding and n_dense are 0; ask for one or more')
    clips = self.n_clips
    if len(clips) != 2 or not 1 <= clips[0] <= clips[1]:
      raise ValueError(f'n_clips is {clips}; use two rising numbers from 1 up')
    if clips[1] * self.fewest_frames > self.n_frames:
      raise ValueError(
        f'{clips[1]} clips of {self.fewest_frames} frames do not fit into '
        f'{self.n_frames}; raise n_frames'
      )

  def __len__(self) -> int:
    return self.n_grounding + self.n_dense

  def task(self, index: int) -> str:
    """The task of a sequence: they come one after the other."""
    return GROUNDING if index < self.n_grounding else DENSE_CAPTIONS


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipSequenceFiles:
  """Sequences of clips on disk.

  Attributes:
    clips: sets of them; every sequence is of one, each as often.
    rule: which sequences.
    name: what complaints call them.
    weight: share in a mixture; None for all data sets takes every sequence
      once an epoch.
  """

  clips: tuple[CaptionedClips, ...]
  rule: ClipSequenceRule = ClipSequenceRule()
  name: str = 'clip sequences'
  weight: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipSequences:
  """See `lesson.Lessons`.

  Attributes:
    sets: clips to choose from.
    rule: which sequences.
    size: pixels of a side of the squares that frames are stretched to.
    name: what complaints call them.
  """

  sets: tuple[ClipSet, ...]
  rule: ClipSequenceRule
  size: int
  name: str = 'clip sequences'

  def __post_init__(self):
    if not self.sets:
      raise BadInput(f'{self.name} has no set of clips; give one or more')

  def __len__(self) -> int:
    return len(self.rule)

  def lesson(self, index: int) -> Lesson:
    """Sequence `index`, the same every time.

    Raises:
      BadSample: too many clips cannot be used, or are of one action.
    """
    rule = self.rule
    rng = np.random.default_rng([_STREAM, rule.seed, index])
    clips = self.sets[int(rng.integers(len(self.sets)))]
    n_clips = int(rng.integers(rule.n_clips[0], rule.n_clips[1] + 1))
    lengths = split_frames(rule.n_frames, n_clips, rule.fewest_frames, rng)
    captions, labels, frames, faults = self._clips(clips, lengths, rng)
    starts = np.cumsum([0, *lengths]).tolist()
    events = tuple(
      Event(start, end, caption)
      for start, end, caption in zip(
        starts[:-1], starts[1:], captions, strict=True
      )
    )
    return Lesson(
      video=still_frames(
        np.concatenate(frames), f'{clips.name}, sequence {index}'
      ),
      unit=FRAMES,
      turns=self._turns(events, rule.task(index), rng),
      dataset=clips.name,
      subjects=tuple(np.repeat(labels, lengths).tolist()),
      faults=tuple(faults),
    )

  def _clips(
    self, clips: ClipSet, lengths: list[int], rng: np.random.Generator
  ) -> tuple[
    list[str], list[str], list[UInt8[np.ndarray, 'n s s 3']], list[Fault]
  ]:
    """Clips of different actions, each with as many frames as it is to have.

    Returns:
      Captions, actions, frames, and why others are not among them.
    """
    n = len(lengths)
    captions, labels, frames, faults = [], [], [], []
    n_looks = min(len(clips), _LOOKS * n)
    for drawn in rng.choice(len(clips), n_looks, replace=False).tolist():
      try:
        label = clips.label(drawn)
        if label in labels:
          continue
        caption = cut_caption(
          clips.caption(drawn),
          most_words=self.rule.most_words,
          most_sentences=self.rule.most_sentences,
        )
        frames.append(clips.frames(drawn, lengths[len(frames)], self.size))
        captions.append(caption)
        labels.append(label)
      except (BadInput, OSError) as error:
        faults.append(Fault('clip', f'{clips.name}: {error}', 1 / n))
      if len(frames) == n:
        return captions, labels, frames, faults
    found = f'first: {faults[0].message}' if faults else 'the others repeat'
    raise BadSample(
      f'{clips.name}: {len(frames)} of {n} clips of different actions are '
      f'among {n_looks} that were drawn, {found}',
      'clip',
    )

  def _turns(
    self, events: tuple[Event, ...], task: str, rng: np.random.Generator
  ) -> tuple[Asked, ...]:
    if task == DENSE_CAPTIONS:
      return (Asked(task=task, events=events, phrase=draw_phrase(rng)),)
    alone = is_alone([event.caption for event in events])
    usable = [event for event, ok in zip(events, alone, strict=True) if ok]
    if not usable:
      raise BadSample(
        f'{self.name}: clips of different actions share their captions; give '
        'others',
        'captions',
      )
    n_rounds = min(int(rng.integers(1, self.rule.most_rounds + 1)), len(usable))
    return tuple(
      Asked(task=task, events=(usable[i],), phrase=draw_phrase(rng))
      for i in rng.permutation(len(usable))[:n_rounds].tolist()
    )


def open_clip_sequences(
  files: ClipSequenceFiles, *, size: int
) -> ClipSequences:
  """Sequences of the clips on disk.

  Args:
    files: which.
    size: pixels of a side of the squares that frames are stretched to.

  Raises:
    BadInput: clips cannot be found.
  """
  return ClipSequences(
    sets=tuple(open_clips(one) for one in files.clips),
    rule=files.rule,
    size=size,
    name=files.name,
  )


def split_frames(
  n_frames: int, n_clips: int, fewest: int, rng: np.random.Generator
) -> list[int]:
  """How many frames each clip has: random shares of what all must have less.

  Args:
    n_frames: of all together.
    n_clips: clips.
    fewest: frames of each; n_clips * fewest are there.
    rng: one draw.
  """
  free = n_frames - n_clips * fewest
  shares = rng.dirichlet([_CONCENTRATION] * n_clips)
  ends = np.floor(np.cumsum(shares) * free + 0.5).astype(int)
  ends[-1] = free
  return (np.diff(ends, prepend=0) + fewest).tolist()
