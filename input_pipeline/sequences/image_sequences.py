"""Sequences of still images: where one is, what it shows, what comes next.

    images    1   2   3  ...  96      all of one set, none twice
    IIG       a caption               -> its number
    IIC       a number                -> the caption there
    ALR       a caption               -> its number, and the image beside it

Source: Seq2Time. The paper says 96 random images, the three tasks, 100,000
instances of each; everything else is decided here.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from input_pipeline.loader import BadSample, Fault
from input_pipeline.sequences.captions import cut_caption, is_alone
from input_pipeline.sequences.image_sets import (
  CaptionedImages,
  ImageSet,
  open_images,
)
from input_pipeline.sequences.lesson import (
  ALR_NEXT,
  ALR_PREVIOUS,
  IIC,
  IIG,
  IMAGES,
  Asked,
  Event,
  Lesson,
  check_least,
  draw_phrase,
)
from input_pipeline.sequences.still_frames import still_frames
from vtg_jax.errors import BadInput

# Opens the stream of random numbers of these sequences.
_STREAM = 11
# Images that may take the place of bad ones, over those of the sequence.
_SPARE_SHARE = 0.25
_ALR = 'alr'


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSequenceRule:
  """Which sequences there are.

  Attributes:
    n_iig: sequences for image index grounding.
    n_iic: for indexed image captioning.
    n_alr: for adjacent location reasoning.
    n_images: of a sequence.
    most_rounds: questions of a sequence, 1 to so many; adjacent location
      reasoning has one.
    most_words: of a caption; 72 are about 96 of LLaMA's tokens.
    seed: of everything that is drawn.
  """

  n_iig: int = 100_000
  n_iic: int = 100_000
  n_alr: int = 100_000
  n_images: int = 96
  most_rounds: int = 3
  most_words: int = 72
  seed: int = 0

  def __post_init__(self):
    check_least(
      self,
      n_iig=0,
      n_iic=0,
      n_alr=0,
      n_images=2,
      most_rounds=1,
      most_words=1,
      seed=0,
    )
    if not len(self):
      raise ValueError('n_iig, n_iic and n_alr are all 0; ask for one or more')

  def __len__(self) -> int:
    return self.n_iig + self.n_iic + self.n_alr

  def task(self, index: int) -> str:
    """The task of a sequence: they come one after the other."""
    if index < self.n_iig:
      return IIG
    return IIC if index < self.n_iig + self.n_iic else _ALR


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSequenceFiles:
  """Sequences of images on disk.

  Attributes:
    images: sets of them; every sequence is of one, each as often.
    rule: which sequences.
    name: what complaints call them.
    weight: share in a mixture; None for all data sets takes every sequence
      once an epoch.
  """

  images: tuple[CaptionedImages, ...]
  rule: ImageSequenceRule = ImageSequenceRule()
  name: str = 'image sequences'
  weight: float | None = None


class Told(NamedTuple):
  """What is said of an image: its caption as shown, and its subject."""

  caption: str
  subject: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSequences:
  """See `lesson.Lessons`.

  Attributes:
    sets: images to choose from.
    rule: which sequences.
    size: pixels of a side of the squares that images are stretched to.
    name: what complaints call them.
  """

  sets: tuple[ImageSet, ...]
  rule: ImageSequenceRule
  size: int
  name: str = 'image sequences'

  def __post_init__(self):
    for one in self.sets:
      if len(one) < self.rule.n_images:
        raise BadInput(
          f'{one.name} has {len(one)} images and a sequence '
          f'{self.rule.n_images}; give more, or lower n_images'
        )
    if not self.sets:
      raise BadInput(f'{self.name} has no set of images; give one or more')

  def __len__(self) -> int:
    return len(self.rule)

  def lesson(self, index: int) -> Lesson:
    """Sequence `index`, the same every time.

    Raises:
      BadSample: too many images cannot be used, or no caption stands alone.
    """
    rule = self.rule
    rng = np.random.default_rng([_STREAM, rule.seed, index])
    images = self.sets[int(rng.integers(len(self.sets)))]
    shown, frames, faults = self._images(images, rng)
    turns = asked_of(shown, rule.task(index), rule.most_rounds, rng)
    if not turns:
      raise BadSample(
        f'{self.name}, {index}: no caption stands alone in its sequence; give '
        'images with other captions',
        'captions',
      )
    return Lesson(
      video=still_frames(np.stack(frames), f'{images.name}, sequence {index}'),
      unit=IMAGES,
      turns=turns,
      dataset=images.name,
      subjects=tuple(one.subject for one in shown),
      faults=tuple(faults),
    )

  def _images(
    self, images: ImageSet, rng: np.random.Generator
  ) -> tuple[list[Told], list[UInt8[np.ndarray, 's s 3']], list[Fault]]:
    """Different images in random order, and why others are not among them."""
    n = self.rule.n_images
    n_drawn = min(len(images), n + max(1, round(_SPARE_SHARE * n)))
    shown, frames, faults = [], [], []
    for drawn in rng.choice(len(images), n_drawn, replace=False).tolist():
      try:
        caption = cut_caption(
          images.caption(drawn), most_words=self.rule.most_words
        )
        subject = images.subject(drawn)
        frames.append(images.image(drawn, self.size))
        shown.append(Told(caption, subject))
      except (BadInput, OSError) as error:
        faults.append(Fault('image', f'{images.name}: {error}', 1 / n))
      if len(frames) == n:
        return shown, frames, faults
    raise BadSample(
      f'{images.name}: {len(faults)} of {n_drawn} images cannot be used, '
      f'first: {faults[0].message}',
      'image',
    )


def open_image_sequences(
  files: ImageSequenceFiles, *, size: int
) -> ImageSequences:
  """Sequences of the images on disk.

  Args:
    files: which.
    size: pixels of a side of the squares that images are stretched to.

  Raises:
    BadInput: images cannot be found, or are too few.
  """
  return ImageSequences(
    sets=tuple(open_images(one) for one in files.images),
    rule=files.rule,
    size=size,
    name=files.name,
  )


def asked_of(
  shown: Sequence[Told], task: str, most_rounds: int, rng: np.random.Generator
) -> tuple[Asked, ...]:
  """What is asked about a sequence of images.

  A caption that is given stands alone: no other image has it, or shows the
  same. Images whose caption is to be told may be any.

  Args:
    shown: what is said of the images, in order.
    task: 'iig', 'iic' or 'alr'.
    most_rounds: of the first two, 1 to so many.
    rng: three draws and one a round.

  Returns:
    Nothing if no caption stands alone where one has to.
  """
  events = [Event(i, i, one.caption) for i, one in enumerate(shown, start=1)]
  alone = np.logical_and(
    is_alone([one.caption for one in shown]),
    is_alone([one.subject for one in shown]),
  ).tolist()
  if task == _ALR:
    return _neighbours(events, alone, rng)
  usable = [
    event for event, ok in zip(events, alone, strict=True) if task == IIC or ok
  ]
  n_rounds = min(int(rng.integers(1, most_rounds + 1)), len(usable))
  chosen = rng.permutation(len(usable))[:n_rounds].tolist()
  return tuple(
    Asked(task=task, events=(usable[i],), phrase=draw_phrase(rng))
    for i in chosen
  )


def _neighbours(events, alone, rng) -> tuple[Asked, ...]:
  """One image whose neighbour, before or after it, is to be described."""
  directions = ((ALR_NEXT, 1), (ALR_PREVIOUS, -1))
  first = int(rng.integers(2))
  # The other direction is for the rare sequence in which only that is there.
  for task, step in (directions[first], directions[1 - first]):
    usable = [
      i for i in range(len(events)) if alone[i] and 0 <= i + step < len(events)
    ]
    if usable:
      i = usable[int(rng.integers(len(usable)))]
      return (
        Asked(
          task=task,
          events=(events[i], events[i + step]),
          phrase=draw_phrase(rng),
        ),
      )
  return ()
