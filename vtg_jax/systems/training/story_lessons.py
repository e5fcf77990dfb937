"""ShapeStories as lessons: images, clips and whole videos, without files.

Nothing here loads jax: loader processes import it.
"""

import dataclasses

import numpy as np

from input_pipeline.pixels import Resize
from input_pipeline.sequences.clip_sequences import (
  ClipSequenceRule,
  ClipSequences,
)
from input_pipeline.sequences.image_sequences import (
  ImageSequenceRule,
  ImageSequences,
)
from input_pipeline.sequences.lesson import (
  DENSE_CAPTIONS,
  GROUNDING,
  SECONDS,
  Asked,
  Event,
  Lesson,
  draw_phrase,
)
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.captioned import (
  DrawnClips,
  DrawnImages,
  as_sentence,
  subject_at,
)
from vtg_jax.shape_stories.story_video import StoryVideo
from vtg_jax.shape_stories.words import paraphrase
from vtg_jax.systems.training.story_range import StoryRange

# Opens the stream of random numbers of what is asked about stories.
_STREAM = 14


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrawnImageSequences(StoryRange):
  """Sequences of images, each a frame of a story of a range; see there.

  Attributes:
    rule: which sequences.
  """

  rule: ImageSequenceRule = ImageSequenceRule()

  def lessons(self, size: int) -> ImageSequences:
    """Those sequences, of images of a size unless the range says another."""
    return ImageSequences(
      sets=(DrawnImages(self.config, self.seeds),),
      rule=self.rule,
      size=self.draw_size or size,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrawnClipSequences(StoryRange):
  """Sequences of clips, each an event of a story of a range; see there.

  Its stories must show one event at a time: knobs={'max_concurrent': 1}.

  Attributes:
    rule: which sequences.
  """

  rule: ClipSequenceRule = ClipSequenceRule()

  def lessons(self, size: int) -> ClipSequences:
    """Those sequences, of frames of a size unless the range says another."""
    return ClipSequences(
      sets=(DrawnClips(self.config, self.seeds),),
      rule=self.rule,
      size=self.draw_size or size,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrawnVideos(StoryRange):
  """Whole stories, what happens in them asked in seconds.

  Attributes:
    n_grounding: most events that are asked for, none twice.
    n_dense: questions for all events.
  """

  n_grounding: int = 1
  n_dense: int = 0

  def __post_init__(self):
    super().__post_init__()
    counts = [self.n_grounding, self.n_dense]
    if min(counts) < 0 or not any(counts):
      raise ValueError(f'numbers of questions are {counts}; ask one or more')

  def lessons(self, size: int) -> 'StoryLessons':
    """Those videos, of frames of a size unless the range says another."""
    return StoryLessons(options=self, size=self.draw_size or size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoryLessons:
  """See `input_pipeline.sequences.lesson.Lessons`.

  Attributes:
    options: which stories, and what is asked.
    size: pixels of a side that frames are drawn at.
    name: what complaints call them.
  """

  options: DrawnVideos
  size: int
  name: str = 'ShapeStories'

  def __len__(self) -> int:
    return self.options.n_stories

  def lesson(self, index: int) -> Lesson:
    """Story `index` of the range; questions come in random order."""
    options = self.options
    story = options.story(options.seeds[index])
    if not story.events:
      raise BadInput(f'story {story.seed} has no event; change its knobs')
    rng = np.random.default_rng([_STREAM, story.seed])
    events = [self._event(event, rng) for event in story.events]
    chosen = rng.permutation(len(events))[: options.n_grounding].tolist()
    about = [(GROUNDING, (events[i],)) for i in chosen]
    about += [(DENSE_CAPTIONS, tuple(events))] * options.n_dense
    return Lesson(
      video=StoryVideo(story, resize=Resize(size=self.size)),
      unit=SECONDS,
      turns=tuple(
        Asked(task=about[i][0], events=about[i][1], phrase=draw_phrase(rng))
        for i in rng.permutation(len(about)).tolist()
      ),
      dataset=self.name,
      subjects=tuple(subject_at(story, i) for i in range(story.n_frames)),
    )

  def _event(self, event, rng: np.random.Generator) -> Event:
    n = self.options.config.n_paraphrases
    said = paraphrase(event.pair, int(rng.integers(n)))
    return Event(event.start_s, event.end_s, as_sentence(said))
