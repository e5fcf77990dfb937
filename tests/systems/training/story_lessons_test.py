"""ShapeStories as lessons: what the small checkpoint learns from."""

import pickle

import numpy as np
import pytest

from input_pipeline.sequences.clip_sequences import ClipSequenceRule
from input_pipeline.sequences.image_sequences import ImageSequenceRule
from input_pipeline.sequences.lesson import (
  DENSE_CAPTIONS,
  FRAMES,
  GROUNDING,
  IMAGES,
  SECONDS,
)
from vtg_jax.shape_stories.words import paraphrases
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.training.story_lessons import (
  DrawnClipSequences,
  DrawnImageSequences,
  DrawnVideos,
)

KNOBS = {'max_concurrent': 1, 'n_events': (1, 2)}
IMAGE_RULE = ImageSequenceRule(n_iig=2, n_iic=2, n_alr=2, n_images=4)
CLIP_RULE = ClipSequenceRule(
  n_grounding=2, n_dense=2, n_frames=12, n_clips=(2, 3), fewest_frames=2
)


@pytest.mark.parametrize(
  ('options', 'unit', 'n_frames'),
  [
    (
      DrawnImageSequences(knobs=KNOBS, n_stories=40, rule=IMAGE_RULE),
      IMAGES,
      4,
    ),
    (DrawnClipSequences(knobs=KNOBS, n_stories=40, rule=CLIP_RULE), FRAMES, 12),
  ],
)
def test_sequences_without_files(options, unit, n_frames):
  source = options.lessons(16)
  assert len(source) == len(options.rule)
  for index in (0, len(source) - 1):
    lesson = source.lesson(index)
    assert lesson.scale == (unit, n_frames)
    assert lesson.video.get(range(n_frames)).shape == (n_frames, 16, 16, 3)
    assert lesson.turns == source.lesson(index).turns
    assert not lesson.faults


def test_whole_stories_are_asked_about_in_seconds():
  source = DrawnVideos(n_stories=9, n_grounding=2, n_dense=1).lessons(16)
  lesson = source.lesson(5)
  story = lesson.video.story
  assert story.seed == 5 and lesson.scale == (SECONDS, story.duration_s)
  assert lesson.video.get([0]).shape == (1, 16, 16, 3)
  assert sorted(turn.task for turn in lesson.turns) == (
    [DENSE_CAPTIONS] + 2 * [GROUNDING]
  )
  spans = {(event.start_s, event.end_s): event for event in story.events}
  for turn in lesson.turns:
    for event in turn.events:
      said = event.caption[0].lower() + event.caption[1:-1]
      pair = spans[event.start, event.end].pair
      assert said in paraphrases(pair)
  assert lesson.turns == source.lesson(5).turns


def test_what_is_asked_can_be_read_from_a_config():
  options = from_json(
    DrawnClipSequences,
    {
      'knobs': {'max_concurrent': 1, 'n_events': [1, 2]},
      'n_stories': 5,
      'rule': {'n_clips': [2, 3], 'n_frames': 12},
    },
    'data',
  )
  assert options.rule.n_clips == (2, 3) and len(options.seeds) == 5
  with pytest.raises(ValueError, match='ask one or more'):
    DrawnVideos(n_grounding=0)


@pytest.mark.parametrize(
  'options',
  [
    DrawnImageSequences(knobs=KNOBS, n_stories=40, rule=IMAGE_RULE),
    DrawnClipSequences(knobs=KNOBS, n_stories=40, rule=CLIP_RULE),
    DrawnVideos(n_stories=9),
  ],
)
def test_loader_processes_make_the_same_lessons(options):
  source = options.lessons(8)
  sent = pickle.loads(pickle.dumps(source))
  mine, theirs = source.lesson(3), sent.lesson(3)
  assert mine.turns == theirs.turns
  for frame_id in (0, mine.video.n_frames - 1):
    frames = [lesson.video.get([frame_id]) for lesson in (mine, theirs)]
    np.testing.assert_array_equal(*frames)
